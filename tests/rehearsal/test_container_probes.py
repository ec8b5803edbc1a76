"""Probes of containers bite: each finds its damage in a deployed environment, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from generator.environment import TemplateConfiguration
from generator.rehearsal.container_probes import CONTAINER_PROBES, CONTAINERS_RULE
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.listener_weights import of_priority
from generator.rehearsal.other_settings import with_settings
from generator.rehearsal.probes import inspect
from generator.rehearsal.target import Finding, Target
from tests.rehearsal.environments import deployed

REGISTRY = "000900090009.dkr.ecr.eu-west-1.amazonaws.com/web-platform"
IMAGES = {
    "ApplicationImage": f"{REGISTRY}/application@sha256:{'a' * 64}",
    "CollectorImage": f"{REGISTRY}/collector@sha256:{'c' * 64}",
}


@pytest.fixture(scope="module")
def target(emulator: Emulator, dev: TemplateConfiguration, tmp_path_factory: pytest.TempPathFactory) -> Target:
    """One environment for all damages. They add up, so a test looks at what its own damage changes."""
    settings = {"Compute": "fargate", "ContainerTestMinutes": "30"}
    [configuration] = with_settings([dev], settings, tmp_path_factory.mktemp("params"))
    return deployed(emulator, configuration, **IMAGES)


def findings(target: Target) -> list[Finding]:
    return [finding for probe in CONTAINER_PROBES for finding in probe(target)]


def test_an_environment_of_containers_keeps_every_claim(target: Target) -> None:
    assert [each for each in inspect(target) if not each.holds] == []
    assert len(findings(target)) > 30


def test_web_servers_alone_are_not_asked_about_containers(emulator: Emulator, dev: TemplateConfiguration) -> None:
    alone = Target(lambda service: None, "", dev.environment, None)  # type: ignore[arg-type]
    assert findings(alone) == []


def service_of(target: Target) -> dict[str, str]:
    outputs = target.deployment.outputs
    return {"cluster": outputs["ClusterName"], "service": outputs["ContainerServiceName"]}


def new_definition(target: Target, change: Callable[[dict[str, Any]], None]) -> None:
    """Let the service's tasks be made of a task definition that differs in something."""
    ecs, where = target.client("ecs"), service_of(target)
    [service] = ecs.describe_services(cluster=where["cluster"], services=[where["service"]])["services"]
    found = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    kept = (
        "family",
        "taskRoleArn",
        "executionRoleArn",
        "networkMode",
        "containerDefinitions",
        "volumes",
        "cpu",
        "memory",
    )
    definition = {name: found[name] for name in (*kept, "requiresCompatibilities", "runtimePlatform") if name in found}
    change(definition)
    arn = ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(**where, taskDefinition=arn)


def application(definition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(e for e in definition["containerDefinitions"] if e["name"] == "application")
    return found


def tasks_get_public_addresses(target: Target) -> None:
    ecs, where = target.client("ecs"), service_of(target)
    [service] = ecs.describe_services(cluster=where["cluster"], services=[where["service"]])["services"]
    network = service["networkConfiguration"]["awsvpcConfiguration"] | {"assignPublicIp": "ENABLED"}
    ecs.update_service(**where, networkConfiguration={"awsvpcConfiguration": network})


def containers_may_write_anywhere(target: Target) -> None:
    new_definition(target, lambda each: application(each).update(readonlyRootFilesystem=False))


def containers_run_as_root(target: Target) -> None:
    new_definition(target, lambda each: application(each).update(user="0:0"))


def an_image_is_named_by_its_tag(target: Target) -> None:
    new_definition(target, lambda each: application(each).update(image=f"{REGISTRY}/application:latest"))


def a_secret_stands_in_the_definition(target: Target) -> None:
    plain = {"name": "DATABASE_SECRET", "value": "s3cret"}
    new_definition(target, lambda each: application(each)["environment"].append(plain))


def images_are_mounted_without_tls(target: Target) -> None:
    def change(definition: dict[str, Any]) -> None:
        for each in definition["volumes"]:
            if "efsVolumeConfiguration" in each:
                each["efsVolumeConfiguration"]["transitEncryption"] = "DISABLED"

    new_definition(target, change)


def the_application_starts_itself(target: Target) -> None:
    new_definition(target, lambda each: each.update(executionRoleArn=each["taskRoleArn"]))


def logs_are_kept_for_a_day(target: Target) -> None:
    name = target.id("Containers", "SidecarLogGroup")
    target.client("logs").put_retention_policy(logGroupName=name, retentionInDays=1)


def visitors_meet_both_versions(target: Target) -> None:
    elb = target.client("elbv2")
    rule = of_priority(elb, target.deployment.outputs["LoadBalancerDnsName"].lower(), CONTAINERS_RULE)
    groups = [
        {"TargetGroupArn": target.id("Containers", f"{name}Containers"), "Weight": 50} for name in ("Blue", "Green")
    ]
    actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]
    elb.modify_rule(RuleArn=rule["RuleArn"], Actions=actions)


def there_may_be_more_tasks(target: Target) -> None:
    where = service_of(target)
    target.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{where['cluster']}/{where['service']}",
        ScalableDimension="ecs:service:DesiredCount",
        MaxCapacity=9,
    )


def nobody_watches_deployments(target: Target) -> None:
    ecs, where = target.client("ecs"), service_of(target)
    [service] = ecs.describe_services(cluster=where["cluster"], services=[where["service"]])["services"]
    configuration = service["deploymentConfiguration"]
    configuration["deploymentCircuitBreaker"] = {"enable": False, "rollback": False}
    ecs.update_service(**where, deploymentConfiguration=configuration)


def the_cluster_says_little(target: Target) -> None:
    settings = [{"name": "containerInsights", "value": "disabled"}]
    target.client("ecs").update_cluster_settings(cluster=service_of(target)["cluster"], settings=settings)


BROKEN: dict[Callable[[Target], None], list[str]] = {
    the_cluster_says_little: ["D11: Container Insights"],
    tasks_get_public_addresses: ["W2: public addresses of tasks"],
    nobody_watches_deployments: ["D15: failing tasks take it back"],
    containers_may_write_anywhere: ["D9: root file systems that are read-only"],
    containers_run_as_root: ["D9: containers that run as root"],
    an_image_is_named_by_its_tag: ["D15: repositories of the images, by digest"],
    a_secret_stands_in_the_definition: ["D10: secrets in the task definition"],
    images_are_mounted_without_tls: ["E11: file system of tasks"],
    the_application_starts_itself: ["D9: roles of a task"],
    logs_are_kept_for_a_day: ["E15: days that logs of containers are kept"],
    there_may_be_more_tasks: ["W8: minimum and maximum of tasks"],
    visitors_meet_both_versions: ["D15: weights of visitors"],
}


@pytest.mark.parametrize("damage", BROKEN, ids=lambda damage: damage.__name__)
def test_a_probe_finds_the_damage_and_nothing_else(target: Target, damage: Callable[[Target], None]) -> None:
    before = {each.claim: each.actual for each in findings(target)}
    damage(target)
    found = [each for each in findings(target) if not each.holds and each.actual != before[each.claim]]
    assert [each.claim for each in found] == BROKEN[damage], found
