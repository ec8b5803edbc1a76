"""Services of containers in the emulator deploy stage by stage, shift traffic by weights, and turn back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from container_stacks import NAME, REGION, TEMPLATE, Containers, attended
from hypothesis import given
from hypothesis import strategies as st

from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_container_records import BLUE_GREEN, shifts_of
from generator.rehearsal.emulator_instances import attend
from generator.rehearsal.emulator_tasks import (
    HEALTHY,
    PENDING,
    RUNNING,
    STOPPED,
    UNHEALTHY,
    UNKNOWN,
    DeploymentEnd,
    DeploymentStart,
    TaskState,
    TaskStop,
    announced,
)

BAD = "application:bad"
images = (f"application:{number}" for number in range(1000))


@pytest.fixture(scope="module")
def deployed(emulator: Emulator) -> Iterator[Containers]:
    with attended(emulator, next(images)) as made:
        yield made


@pytest.fixture
def containers(deployed: Containers) -> Iterator[Containers]:
    """The stack with two tasks of a good image, deployed all at once, and nothing under way."""
    deployed.image_states.clear()
    yield deployed
    while deployed.open():
        deployed.round()


class Listener:
    """A queue that gets what ECS tells EventBridge."""

    def __init__(self, containers: Containers) -> None:
        self.sqs, events = containers.account.client("sqs"), containers.account.client("events")
        self.queue = self.sqs.create_queue(QueueName="events")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="events", EventPattern=json.dumps({"source": ["aws.ecs"]}))
        events.put_targets(Rule="events", Targets=[{"Id": "queue", "Arn": arn}])

    def told(self) -> list[dict[str, Any]]:
        """Return what was told since this was asked last."""
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for each in messages:
                found.append(json.loads(each["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])
        return found


@pytest.fixture(scope="module")
def listener(deployed: Containers) -> Listener:
    return Listener(deployed)


def live(containers: Containers) -> str:
    """Return the target group that production requests go to."""
    return "Blue" if containers.weights() == [100, 0] else "Green"


def idle(containers: Containers) -> str:
    return {"Blue": "Green", "Green": "Blue"}[live(containers)]


# ---------------------------------------------------------------------------------------------------------------------
# How a deployment goes on
# ---------------------------------------------------------------------------------------------------------------------


def test_a_new_revision_goes_through_all_stages_beside_the_old_one(containers: Containers) -> None:
    old, new = live(containers), idle(containers)
    here = {"Blue": [100, 0], "Green": [0, 100]}
    deploying = containers.deploying(Image=next(images))
    containers.began(deploying)
    seen: dict[str, tuple[list[int], list[int], int]] = {}
    order = []
    while found := containers.open():
        [each] = found
        stage = each["lifecycleStage"]
        order.append(stage)
        seen[stage] = containers.weights(), containers.weights("Tests"), len(containers.tasks())
        containers.round()
    assert deploying.result()["StackStatus"] == "UPDATE_COMPLETE"
    assert tuple(dict.fromkeys(order)) == BLUE_GREEN
    assert Counter(order)["BAKE_TIME"] == 2, "a round for each minute"
    for stage in ("PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP"):
        assert seen[stage][:2] == (here[old], here[old])
    for stage in ("TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT"):
        assert seen[stage][:2] == (here[old], here[new])
    for stage in ("PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME"):
        assert seen[stage] == (here[new], here[new], 4)
    assert seen["CLEAN_UP"] == (here[new], here[new], 2)
    assert containers.targets(old) == []
    assert len(containers.targets(new)) == 2


def test_tasks_get_requests_only_when_they_run_and_are_healthy(containers: Containers) -> None:
    image, new = next(images), idle(containers)
    containers.image_states[image] = TaskState(PENDING)
    deploying = containers.deploying(Image=image)
    containers.began(deploying)
    containers.round(3)
    assert containers.targets(new) == []
    containers.image_states[image] = TaskState(RUNNING, UNKNOWN)
    containers.round(2)
    assert len(containers.targets(new)) == 2
    assert containers.open()[0]["lifecycleStage"] == "SCALE_UP", "its health check has not passed yet"
    containers.image_states[image] = TaskState(RUNNING, HEALTHY)
    containers.until("POST_SCALE_UP")
    containers.rounds_until(lambda: not containers.open())
    assert deploying.result()["StackStatus"] == "UPDATE_COMPLETE"


def test_a_canary_shifts_a_tenth_first_and_waits_its_minutes(containers: Containers) -> None:
    new = idle(containers)
    deploying = containers.deploying(Image=next(images), Strategy="CANARY")
    containers.began(deploying)
    containers.until("PRODUCTION_TRAFFIC_SHIFT")
    tenth = {"Blue": [10, 90], "Green": [90, 10]}[new]
    assert containers.weights() == tenth
    [found] = containers.open()
    assert found["targetServiceRevision"]["requestedProductionTrafficWeight"] == 10.0
    assert found["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"] == 90.0
    containers.round()
    assert containers.weights() == tenth, "the first of two minutes"
    containers.round()
    assert live(containers) == new
    containers.rounds_until(lambda: not containers.open())
    assert deploying.result()["StackStatus"] == "UPDATE_COMPLETE"


# ---------------------------------------------------------------------------------------------------------------------
# How it turns back
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [TaskState(STOPPED, reason="Essential container in task exited"), TaskState(RUNNING, UNHEALTHY)],
    ids=["ends", "unhealthy"],
)
def test_tasks_that_fail_again_and_again_trip_the_circuit_breaker(containers: Containers, state: TaskState) -> None:
    old, tasks = live(containers), {each.task_arn for each in containers.running()}
    containers.image_states[BAD] = state
    stack = containers.deployed(Image=BAD)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "circuit breaker" in containers.account.failures(NAME)
    found = containers.newest()
    assert found["status"] == "ROLLBACK_SUCCESSFUL"
    assert found["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert found["deploymentCircuitBreaker"]["failureCount"] >= found["deploymentCircuitBreaker"]["threshold"] == 3
    assert live(containers) == old
    assert {each.task_arn for each in containers.running()} == tasks, "the old tasks were never touched"
    assert containers.targets(idle(containers)) == []


def test_an_alarm_during_the_bake_sends_all_requests_back_at_once(containers: Containers) -> None:
    cloudwatch = containers.account.client("cloudwatch")
    shape = {"Namespace": "a", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0, "Statistic": "Sum"}
    cloudwatch.put_metric_alarm(AlarmName="errors", MetricName="e", ComparisonOperator="GreaterThanThreshold", **shape)
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="OK", StateReason="test")
    old, tasks = live(containers), {each.task_arn for each in containers.running()}
    deploying = containers.deploying(Image=next(images), Alarm="errors", BakeMinutes="5")
    containers.began(deploying)
    containers.until("BAKE_TIME")
    assert live(containers) != old
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    containers.round()
    assert live(containers) == old
    [found] = containers.open()
    assert (found["status"], found["alarms"]["triggeredAlarmNames"]) == ("ROLLBACK_IN_PROGRESS", ["errors"])
    containers.round()
    assert {each.task_arn for each in containers.running()} == tasks
    assert deploying.result()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    cure = containers.deploying(Image=next(images), Alarm="errors")
    containers.began(cure)
    assert containers.open()[0]["alarms"]["status"] == "DISABLED", (
        "an alarm that rings already says nothing of the cure"
    )
    containers.rounds_until(lambda: not containers.open())
    assert cure.result()["StackStatus"] == "UPDATE_COMPLETE"


def test_a_pause_ends_by_decision_or_turns_back_when_its_minutes_are_over(containers: Containers) -> None:
    for action, expected in (("CONTINUE", "UPDATE_COMPLETE"), ("ROLLBACK", "UPDATE_ROLLBACK_COMPLETE"), ("", "")):
        deploying = containers.deploying(Image=next(images), PauseMinutes="4")
        deployment = containers.began(deploying)["serviceDeploymentArn"]
        containers.until("POST_TEST_TRAFFIC_SHIFT")
        containers.round(2)
        [found] = containers.open()
        [hook] = found["lifecycleHookDetails"]
        assert (found["lifecycleStage"], hook["status"]) == ("POST_TEST_TRAFFIC_SHIFT", "AWAITING_ACTION")
        if action:
            asked = {"serviceDeploymentArn": deployment, "hookId": hook["hookId"]}
            containers.ecs.continue_service_deployment(**asked, action=action)
            with pytest.raises(ClientError, match="not awaiting"):
                containers.ecs.continue_service_deployment(**asked, action=action)
        else:
            containers.round(2)
            assert containers.newest()["status"] == "ROLLBACK_IN_PROGRESS", "four minutes are over"
            expected = "UPDATE_ROLLBACK_COMPLETE"
        containers.rounds_until(lambda: not containers.open())
        assert deploying.result()["StackStatus"] == expected


def test_whoever_asks_for_it_turns_a_deployment_back(containers: Containers) -> None:
    old = live(containers)
    deploying = containers.deploying(Image=next(images))
    deployment = containers.began(deploying)["serviceDeploymentArn"]
    containers.until("BAKE_TIME")
    containers.ecs.stop_service_deployment(serviceDeploymentArn=deployment, stopType="ROLLBACK")
    containers.rounds_until(lambda: not containers.open(), most=2)
    assert live(containers) == old
    assert containers.newest()["status"] == "ROLLBACK_SUCCESSFUL"
    assert deploying.result()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match="cannot be stopped"):
        containers.ecs.stop_service_deployment(serviceDeploymentArn=deployment)


def test_a_newer_deployment_takes_the_place_of_one_under_way(containers: Containers) -> None:
    old = live(containers)
    outputs = containers.outputs
    service = {"cluster": outputs["Cluster"], "service": outputs["Service"]}
    first, second = (containers.register(next(images)) for _ in range(2))
    containers.ecs.update_service(**service, taskDefinition=first)
    containers.until("BAKE_TIME")
    containers.ecs.update_service(**service, taskDefinition=second)
    assert live(containers) == old
    [found] = containers.open()
    statuses = [
        each["status"]
        for each in containers.ecs.list_service_deployments(**service, maxResults=2)["serviceDeployments"]
    ]
    assert (found["lifecycleStage"], statuses) == ("PRE_SCALE_UP", ["IN_PROGRESS", "ROLLBACK_SUCCESSFUL"])
    containers.rounds_until(lambda: not containers.open())
    assert {each.task_definition_arn for each in containers.running()} == {second}
    [described] = containers.ecs.describe_services(cluster=service["cluster"], services=[service["service"]])[
        "services"
    ]
    assert described["taskDefinition"] == second
    assert "SUCCESSFUL" in described["events"][0]["message"]
    containers.ecs.update_service(**service, forceNewDeployment=True)
    containers.rounds_until(lambda: not containers.open())
    assert containers.newest()["status"] == "SUCCESSFUL"


def test_ecs_does_to_the_load_balancer_only_what_its_role_may(containers: Containers) -> None:
    old = live(containers)
    reading = "elasticloadbalancing:[DR]e*Targe*"
    stack = containers.deployed(Image=next(images), Allowed=reading.replace("[DR]", "?"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "elasticloadbalancing:" in containers.account.failures(NAME)
    assert live(containers) == old


# ---------------------------------------------------------------------------------------------------------------------
# What is told
# ---------------------------------------------------------------------------------------------------------------------


def test_a_deployment_that_fails_is_told_with_its_tasks(containers: Containers, listener: Listener) -> None:
    listener.told()
    containers.image_states[BAD] = TaskState(STOPPED, reason="Essential container in task exited", exit_codes={"a": 1})
    containers.deployed(Image=BAD)
    told = listener.told()
    deployments = [each for each in told if each["detail-type"] == "ECS Deployment State Change"]
    names = Counter(each["detail"]["eventName"] for each in deployments)
    assert names == {"SERVICE_DEPLOYMENT_IN_PROGRESS": 1, "SERVICE_DEPLOYMENT_FAILED": 1}
    failed = next(each for each in deployments if each["detail"]["eventType"] == "ERROR")
    assert failed["resources"] == [containers.outputs["Service"]]
    assert "circuit breaker" in failed["detail"]["reason"]
    stopped = [each["detail"] for each in told if each["detail-type"] == "ECS Task State Change"]
    ended = [each for each in stopped if each["stopCode"] == "TaskFailedToStart"]
    assert len(ended) >= 3
    assert {each["stoppedReason"] for each in ended} == {"Essential container in task exited"}


def test_a_pause_is_told(containers: Containers, listener: Listener) -> None:
    listener.told()
    deploying = containers.deploying(Image=next(images), PauseMinutes="2")
    containers.began(deploying)
    containers.until("POST_TEST_TRAFFIC_SHIFT")
    [told] = [each for each in listener.told() if each["detail-type"] == "ECS Hook State Change"]
    [hook] = containers.open()[0]["lifecycleHookDetails"]
    assert (told["detail"]["eventName"], told["detail"]["hookId"]) == ("HOOK_AWAITING_ACTION", hook["hookId"])
    containers.rounds_until(lambda: not containers.open())
    assert deploying.result()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


# ---------------------------------------------------------------------------------------------------------------------
# Tasks
# ---------------------------------------------------------------------------------------------------------------------


def test_a_task_that_ends_is_replaced_and_never_its_address_given_again(containers: Containers) -> None:
    before = containers.running()
    addresses = {each.ip for each in before}
    cluster = containers.outputs["Cluster"]
    containers.ecs.stop_task(cluster=cluster, task=before[0].task_arn, reason="trial")
    containers.round(2)
    after = containers.running()
    assert len(after) == 2
    assert before[1] in after
    [new] = [each for each in after if each not in before]
    assert new.ip not in addresses
    assert sorted(containers.targets(live(containers))) == sorted(each.ip for each in after)
    assert TaskStop(before[0].task_arn, "trial") in containers.events(TaskStop)


def test_tasks_are_described_as_they_are(containers: Containers) -> None:
    found = containers.tasks()
    assert sorted(each["capacityProviderName"] for each in found) == ["FARGATE", "FARGATE_SPOT"]
    assert len({each["attachments"][0]["details"][0]["value"] for each in found}) == 2, "a subnet each"
    tags = {each["key"]: each["value"] for each in found[0]["tags"]}
    assert tags["project"] == "trial"
    assert tags["aws:ecs:serviceName"] == containers.outputs["ServiceName"]
    interfaces = containers.account.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    groups = {each["PrivateIpAddress"]: [group["GroupId"] for group in each["Groups"]] for each in interfaces}
    for each in containers.running():
        assert groups[each.ip] == [containers.account.child(NAME, "Group")]


def test_a_task_definition_keeps_all_that_its_template_says(containers: Containers) -> None:
    arn = containers.account.child(NAME, "Definition")
    described = containers.ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
    found = described["taskDefinition"]
    [application, migration] = found["containerDefinitions"]
    assert application["readonlyRootFilesystem"] is True
    assert application["user"] == "1001"
    assert application["stopTimeout"] == 60
    assert application["linuxParameters"] == {"capabilities": {"drop": ["ALL"]}, "initProcessEnabled": True}
    assert application["healthCheck"]["command"] == ["CMD", "./check-health"]
    assert application["secrets"][0]["name"] == "KEY"
    assert application["logConfiguration"]["options"] == {"awslogs-group": "tasks", "mode": "non-blocking"}
    assert (migration["essential"], migration["command"]) == (False, ["./migrate"])
    assert found["volumes"][0]["efsVolumeConfiguration"]["authorizationConfig"] == {
        "accessPointId": "fsap-1",
        "iam": "ENABLED",
    }
    assert found["runtimePlatform"] == {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}
    assert {"key": "project", "value": "trial"} in described["tags"]


def test_a_service_shows_its_deployments_and_revisions(containers: Containers) -> None:
    outputs = containers.outputs
    [service] = containers.ecs.describe_services(cluster=outputs["Cluster"], services=[outputs["Service"]])["services"]
    assert (service["desiredCount"], service["runningCount"]) == (2, 2)
    assert [each["rolloutState"] for each in service["deployments"]] == ["COMPLETED"]
    newest = containers.newest()
    arn = newest["targetServiceRevision"]["arn"]
    [revision] = containers.ecs.describe_service_revisions(serviceRevisionArns=[arn])["serviceRevisions"]
    assert revision["resolvedConfiguration"]["loadBalancers"][0]["productionListenerRule"] == outputs["Production"]
    events = [event for event, _ in announced(containers.emulator.directory, 0)]
    starts = {each.deployment_arn for each in events if isinstance(each, DeploymentStart)}
    ends = {each.deployment_arn for each in events if isinstance(each, DeploymentEnd)}
    assert newest["serviceDeploymentArn"] in starts & ends


# ---------------------------------------------------------------------------------------------------------------------
# Where nobody attends, and what is refused
# ---------------------------------------------------------------------------------------------------------------------


def test_where_nobody_attends_a_deployment_is_over_at_once(emulator: Emulator) -> None:
    with ThreadPoolExecutor(1) as pool:
        alone = Containers(emulator, pool)
        assert alone.deployed("CREATE", Image="one", PauseMinutes="60")["StackStatus"] == "CREATE_COMPLETE"
        assert alone.weights() == [100, 0]
        assert alone.deployed(Image="two", PauseMinutes="60")["StackStatus"] == "UPDATE_COMPLETE"
        assert alone.weights() == alone.weights("Tests") == [0, 100]
        assert (len(alone.tasks()), len(alone.targets("Green")), alone.targets("Blue")) == (2, 2, [])
        touches_the_rule(alone)
        assert alone.account.delete(NAME)["StackStatus"] == "DELETE_COMPLETE"


def touches_the_rule(containers: Containers) -> None:
    """An update that touches ECS's rule sends the template's weights again, so no setting may (docs/decisions/0021)."""
    assert containers.deployed(Image="two", Path="/*/")["StackStatus"] == "UPDATE_COMPLETE"
    assert (containers.weights(), containers.targets("Blue")) == ([100, 0], [])


def test_a_rolling_deployment_stays_in_its_target_group(emulator: Emulator) -> None:
    with ThreadPoolExecutor(1) as pool:
        alone = Containers(emulator, pool)
        for kind, image in (("CREATE", "one"), ("UPDATE", "two")):
            assert alone.deployed(kind, Image=image, Strategy="ROLLING")["StackStatus"] == f"{kind}_COMPLETE"
            assert {alone.image_of(each) for each in alone.running()} == {image}
            assert (len(alone.targets("Blue")), alone.targets("Green"), alone.weights()) == (2, [], [100, 0])


@given(st.integers(3, 100), st.integers(0, 1440))
def test_a_linear_deployment_shifts_in_equal_steps(percent: int, minutes: int) -> None:
    linear = {"stepPercent": percent, "stepBakeTimeInMinutes": minutes}
    shifts = shifts_of({"strategy": "LINEAR", "linearConfiguration": linear})
    shares = [share for share, _ in shifts]
    assert shares[-1] == 100
    assert shares[:-1] == [percent * number for number in range(1, len(shares))]
    assert [waits for _, waits in shifts] == [minutes] * (len(shifts) - 1) + [0]


def test_what_a_service_uses_is_not_taken_from_its_cluster(containers: Containers) -> None:
    cluster, ecs = containers.outputs["Cluster"], containers.ecs
    with pytest.raises(ecs.exceptions.ResourceInUseException, match="FARGATE_SPOT"):
        ecs.put_cluster_capacity_providers(
            cluster=cluster, capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
        )
    with pytest.raises(ecs.exceptions.ClusterContainsServicesException):
        ecs.delete_cluster(cluster=cluster)


REFUSED: list[tuple[str, str, str]] = [
    ("DependsOn: [Providers, Production, Tests]", "DependsOn: [Production, Tests]", "not associated with the cluster"),
    ("TargetType: ip", "TargetType: instance", "incompatible with the awsvpc network mode"),
    (
        "          ContainerPort: 8080\n          Target",
        "          ContainerPort: 9\n          Target",
        "container port 9",
    ),
    ("Service: ecs.amazonaws.com", "Service: ec2.amazonaws.com", "Unable to assume role"),
    ("TargetType: PAUSE", "TargetType: AWS_LAMBDA", "runs no lifecycle hooks"),
    ("AlternateTargetGroupArn: !Ref Green", "AlternateTargetGroupArn: !Ref Blue", "need two target groups"),
]


@pytest.mark.parametrize(("said", "instead", "why"), REFUSED)
def test_a_service_that_ecs_would_refuse_is_refused(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, said: str, instead: str, why: str
) -> None:
    import container_stacks

    assert TEMPLATE.count(said) == 1
    text = TEMPLATE.replace(said, instead)
    if instead.startswith("DependsOn"):
        # The associations come after whatever needs them.
        text = text.replace(
            "ClusterCapacityProviderAssociations\n", "ClusterCapacityProviderAssociations\n    DependsOn: Service\n"
        )
    monkeypatch.setattr(container_stacks, "TEMPLATE", text)
    with ThreadPoolExecutor(1) as pool:
        refused = Containers(emulator, pool)
        assert refused.deployed("CREATE", Image="one", PauseMinutes="1")["StackStatus"] == "ROLLBACK_COMPLETE"
        assert why in refused.account.failures(NAME)


def test_a_first_deployment_that_fails_leaves_nothing(emulator: Emulator, containers: Containers) -> None:
    accounts = [containers.account.account_id]
    with ThreadPoolExecutor(1) as pool:
        failing = Containers(emulator, pool)
        attend(emulator.directory, [*accounts, failing.account.account_id])
        failing.image_states[BAD] = TaskState(STOPPED, reason="CannotPullContainerError")
        assert failing.deployed("CREATE", Image=BAD)["StackStatus"] == "ROLLBACK_COMPLETE"
        assert "circuit breaker" in failing.account.failures(NAME)
        assert failing.ecs.list_clusters()["clusterArns"] == []
        assert failing.running() == []
        attend(emulator.directory, accounts)


def test_names_of_resources_are_of_the_account_that_deploys(containers: Containers) -> None:
    arns: list[Any] = [containers.outputs["Service"], containers.newest()["serviceDeploymentArn"]]
    assert all(f":{REGION}:{containers.account.account_id}:" in arn for arn in arns)
