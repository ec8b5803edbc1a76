"""Groups of attended accounts wait for their instances' signals, and replace them as the policies say."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from typing import Any

import pytest
from conftest import REGION, Account
from fault_proxy import wait_until

from generator.rehearsal import emulator_auto_scaling
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_guards import PatchError
from generator.rehearsal.emulator_instances import Launch, announced, attend, is_attended, leave

TEMPLATE = """
Parameters:
  Minimum: {Type: String}
  Key: {Type: String}
Resources:
  Vpc: {Type: 'AWS::EC2::VPC', Properties: {CidrBlock: 10.0.0.0/16}}
  Subnet: {Type: 'AWS::EC2::Subnet', Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24}}
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties: {LaunchTemplateData: {ImageId: ami-1, InstanceType: t3.micro, UserData: !Base64 {Ref: Key}}}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: !GetAtt Template.LatestVersionNumber}
      MinSize: !Ref Minimum
      MaxSize: '3'
      VPCZoneIdentifier: [!Ref Subnet]
    CreationPolicy: {ResourceSignal: {Count: !Ref Minimum, Timeout: PT10M}}
    UpdatePolicy:
      AutoScalingRollingUpdate: {MinInstancesInService: !Ref Minimum, WaitOnResourceSignals: true, PauseTime: PT10M}
Outputs:
  Group: {Value: !Ref Group}
"""


class Attended:
    """An account in which this test gives the signals."""

    def __init__(self, account: Account, pool: ThreadPoolExecutor) -> None:
        self.account = account
        self._pool = pool

    def deploying(self, name: str, kind: str = "CREATE", **parameters: str) -> Future[dict[str, Any]]:
        return self._pool.submit(self.account.deploy, name, TEMPLATE, kind, **parameters)

    def instances(self, name: str) -> list[str]:
        """Return the instances of the stack's group, the oldest first."""
        found = self.account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        groups = [each for each in found if each["AutoScalingGroupName"].startswith(f"{name}-Group")]
        return [each["InstanceId"] for group in groups for each in group["Instances"]]

    def signal(self, name: str, instance_id: str, status: str = "SUCCESS") -> None:
        """Give a signal as soon as the stack waits for one."""
        cloudformation = self.account.client("cloudformation")
        given = {"StackName": name, "LogicalResourceId": "Group", "UniqueId": instance_id, "Status": status}

        def accepted() -> bool:
            with contextlib.suppress(cloudformation.exceptions.ClientError):
                return bool(cloudformation.signal_resource(**given))
            return False

        wait_until(accepted)


@pytest.fixture
def attended(emulator: Emulator) -> Iterator[Attended]:
    account = Account(emulator, f"7{time.time_ns() % 10**11:011d}")
    attend(emulator.directory, [account.account_id])
    with ThreadPoolExecutor(1) as pool:
        yield Attended(account, pool)
    leave(emulator.directory)


def test_a_new_group_waits_for_as_many_signals_as_its_policy_wants(attended: Attended) -> None:
    creation = attended.deploying("waiting", Minimum="2", Key="a")
    wait_until(lambda: len(attended.instances("waiting")) == 2)
    first, second = attended.instances("waiting")
    attended.signal("waiting", first)
    [status] = attended.account.client("cloudformation").describe_stacks(StackName="waiting")["Stacks"]
    assert status["StackStatus"] == "CREATE_IN_PROGRESS"
    attended.signal("waiting", second)
    assert creation.result()["StackStatus"] == "CREATE_COMPLETE"


def test_a_failure_signal_undoes_the_creation_and_ends_the_instances(attended: Attended) -> None:
    creation = attended.deploying("failing", Minimum="1", Key="a")
    wait_until(lambda: attended.instances("failing"))
    [instance] = attended.instances("failing")
    attended.signal("failing", instance, "FAILURE")
    assert creation.result()["StackStatus"] == "ROLLBACK_COMPLETE"
    assert attended.instances("failing") == []
    found = attended.account.client("ec2").describe_instances(InstanceIds=[instance])
    assert found["Reservations"][0]["Instances"][0]["State"]["Name"] == "terminated"


