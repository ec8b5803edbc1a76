"""W8, D2, D5, D11, D15: the containers, beyond what `container_claims` promises of them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from generator.application_environment import APPLICATION_SECRET
from generator.naming import pascal_case
from generator.rehearsal.emulator_metric_math import evaluate
from generator.stacks.containers_collector import CONFIGURATION, MEMORY_MIB
from generator.stacks.containers_task import SIZES
from tests.container_claims import containers, in_a_task, properties, service
from tests.intrinsics import Templates, of_type, resolve

FARGATE_SIZES = {"512": {"1024", "2048", "3072", "4096"}, "1024": {"2048", "3072", "4096"}, "2048": {"4096", "5120"}}
"""https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size"""

PROXY_MIB = 128
"""Twice what AWS recommends for the proxy of Service Connect.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html"""

LARGEST_PARAMETER = 4096
"""https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm"""


def value(templates: Templates, alarm: str, **metrics: float | None) -> float | None:
    """Return what an alarm compares in a minute with these metrics; `None` is no data."""
    queries = properties(templates["containers"], alarm)["Metrics"]
    [expression] = [query["Expression"] for query in queries if "Expression" in query]
    known = {"ScaleInCpuPercent": "30", "ScaleOutRequests": "1200"}
    text = resolve(expression, templates["containers"], known)
    assert {query["Id"] for query in queries if "MetricStat" in query} == metrics.keys()
    series = {name: {} if metric is None else {0: metric} for name, metric in metrics.items()}
    return evaluate(text, series, [0]).get(0)


# Deployments


def test_d15_errors_of_a_tenth_count_by_themselves(templates: Templates) -> None:
    """Half of the canary's requests fail: 5 % of all, but half of what the new version answers."""
    shares = {"errors_blue": None, "requests_blue": 900.0, "errors_green": 50.0, "requests_green": 100.0}
    assert value(templates, "DeploymentErrors", **shares) == 50


def test_d15_a_version_that_nobody_asks_has_no_errors(templates: Templates) -> None:
    shares = {"errors_blue": 80.0, "requests_blue": 100.0, "errors_green": None, "requests_green": None}
    assert value(templates, "DeploymentErrors", **shares) == 80
    nobody = dict.fromkeys(shares)
    assert value(templates, "DeploymentErrors", **nobody) == 0


def test_d15_a_single_error_at_night_rolls_nothing_back(templates: Templates) -> None:
    shares = {"errors_blue": 1.0, "requests_blue": 2.0, "errors_green": None, "requests_green": None}
    assert value(templates, "DeploymentErrors", **shares) == 0


