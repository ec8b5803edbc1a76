"""The platform root: the wiring, what it refuses, and that the real environments fit it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from generator import __version__
from generator.checks.settings import Setting, resolved
from generator.environment import ENVIRONMENTS, load_all
from generator.naming import pascal_case, short_name, stack_logical_id
from generator.release import folder_of
from generator.roots import platform
from generator.stacks import STACKS
from tests import claims
from tests.intrinsics import Template, Templates, holds, of_type, references
from tests.releases import REGION, ROOT

A_DOMAIN = {"DomainName": "shop.example.com", "HostedZoneId": "Z0123456789ABCDEFGHIJ"}

ALLOWED = {
    "VpnGatewayAddress": "",
    "VpnCidr": "",
    "DomainName": "",
    "HostedZoneId": "",
    "LoadBalancerAccess": "internet",
    "WebServerMinimum": "1",
    "WebServerMaximum": "2",
    "AvailabilityZoneA": "eu-west-1a",
    "AvailabilityZoneB": "eu-west-1b",
    "AvailabilityZoneC": "",
    "OnCallEmail": "",
    "OnCallUrl": "",
    "EscalationEmail": "",
    "SecondOnCallEmail": "",
    "IncidentManager": "false",
    "RecoveryRegion": "",
    "OfficeHoursOnly": "false",
    "DatabaseReadReplica": "false",
    "Compute": "ec2",
    "ApplicationImage": "none",
    "CollectorImage": "none",
    "AWS::Region": "eu-west-1",
}


def broken_rules(template: Template, parameters: dict[str, str]) -> list[str]:
    """Return the rules that refuse these parameters, as CloudFormation evaluates them."""
    return [
        name
        for name, rule in template["Rules"].items()
        if ("RuleCondition" not in rule or holds(template, rule["RuleCondition"], parameters))
        and not all(holds(template, assertion["Assert"], parameters) for assertion in rule["Assertions"])
    ]


def accepts(declared: dict[str, Any], value: str) -> bool:
    """Return whether a parameter takes a value, as CloudFormation checks it."""
    bounded = "MinValue" not in declared or declared["MinValue"] <= int(value) <= declared["MaxValue"]
    listed = "AllowedValues" not in declared or value in declared["AllowedValues"]
    matching = "AllowedPattern" not in declared or re.fullmatch(declared["AllowedPattern"], value) is not None
    return bounded and listed and matching


def test_each_value_comes_from_where_its_name_says(templates: Templates) -> None:
    claims.check_each_value_comes_from_where_its_name_says(templates)


def test_w2_web_tier_waits_for_the_way_out(templates: Templates) -> None:
    claims.check_web_tier_waits_for_the_way_out(templates)


@pytest.mark.parametrize(
    "name", ["Encryption", "Network", "Security", "Storage", "Ingress", "Egress", "OnCall", "Observability"]
)
def test_nothing_waits_for_the_database(templates: Templates, name: str) -> None:
    """It is by far the slowest stack; applications read endpoint and secret when they start."""
    waiting = templates["platform"]["Resources"][name]
    assert "Database" not in {target for target, _ in references(waiting)}
    assert "Database" not in templates["platform"]["Resources"]["WebTier"]["DependsOn"]
    assert "Database" not in {target for target, _ in references(templates["platform"]["Resources"]["WebTier"])}


@pytest.mark.parametrize(("domain", "waits"), [({}, False), (A_DOMAIN, True)])
def test_nobody_waits_for_cloudfront_unless_a_domain_leads_through_it(domain: dict[str, str], waits: bool) -> None:
    on_both = {"Compute": "both", "ServerPaths": "/checkout/*"}
    [dev, *_] = load_all(ROOT / "params")
    deployed = resolved(
        folder_of(ROOT / "templates_out"), Setting("", {**dev.parameters(), **on_both, **domain}, REGION)
    )
    behind = ("Ingress", "WebTier", "Containers")
    assert {name: "Edge" in deployed.resources[name].waits_for for name in behind} == dict.fromkeys(behind, waits)


@pytest.mark.parametrize("module", [short_name(module) for module in STACKS])
def test_child_gets_exactly_the_parameters_it_declares(templates: Templates, module: str) -> None:
    given = templates["platform"]["Resources"][stack_logical_id(module)]["Properties"]["Parameters"]
    assert given.keys() == templates[module]["Parameters"].keys()


def test_every_output_that_is_read_exists(templates: Templates) -> None:
    outputs = {
        (stack_logical_id(module), f"Outputs.{name}")
        for module, template in templates.items()
        for name in template.get("Outputs", {})
    }
    root = templates["platform"]
    values = [value for stack in root["Resources"].values() for value in stack["Properties"]["Parameters"].values()]
    values += [output["Value"] for output in root["Outputs"].values()]
    read = {tuple(value["Fn::GetAtt"]) for value in values if isinstance(value, dict) and "Fn::GetAtt" in value}
    assert read
    assert read <= outputs


def test_c1_templates_are_found_below_the_folder_of_one_release(templates: Templates) -> None:
    """CloudFormation sees no change where the URL stays the same."""
    root = templates["platform"]
    for name, stack in of_type(root, "AWS::CloudFormation::Stack").items():
        url = stack["Properties"]["TemplateURL"]["Fn::Sub"]
        assert url.startswith("https://s3.${AWS::Region}."), name
        assert "/${TemplateBucketName}/${TemplateKeyPrefix}" in url, name
    assert f"v{__version__}/" in root["Parameters"]["TemplateKeyPrefix"]["Default"]
    assert root["Outputs"]["ReleaseVersion"]["Value"] == __version__


def test_ami_is_given_with_the_release_and_never_looked_up(templates: Templates) -> None:
    """A default, or a parameter that CloudFormation resolves, would let prod get an AMI that staging never had."""
    for name in ("platform", "web_tier"):
        declared = templates[name]["Parameters"]["WebServerImageId"]
        assert declared["Type"] == "AWS::EC2::Image::Id", name
        assert "Default" not in declared, name


# What the root refuses


@pytest.mark.parametrize(
    ("parameters", "broken"),
    [
        ({}, []),
        ({"WebServerMaximum": "3"}, []),
        ({"WebServerMinimum": "2", "WebServerMaximum": "3"}, []),
        ({"WebServerMinimum": "2"}, ["RoomForRollingUpdate"]),
        ({"DomainName": "www.example.com"}, ["DomainHasHostedZone"]),
        ({"DomainName": "www.example.com", "HostedZoneId": "Z1"}, []),
        ({"HostedZoneId": "Z1"}, ["HostedZoneHasDomain"]),
        ({"LoadBalancerAccess": "cloudfront"}, ["CloudFrontHasDomain"]),
        ({"LoadBalancerAccess": "cloudfront", "DomainName": "www.example.com", "HostedZoneId": "Z1"}, []),
        ({"VpnGatewayAddress": "198.51.100.10"}, ["VpnDeviceHasNetwork"]),
        ({"VpnCidr": "172.20.0.0/16"}, ["VpnNetworkHasDevice"]),
        ({"VpnGatewayAddress": "198.51.100.10", "VpnCidr": "172.20.0.0/16"}, []),
        ({"AvailabilityZoneC": "eu-west-1c"}, []),
        ({"AvailabilityZoneB": "eu-west-1a"}, ["ZonesDifferAB"]),
        ({"AvailabilityZoneC": "eu-west-1a"}, ["ZonesDifferAC"]),
        ({"AvailabilityZoneC": "eu-west-1b"}, ["ZonesDifferBC"]),
        ({"IncidentManager": "true"}, ["TurnsHaveSomebody"]),
        ({"IncidentManager": "true", "OnCallEmail": "a@example.com"}, []),
        ({"SecondOnCallEmail": "b@example.com"}, ["SecondPersonTakesTurns"]),
        ({"EscalationEmail": "c@example.com"}, ["EscalationHasPage"]),
        ({"EscalationEmail": "c@example.com", "OnCallUrl": "https://paging.example.com"}, []),
        ({"RecoveryRegion": "eu-west-1"}, ["CopiesAreElsewhere"]),
        ({"RecoveryRegion": "eu-central-1"}, []),
        ({"Compute": "fargate"}, ["ContainersHaveImages"]),
        ({"Compute": "both", "ApplicationImage": "an-image"}, ["ContainersHaveImages"]),
        ({"Compute": "fargate", "ApplicationImage": "an-image", "CollectorImage": "another"}, []),
        ({"OfficeHoursOnly": "true"}, []),
        ({"OfficeHoursOnly": "true", "DatabaseReadReplica": "true"}, ["StoppedDatabaseHasNoReplica"]),
        (
            {"DomainName": "www.example.com", "WebServerMinimum": "2"},
            ["DomainHasHostedZone", "RoomForRollingUpdate"],
        ),
    ],
    ids=str,
)
def test_rules_refuse_contradictions_before_anything_is_created(
    templates: Templates, parameters: dict[str, str], broken: list[str]
) -> None:
    assert broken_rules(templates["platform"], ALLOWED | parameters) == broken


def test_w7_rules_leave_room_for_a_rolling_update_whatever_the_bounds_allow(templates: Templates) -> None:
    root = templates["platform"]
    for minimum in ("0", "1", "2", "3"):
        for maximum in ("1", "2", "3", "4"):
            chosen = {"WebServerMinimum": minimum, "WebServerMaximum": maximum}
            accepted = all(accepts(root["Parameters"][name], value) for name, value in chosen.items())
            if accepted and not broken_rules(root, ALLOWED | chosen):
                assert 1 <= int(minimum) < int(maximum) <= 3, chosen


def test_rule_says_what_is_wrong(templates: Templates) -> None:
    for name, rule in templates["platform"]["Rules"].items():
        for assertion in rule["Assertions"]:
            assert assertion["AssertDescription"].endswith("."), name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WebServerMaximum", "4"),
        ("OperatorCidr", "0.0.0.0/0"),
        ("OperatorCidr", "0.0.0.0/1"),
        ("OperatorCidr", "::/0"),
        ("VpnCidr", "0.0.0.0/0"),
        ("VpnGatewayAddress", "vpn.example.com"),
        ("FederatedSubject", "repo:my-team/*:ref:refs/heads/main"),
        ("FederatedSubject", "repo:my-team/my-shop:*"),
        ("FederatedSubject", "repo:my-team/my-shop:pull_request"),
        ("FederatedSubject", "*"),
        ("VpcCidr", "10.10.0.0/20"),
        ("AccessMode", "vpn"),
        ("LoadBalancerAccess", "nobody"),
        ("WebApplicationFirewall", "yes"),
        ("ShieldAdvanced", "True"),
        ("EnvironmentName", "Production"),
        ("DatabaseStorage", "5"),
        ("TemplateKeyPrefix", "web-platform/v1.1.0"),
    ],
)
def test_constraint_refuses(templates: Templates, name: str, value: str) -> None:
    assert not accepts(templates["platform"]["Parameters"][name], value)


# The real environments


@pytest.mark.parametrize("index", range(len(ENVIRONMENTS)), ids=ENVIRONMENTS)
def test_c4_real_environment_is_accepted_as_it_is(templates: Templates, params_folder: Path, index: int) -> None:
    root = templates["platform"]
    parameters = load_all(params_folder)[index].parameters()
    assert parameters.keys() <= root["Parameters"].keys()
    for name, value in parameters.items():
        assert accepts(root["Parameters"][name], value), name
    of_a_deployment = {
        "ApplicationImage": "none",
        "CollectorImage": "none",
        "AWS::Region": load_all(params_folder)[index].region,
    }
    assert broken_rules(root, parameters | of_a_deployment) == []
    without_value = [
        name for name in root["Parameters"].keys() - parameters.keys() if "Default" not in root["Parameters"][name]
    ]
    assert sorted(without_value) == ["TemplateBucketName", "WebServerImageId"]


def test_d10_stack_policy_of_production_names_stacks_that_exist(templates: Templates, params_folder: Path) -> None:
    for configuration in load_all(params_folder):
        for statement in (configuration.stack_policy or {}).get("Statement", []):
            named = [resource for resource in statement["Resource"] if resource.startswith("LogicalResourceId/")]
            known = {f"LogicalResourceId/{name}" for name in templates["platform"]["Resources"]}
            assert set(named) <= known


def test_outputs_are_the_declared_ones(templates: Templates) -> None:
    declared = [pascal_case(name) for name in platform.Outputs.__dataclass_fields__]
    assert list(templates["platform"]["Outputs"]) == declared
