"""D8: which requests a web ACL blocks, how many it allows, and what its log does not say."""

from __future__ import annotations

from typing import Any

import pytest
from troposphere import Sub, Template

from generator import web_acl
from generator.nesting import add_condition
from generator.parameter_types import KeyArn
from tests.intrinsics import Templates, of_type

SCOPES = pytest.mark.parametrize("name", ["ingress", "global_edge"])


def of(templates: Templates, name: str, kind: str) -> dict[str, Any]:
    """Return the properties of the only resource of a WAF type."""
    [resource] = of_type(templates[name], f"AWS::WAFv2::{kind}").values()
    return dict(resource["Properties"])


@SCOPES
def test_d8_every_rule_can_block(templates: Templates, name: str) -> None:
    """A rule that only counts, or whose group is overridden, filters nothing."""
    rules = of(templates, name, "WebACL")["Rules"]
    for rule in rules:
        if "ManagedRuleGroupStatement" in rule["Statement"]:
            assert rule["OverrideAction"] == {"None": {}}, rule["Name"]
            assert "RuleActionOverrides" not in rule["Statement"]["ManagedRuleGroupStatement"], rule["Name"]
        else:
            assert rule["Action"] == {"Block": {}}, rule["Name"]
    assert of(templates, name, "WebACL")["DefaultAction"] == {"Allow": {}}


@SCOPES
def test_d8_awss_rules_are_all_there(templates: Templates, name: str) -> None:
    rules = of(templates, name, "WebACL")["Rules"]
    managed = [rule["Statement"].get("ManagedRuleGroupStatement") for rule in rules]
    assert {(rule["VendorName"], rule["Name"]) for rule in managed if rule} == {
        ("AWS", "AWSManagedRulesAmazonIpReputationList"),
        ("AWS", "AWSManagedRulesCommonRuleSet"),
        ("AWS", "AWSManagedRulesKnownBadInputsRuleSet"),
        ("AWS", "AWSManagedRulesSQLiRuleSet"),
    }


@SCOPES
def test_d8_priorities_and_metrics_are_unique(templates: Templates, name: str) -> None:
    rules = of(templates, name, "WebACL")["Rules"]
    assert len({rule["Priority"] for rule in rules}) == len(rules)
    assert len({rule["VisibilityConfig"]["MetricName"] for rule in rules}) == len(rules)


@SCOPES
def test_d8_what_would_open_a_session_is_not_written_down(templates: Templates, name: str) -> None:
    redacted = [
        field["SingleHeader"]["Name"] for field in of(templates, name, "LoggingConfiguration")["RedactedFields"]
    ]
    assert redacted == ["authorization", "cookie", "x-origin-verify"]
    acl = of(templates, name, "WebACL")
    visible = [acl["VisibilityConfig"], *(rule["VisibilityConfig"] for rule in acl["Rules"])]
    assert not any(each["SampledRequestsEnabled"] for each in visible)
    assert all(each["CloudWatchMetricsEnabled"] for each in visible)


@SCOPES
def test_d8_log_goes_to_the_group_that_waf_may_write_to(templates: Templates, name: str) -> None:
    [group] = of_type(templates[name], "AWS::Logs::LogGroup").values()
    assert group["Properties"]["LogGroupName"]["Fn::Sub"].startswith("aws-waf-logs-web-platform-${EnvironmentName}")
    logging = of(templates, name, "LoggingConfiguration")
    [destination] = logging["LogDestinationConfigs"]
    # The group's own Arn ends in ":*", which AWS WAF refuses.
    text, values = destination["Fn::Sub"]
    assert text.endswith(":log-group:${Name}")
    assert values == {"Name": {"Ref": "WebAclLogGroup"}}
    assert logging["ResourceArn"] == {"Fn::GetAtt": ["WebAcl", "Arn"]}


def test_everything_has_the_condition() -> None:
    template = Template()
    add_condition(template, "Asked", Sub("x"))
    web_acl.add_web_acl(template, scope="REGIONAL", key=KeyArn(Sub("key")), condition="Asked")
    resources = template.to_dict()["Resources"]
    assert {resource["Condition"] for resource in resources.values()} == {"Asked"}
    assert len(resources) == 3