@given(
    requests=st.tuples(st.integers(1, 10_000), st.integers(1, 10_000)),
    failing=st.tuples(st.integers(0, 100), st.integers(0, 100)),
)
def test_d15_the_worse_version_counts(
    templates: Templates, requests: tuple[int, int], failing: tuple[int, int]
) -> None:
    errors = [asked * percent // 100 for asked, percent in zip(requests, failing, strict=True)]
    expected = max(100 * failed / asked if failed >= 5 else 0 for failed, asked in zip(errors, requests, strict=True))
    found = value(
        templates,
        "DeploymentErrors",
        errors_blue=float(errors[0]),
        errors_green=float(errors[1]),
        requests_blue=float(requests[0]),
        requests_green=float(requests[1]),
    )
    assert found == pytest.approx(expected)


def test_d15_alarms_of_a_deployment_tell_nobody(templates: Templates) -> None:
    """ECS reads them. What lasts, the alarms of observability tell."""
    for name in ("DeploymentErrors", "DeploymentSlow", "DeploymentUnhealthy"):
        assert "AlarmActions" not in properties(templates["containers"], name)


@pytest.mark.parametrize("minutes", ["1", "1440"])
def test_d15_somebody_has_as_long_as_the_environment_says(templates: Templates, minutes: str) -> None:
    [hook] = service(templates, ContainerTestMinutes=minutes)["DeploymentConfiguration"]["LifecycleHooks"]
    assert hook["TimeoutConfiguration"]["TimeoutInMinutes"] == minutes


# Scaling


def test_w8_requests_of_both_versions_are_one_load(templates: Templates) -> None:
    """During a canary a task of the one gets nine tenths of what it got, and one of the other a tenth."""
    assert value(templates, "ManyRequests", requests_blue=1170.0, requests_green=130.0) == 1300
    assert value(templates, "ManyRequests", requests_blue=None, requests_green=1300.0) == 1300


@pytest.mark.parametrize(
    ("cpu", "requests", "idle"),
    [
        (29.0, 2999.0, 1.0),
        (30.0, 2999.0, 0.0),
        # In five minutes; one of two tasks would get what both got, and be asked too much.
        (29.0, 3000.0, 0.0),
        (1.0, None, 1.0),
    ],
)
def test_w8_a_task_goes_when_neither_load_needs_it(
    templates: Templates, cpu: float, requests: float | None, idle: float
) -> None:
    assert value(templates, "TasksIdle", cpu=cpu, requests_blue=requests, requests_green=None) == idle


def test_w8_without_knowing_the_cpu_no_task_goes(templates: Templates) -> None:
    assert value(templates, "TasksIdle", cpu=None, requests_blue=None, requests_green=None) is None
    assert properties(templates["containers"], "TasksIdle")["TreatMissingData"] == "notBreaching"


# Tasks


@pytest.mark.parametrize("size", SIZES)
def test_d5_fargate_has_tasks_of_this_size(templates: Templates, size: str) -> None:
    task = properties(containers(templates, ContainerSize=size), "TaskDefinition")
    assert task["Memory"] in FARGATE_SIZES[task["Cpu"]]
    limits = [int(container["Memory"]) for container in task["ContainerDefinitions"]]
    assert max(limits) == limits[0] >= int(task["Memory"]) / 2, "most of it is the application's"
    assert int(task["Memory"]) - sum(limits) >= PROXY_MIB


def test_d2_sizes_are_those_of_the_parameter(templates: Templates) -> None:
    assert templates["containers"]["Parameters"]["ContainerSize"]["AllowedValues"] == list(SIZES)


def test_d5_visitors_depend_on_the_application_alone(templates: Templates) -> None:
    essential = {name: container["Essential"] for name, container in in_a_task(templates).items()}
    assert essential == {"application": True, "migration": False, "collector": False}
    assert in_a_task(templates)["collector"]["RestartPolicy"]["Enabled"] is True


def test_d5_application_and_migration_are_told_the_same(templates: Templates) -> None:
    task = in_a_task(templates)
    assert task["application"]["Environment"] == task["migration"]["Environment"]
    assert APPLICATION_SECRET not in {variable["Name"] for variable in task["application"]["Environment"]}


def test_d5_health_is_checked_as_the_image_says(templates: Templates) -> None:
    health = in_a_task(templates)["application"]["HealthCheck"]
    assert health["Command"] == ["CMD", "/srv/application/check-health"]
    assert health["Timeout"] < health["Interval"]


def test_d5_nothing_ends_before_its_requests_do(templates: Templates) -> None:
    """Two minutes are all that Fargate gives, and all that AWS takes spare capacity back with."""
    [group, _] = of_type(containers(templates), "AWS::ElasticLoadBalancingV2::TargetGroup").values()
    attributes = {each["Key"]: each["Value"] for each in group["Properties"]["TargetGroupAttributes"]}
    draining = int(attributes["deregistration_delay.timeout_seconds"])
    assert draining + in_a_task(templates)["application"]["StopTimeout"] <= 120


def test_d9_each_image_comes_from_its_own_repository(templates: Templates) -> None:
    image = "210987654321.dkr.ecr.eu-west-1.amazonaws.com/web-platform/{}@sha256:" + 64 * "a"
    given_images = {"ApplicationImage": image.format("application"), "CollectorImage": image.format("collector")}
    policy = properties(containers(templates, **given_images), "StartTasks")["PolicyDocument"]
    [pulling] = [statement for statement in policy["Statement"] if statement["Sid"] == "PullImages"]
    assert pulling["Resource"] == [
        f"arn:${{AWS::Partition}}:ecr:eu-west-1:210987654321:repository/web-platform/{name}"
        for name in ("application", "collector")
    ]


# Service discovery


@pytest.mark.parametrize(("protocol", "port"), [("HTTPS", 8443), ("HTTP", 8080)])
def test_d5_other_services_find_the_application(templates: Templates, protocol: str, port: int) -> None:
    connect = service(templates, TargetProtocol=protocol)["ServiceConnectConfiguration"]
    [published] = connect["Services"]
    [mapping] = in_a_task(templates, TargetProtocol=protocol)["application"]["PortMappings"]
    assert published["PortName"] == mapping["Name"]
    assert published["ClientAliases"] == [{"DnsName": "application.dev.web-platform.internal", "Port": port}]
    assert connect["Namespace"] == {"Fn::GetAtt": ["Namespace", "Arn"]}
    assert properties(containers(templates), "Namespace")["Name"] == "dev.web-platform.internal"


def test_d5_the_protocol_between_services_can_still_change(templates: Templates) -> None:
    """ECS never changes the protocol of a port that it has been told once."""
    [mapping] = in_a_task(templates)["application"]["PortMappings"]
    assert "AppProtocol" not in mapping


# Tracing


@pytest.fixture(scope="session")
def configuration(templates: Templates) -> dict[str, Any]:
    """What the collector reads."""
    parameter = properties(containers(templates, **{"AWS::Region": "a-region"}), "CollectorConfiguration")
    found: dict[str, Any] = yaml.safe_load(parameter["Value"])
    return found


def test_d11_traces_go_to_x_ray(configuration: dict[str, Any]) -> None:
    [(name, pipeline)] = configuration["service"]["pipelines"].items()
    assert (name, pipeline["receivers"], pipeline["exporters"]) == ("traces", ["otlp"], ["awsxray"])
    assert configuration["exporters"]["awsxray"] == {"region": "a-region"}


def test_d11_collector_uses_all_that_it_configures(configuration: dict[str, Any]) -> None:
    pipeline = configuration["service"]["pipelines"]["traces"]
    for kind in ("receivers", "processors", "exporters"):
        assert configuration[kind].keys() == set(pipeline[kind])
    assert configuration["extensions"].keys() == set(configuration["service"]["extensions"])


def test_d11_nobody_outside_the_task_hands_in_traces(configuration: dict[str, Any]) -> None:
    protocols = configuration["receivers"]["otlp"]["protocols"]
    addresses = [protocol["endpoint"] for protocol in protocols.values()]
    addresses += [extension["endpoint"] for extension in configuration["extensions"].values()]
    assert {address.partition(":")[0] for address in addresses} == {"127.0.0.1"}


def test_d11_application_tells_the_collector(templates: Templates, configuration: dict[str, Any]) -> None:
    told = {variable["Name"]: variable["Value"] for variable in in_a_task(templates)["application"]["Environment"]}
    listening = configuration["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    assert told["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://{listening}"


def test_d11_collector_refuses_spans_before_it_is_ended(configuration: dict[str, Any]) -> None:
    limit = configuration["processors"]["memory_limiter"]
    assert limit["limit_mib"] + limit["spike_limit_mib"] < MEMORY_MIB
    [first, *_] = configuration["service"]["pipelines"]["traces"]["processors"]
    assert first == "memory_limiter"


def test_d11_configuration_is_there_before_the_first_task(templates: Templates) -> None:
    """ECS knows it by its path, from which CloudFormation sees no order."""
    assert templates["containers"]["Resources"]["TaskDefinition"]["DependsOn"] == ["CollectorConfiguration"]


def test_d11_configuration_fits_an_ssm_parameter() -> None:
    assert len(CONFIGURATION.encode()) <= LARGEST_PARAMETER


def test_d11_another_configuration_is_another_task_definition(templates: Templates) -> None:
    """ECS reads the parameter when a task starts: without a new definition no task would start."""
    labels = in_a_task(templates)["collector"]["DockerLabels"]
    assert labels["configuration"] == hashlib.sha256(CONFIGURATION.encode()).hexdigest()


# Wiring


def test_what_the_containers_give_out_is_theirs(templates: Templates) -> None:
    outputs = templates["containers"]["Outputs"]
    named = {name: value["Value"] for name, value in outputs.items()}
    assert named["ContainerServiceName"] == {"Fn::GetAtt": ["Service", "Name"]}
    assert named["TestSecretArn"] == {"Ref": "TestSecret"}
    for colour in ("blue", "green"):
        group = pascal_case(f"{colour}_containers")
        assert named[f"{group}FullName"] == {"Fn::GetAtt": [group, "TargetGroupFullName"]}


@pytest.mark.parametrize("compute", ["ec2", "fargate", "both"])
def test_d2_containers_are_there_where_asked_for(templates: Templates, compute: str) -> None:
    root = templates["platform"]
    condition = root["Conditions"][root["Resources"]["Containers"]["Condition"]]
    assert condition == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Compute"}, "ec2"]}]}
    assert resolve({"Fn::If": ["HasContainers", "there", "not"]}, root, {"Compute": compute}) == (
        "not" if compute == "ec2" else "there"
    )