@pytest.fixture
def deployed(attended: Attended) -> Attended:
    creation = attended.deploying("rolling", Minimum="2", Key="a")
    wait_until(lambda: len(attended.instances("rolling")) == 2)
    for instance in attended.instances("rolling"):
        attended.signal("rolling", instance)
    assert creation.result()["StackStatus"] == "CREATE_COMPLETE"
    return attended


def test_an_update_never_goes_below_the_minimum_in_service(deployed: Attended) -> None:
    before = deployed.instances("rolling")
    update = deployed.deploying("rolling", "UPDATE", Minimum="2", Key="b")
    for old in before:
        wait_until(lambda: len(deployed.instances("rolling")) == 3)
        assert old in deployed.instances("rolling"), "it goes when its successor has signalled"
        deployed.signal("rolling", deployed.instances("rolling")[-1])
        wait_until(lambda old=old: old not in deployed.instances("rolling"))
    assert update.result()["StackStatus"] == "UPDATE_COMPLETE"
    assert len(deployed.instances("rolling")) == 2
    assert not set(before) & set(deployed.instances("rolling"))


def test_an_update_that_fails_leaves_the_group_as_it_was(deployed: Attended) -> None:
    before = deployed.instances("rolling")
    update = deployed.deploying("rolling", "UPDATE", Minimum="2", Key="b")
    wait_until(lambda: len(deployed.instances("rolling")) == 3)
    deployed.signal("rolling", deployed.instances("rolling")[-1], "FAILURE")
    assert update.result()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert deployed.instances("rolling") == before


def test_an_unhealthy_instance_is_replaced(deployed: Attended) -> None:
    first, second = deployed.instances("rolling")
    scaling = deployed.account.client("autoscaling")
    scaling.set_instance_health(InstanceId=first, HealthStatus="Healthy")
    assert deployed.instances("rolling") == [first, second]
    scaling.set_instance_health(InstanceId=first, HealthStatus="Unhealthy")
    after = deployed.instances("rolling")
    assert after[0] == second
    assert len(after) == 2


def test_launches_and_ends_are_announced_with_what_a_host_needs(emulator: Emulator, deployed: Attended) -> None:
    events = [event for event, _ in announced(emulator.directory, 0)]
    launches = [
        event for event in events if isinstance(event, Launch) and event.account_id == deployed.account.account_id
    ]
    assert [each.instance_id for each in launches] == deployed.instances("rolling")
    assert {(each.region, each.user_data) for each in launches} == {(REGION, "YQ==")}


def test_who_has_left_is_not_waited_for(emulator: Emulator, attended: Attended) -> None:
    creation = attended.deploying("left", Minimum="2", Key="a")
    wait_until(lambda: len(attended.instances("left")) == 2)
    leave(emulator.directory)
    assert creation.result()["StackStatus"] == "CREATE_COMPLETE"


def test_who_was_killed_does_not_attend(emulator: Emulator, attended: Attended) -> None:
    account_id = attended.account.account_id
    assert is_attended(emulator.directory, account_id)
    assert not is_attended(emulator.directory, "123456789012")
    killed = multiprocessing.get_context("spawn").Process(target=attend, args=(emulator.directory, [account_id]))
    killed.start()
    killed.join()
    assert not is_attended(emulator.directory, account_id)


def test_nobody_is_waited_for_where_nobody_attends(emulator: Emulator) -> None:
    account = Account(emulator, f"7{time.time_ns() % 10**11:011d}")
    assert account.deploy("alone", TEMPLATE, Minimum="2", Key="a")["StackStatus"] == "CREATE_COMPLETE"


def test_guards_notice_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("ministack.services.autoscaling"), "_reconcile_instances", lambda renamed: None)
    with pytest.raises(PatchError, match="_reconcile_instances takes"):
        emulator_auto_scaling.group_instances()
    monkeypatch.setattr(
        import_module("ministack.services.cloudformation.stacks"), "_runs_on_worker_thread", lambda renamed: None
    )
    with pytest.raises(PatchError, match="_runs_on_worker_thread takes"):
        emulator_auto_scaling.waiting_for_signals()
    service = import_module("ministack.services.autoscaling")
    monkeypatch.setattr(service, "_ACTION_MAP", {"SetInstanceHealth": None})
    with pytest.raises(PatchError, match="has SetInstanceHealth by itself now"):
        emulator_auto_scaling.replaced_when_unhealthy()
