"""Application Auto Scaling of the emulator keeps services within bounds, and alarms add and remove tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import container_stacks
import pytest
from botocore.exceptions import ClientError
from container_stacks import NAME, TEMPLATE, Containers

from generator.rehearsal import emulator_service_scaling
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_guards import PatchError

SCALING = """
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ServiceNamespace: ecs
      ScalableDimension: ecs:service:DesiredCount
      ResourceId: !Sub service/${Cluster}/${Service.Name}
      MinCapacity: !Ref Least
      MaxCapacity: 4
      ScheduledActions:
        - ScheduledActionName: evening
          Schedule: cron(0 19 ? * MON-FRI *)
          Timezone: Europe/Berlin
          ScalableTargetAction: {MinCapacity: 0, MaxCapacity: 0}
  Add: &policy
    Type: AWS::ApplicationAutoScaling::ScalingPolicy
    Properties: &add
      PolicyName: add
      PolicyType: StepScaling
      ScalingTargetId: !Ref Target
      StepScalingPolicyConfiguration:
        AdjustmentType: ChangeInCapacity
        Cooldown: 60
        StepAdjustments: [{MetricIntervalLowerBound: 0, ScalingAdjustment: 1}]
  Remove:
    Type: AWS::ApplicationAutoScaling::ScalingPolicy
    Properties:
      <<: *add
      PolicyName: remove
      StepScalingPolicyConfiguration:
        AdjustmentType: ChangeInCapacity
        Cooldown: 60
        StepAdjustments: [{MetricIntervalUpperBound: 0, ScalingAdjustment: -1}]
  Busy:
    Type: AWS::CloudWatch::Alarm
    Properties: &alarm
      AlarmName: busy
      Namespace: AWS/ECS
      MetricName: CPUUtilization
      Statistic: Average
      ComparisonOperator: GreaterThanThreshold
      Threshold: 60
      Period: 60
      EvaluationPeriods: 1
      AlarmActions: [!Ref Add]
  Idle:
    Type: AWS::CloudWatch::Alarm
    Properties: {<<: *alarm, AlarmName: idle, ComparisonOperator: LessThanThreshold, AlarmActions: [!Ref Remove]}
Outputs:
"""


class Scaled(Containers):
    """A stack whose service is scaled; nobody attends, so that tasks come and go at once."""

    @property
    def scaling(self) -> Any:
        return self.account.client("application-autoscaling")

    @property
    def count(self) -> int:
        outputs = self.outputs
        [found] = self.ecs.describe_services(cluster=outputs["Cluster"], services=[outputs["Service"]])["services"]
        assert found["desiredCount"] == found["runningCount"] == len(self.tasks())
        return int(found["desiredCount"])

    def ring(self, alarm: str) -> None:
        cloudwatch = self.account.client("cloudwatch")
        for state in ("OK", "ALARM"):
            cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="trial")


@pytest.fixture(scope="module")
def scaled(emulator: Emulator) -> Iterator[Scaled]:
    text = TEMPLATE.replace("Parameters:\n", "Parameters:\n  Least: {Type: Number, Default: 3}\n", 1)
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setattr(container_stacks, "TEMPLATE", text.replace("Outputs:\n", SCALING.lstrip("\n"), 1))
        made = Scaled(emulator, pool)
        stack = made.deployed("CREATE", Image="one")
        assert stack["StackStatus"] == "CREATE_COMPLETE", made.account.failures(NAME)
        yield made


def test_a_service_below_its_minimum_grows_to_it(scaled: Scaled) -> None:
    assert scaled.count == 3
    [found] = scaled.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (found["MinCapacity"], found["MaxCapacity"]) == (3, 4)
    tags = scaled.scaling.list_tags_for_resource(ResourceARN=found["ScalableTargetARN"])["Tags"]
    assert tags["project"] == "trial"
    assert scaled.deployed(Image="one", Least="2")["StackStatus"] == "UPDATE_COMPLETE"
    assert scaled.count == 3, "a lower minimum alone takes nothing away"


def test_alarms_add_and_remove_tasks_within_the_bounds_and_wait_in_between(emulator: Emulator, scaled: Scaled) -> None:
    with emulator.stopped_clock():
        counts = [scaled.count]
        for alarm in ("busy", "busy", "idle", "idle"):
            scaled.ring(alarm)
            counts.append(scaled.count)
        assert counts == [3, 4, 4, 3, 3], "the second of each comes too early"
        for _ in range(3):
            emulator.put_forward(61)
            scaled.ring("busy")
        assert scaled.count == 4
        for _ in range(3):
            emulator.put_forward(61)
            scaled.ring("idle")
        assert scaled.count == 2
    activities = scaled.scaling.describe_scaling_activities(ServiceNamespace="ecs")["ScalingActivities"]
    assert activities[0]["Description"] == "Setting desired count to 2."
    assert "policy remove" in activities[0]["Cause"]


def test_a_target_keeps_what_a_request_does_not_say(scaled: Scaled) -> None:
    scaled.scaling.register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{scaled.outputs['Cluster']}/{scaled.outputs['ServiceName']}",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=4,
    )
    assert scaled.count == 4
    [found] = scaled.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert found["MaxCapacity"] == 4


def test_schedules_and_policies_are_shown(scaled: Scaled) -> None:
    [schedule] = scaled.scaling.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]
    assert (schedule["ScheduledActionName"], schedule["Timezone"]) == ("evening", "Europe/Berlin")
    policies = scaled.scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    assert {each["PolicyName"] for each in policies} == {"add", "remove"}
    assert all(each["PolicyARN"].startswith("arn:aws:autoscaling:") for each in policies)


def test_what_is_not_there_cannot_be_scaled(scaled: Scaled) -> None:
    key = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
    with pytest.raises(ClientError, match="doesn't exist"):
        scaled.scaling.register_scalable_target(**key, ResourceId="service/no/where", MinCapacity=1, MaxCapacity=2)
    with pytest.raises(ClientError, match="No scalable target"):
        scaled.scaling.put_scaling_policy(
            **key, ResourceId="service/no/where", PolicyName="p", PolicyType="StepScaling"
        )


def test_the_service_asks_iam(emulator: Emulator, scaled: Scaled) -> None:
    iam = scaled.account.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": scaled.account.account_id}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="nobody", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]
    client = emulator.client_of_role(
        "application-autoscaling", role["Arn"], scaled.account.account_id, container_stacks.REGION
    )
    with pytest.raises(ClientError, match="not authorized to perform: application-autoscaling:DescribeScalableTargets"):
        client.describe_scalable_targets(ServiceNamespace="ecs")


def test_with_its_stack_everything_goes(scaled: Scaled) -> None:
    assert scaled.account.delete(NAME)["StackStatus"] == "DELETE_COMPLETE"
    assert scaled.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    assert scaled.scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []


def test_guards_notice_a_service_that_ministack_has_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    router: Any = import_module(emulator_service_scaling.ROUTER)
    monkeypatch.setattr(router, "SERVICE_PATTERNS", {emulator_service_scaling.SERVICE: {}})
    with pytest.raises(PatchError, match="by itself now"):
        emulator_service_scaling.application_auto_scaling()
