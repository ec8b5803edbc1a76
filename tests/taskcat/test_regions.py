"""The release in every test region: what was deployed answers as promised, and goes away again."""

from __future__ import annotations

import http.client
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from taskcat._cfn.stack import Stack

from tests.taskcat.deployment import Deployment, Settings

NESTED = "AWS::CloudFormation::Stack"
PUBLIC_IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
DNS_ATTEMPTS = 20
DNS_SECONDS = 15.0


@pytest.fixture
def stack(deployment: Deployment, region: str) -> Stack:
    return deployment.stacks[region]


@pytest.fixture
def outputs(stack: Stack) -> dict[str, str]:
    return {output.key: output.value for output in stack.outputs}


def test_every_stack_is_complete(deployment: Deployment, settings: Settings) -> None:
    assert deployment.failures() == []
    assert {region: stack.status for region, stack in deployment.stacks.items()} == dict.fromkeys(
        settings.regions, "CREATE_COMPLETE"
    )


def test_the_configured_settings_arrive(stack: Stack, settings: Settings, region: str) -> None:
    """Taskcat silently keeps a template's default where that is an integer."""
    configured = yaml.safe_load(settings.configuration.read_text(encoding="utf-8"))["tests"]["smallest"]["parameters"]
    live = {parameter.key: parameter.value for parameter in stack.parameters}
    for name, value in configured.items():
        if "$[" not in value:
            assert (name, live[name]) == (name, value)
    assert live["EnvironmentName"] == settings.run_name
    zones = {live["AvailabilityZoneA"], live["AvailabilityZoneB"]}
    assert len(zones) == 2
    assert {zone[:-1] for zone in zones} == {region}


def test_every_output_is_resolved(deployment: Deployment, outputs: dict[str, str]) -> None:
    assert set(outputs) == set(deployment.template("platform.yaml")["Outputs"])
    assert [key for key, value in outputs.items() if not value or "${" in value or "{{" in value] == []


def test_nested_stacks_hold_what_their_templates_say(deployment: Deployment, stack: Stack) -> None:
    nested = {resource.logical_id: resource.physical_id for resource in stack.resources(refresh=True)}
    declared = deployment.template("platform.yaml")["Resources"]
    always_nested = {name for name, resource in declared.items() if "Condition" not in resource}
    assert (always_nested - set(nested), set(nested) - set(declared)) == (set(), set())
    for logical_id, stack_id in nested.items():
        assert declared[logical_id]["Type"] == NESTED
        file_name = declared[logical_id]["Properties"]["TemplateURL"]["Fn::Sub"].rpartition("}")[2]
        resources = deployment.template(file_name)["Resources"]
        always = {name for name, resource in resources.items() if "Condition" not in resource}
        live = _resource_statuses(stack, stack_id)
        assert (logical_id, always - set(live), set(live) - set(resources)) == (logical_id, set(), set())
        assert set(live.values()) == {"CREATE_COMPLETE"}


def test_regions_have_the_same_resources(deployment: Deployment) -> None:
    """Conditions depend on settings alone, never on the region."""
    counts = {}
    for region, stack in deployment.stacks.items():
        nested = {resource.logical_id: resource.physical_id for resource in stack.resources()}
        counts[region] = {name: len(_resource_statuses(stack, stack_id)) for name, stack_id in nested.items()}
    first = next(iter(counts.values()))
    assert counts == dict.fromkeys(counts, first)
    assert sum(first.values()) > 100


def test_web_servers_start_from_the_regions_own_image(stack: Stack, outputs: dict[str, str], region: str) -> None:
    newest = _client(stack, "ssm").get_parameter(Name=PUBLIC_IMAGE)["Parameter"]["Value"]
    assert _image_of_group(stack, outputs["WebServerGroupName"]) == newest


def test_every_region_has_another_image(deployment: Deployment) -> None:
    images = [
        {parameter.key: parameter.value for parameter in stack.parameters}["WebServerImageId"]
        for stack in deployment.stacks.values()
    ]
    assert len(set(images)) == len(deployment.stacks)


def test_http_is_redirected_to_https(settings: Settings, outputs: dict[str, str]) -> None:
    """A real request, as a browser would send it (W3)."""
    host = outputs["LoadBalancerDnsName"]
    status, location = _get(host, "/cart?item=1", settings.emulator_url)
    parts = urlsplit(location)
    assert (status, parts.scheme, parts.hostname, parts.path, parts.query) == (301, "https", host, "/cart", "item=1")


def test_deleting_the_stacks_leaves_no_network_and_no_server(deployment: Deployment, settings: Settings) -> None:
    """The last test: it ends the deployment that the others have looked at."""
    vpcs = {region: _output(stack, "VpcId") for region, stack in deployment.stacks.items()}
    balancers = {region: _output(stack, "LoadBalancerDnsName") for region, stack in deployment.stacks.items()}
    deployment.delete()
    for region, stack in deployment.stacks.items():
        assert (region, stack.status) == (region, "DELETE_COMPLETE")
        pages = _client(stack, "cloudformation").get_paginator("describe_stacks").paginate()
        names = [live["StackName"] for page in pages for live in page["Stacks"]]
        assert [name for name in names if name.startswith(stack.name)] == []
        assert vpcs[region] not in [vpc["VpcId"] for vpc in _client(stack, "ec2").describe_vpcs()["Vpcs"]]
        found = _client(stack, "elbv2").describe_load_balancers()["LoadBalancers"]
        assert balancers[region] not in [balancer["DNSName"] for balancer in found]
    assert set(deployment.stacks) == set(settings.regions)


def _client(stack: Stack, service: str) -> Any:
    return stack.region.client(service)


def _output(stack: Stack, key: str) -> str:
    return next(output.value for output in stack.outputs if output.key == key)


def _resource_statuses(stack: Stack, stack_id: str) -> dict[str, str]:
    pages = _client(stack, "cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_id)
    summaries = [summary for page in pages for summary in page["StackResourceSummaries"]]
    return {summary["LogicalResourceId"]: summary["ResourceStatus"] for summary in summaries}


def _image_of_group(stack: Stack, group_name: str) -> str:
    groups = _client(stack, "autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group_name])
    group = groups["AutoScalingGroups"][0]
    launch = (
        group.get("LaunchTemplate") or group["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"]
    )
    versions = _client(stack, "ec2").describe_launch_template_versions(
        LaunchTemplateId=launch["LaunchTemplateId"], Versions=[launch["Version"]]
    )
    return str(versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]["ImageId"])


def _get(host: str, path: str, emulator_url: str | None) -> tuple[int, str]:
    """Return status and Location. The name of a new load balancer takes minutes to be known everywhere."""
    address = urlsplit(emulator_url or f"http://{host}:80")
    for attempt in range(1, DNS_ATTEMPTS + 1):
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": host})
            response = connection.getresponse()
            return response.status, response.getheader("Location", "")
        except OSError:
            if attempt == DNS_ATTEMPTS:
                raise
            time.sleep(DNS_SECONDS)
        finally:
            connection.close()
    raise AssertionError("unreachable")
