"""D11: the canary of the template: where it goes, what it may do, and that it is there only where asked for."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from generator.canary import visit_script
from generator.stacks import observability_canary
from generator.stacks.observability_canary import RESULTS_DAYS, VISIT_MINUTES
from tests.intrinsics import Templates, policy_documents, resolve

CANARY, ROLE = "Canary", "CanaryRole"
ON = {
    "SyntheticCanary": "true",
    "EnvironmentName": "prod",
    "ApplicationArchiveKey": "",
    "Compute": "ec2",
    "DomainName": "",
}


def properties(templates: Templates, title: str, **settings: str) -> dict[str, Any]:
    template = templates["observability"]
    found = resolve(template["Resources"][title], template, {**ON, **settings})["Properties"]
    assert isinstance(found, dict)
    return found


def allowed(templates: Templates) -> dict[str, tuple[list[str], list[Any], Any]]:
    """Return actions, resources and condition of each statement of the canary's role, by its Sid."""
    role = templates["observability"]["Resources"][ROLE]["Properties"]
    return {
        each["Sid"]: (each["Action"], each["Resource"], each.get("Condition"))
        for document in policy_documents(role["Policies"])
        for each in document["Statement"]
    }


def check_canary_touches_nothing_but_its_results(templates: Templates) -> None:
    below = {"Fn::Sub": ["arn:${AWS::Partition}:s3:::${Bucket}/canary/*", {"Bucket": {"Ref": "LogBucketName"}}]}
    bucket = {"Fn::Sub": ["arn:${AWS::Partition}:s3:::${Bucket}", {"Bucket": {"Ref": "LogBucketName"}}]}
    assert allowed(templates) == {
        "WriteDownWhatItSaw": (["s3:GetObject", "s3:PutObject"], [below], None),
        "FindTheBucket": (["s3:GetBucketLocation"], [bucket], None),
        "SeeNamesOfBuckets": (["s3:ListAllMyBuckets"], ["*"], None),
        "CountVisits": (
            ["cloudwatch:PutMetricData"],
            ["*"],
            {"StringEquals": {"cloudwatch:namespace": "CloudWatchSynthetics"}},
        ),
    }
    role = templates["observability"]["Resources"][ROLE]["Properties"]
    assert not role.get("ManagedPolicyArns")
    [trust] = [
        each for document in policy_documents(role["AssumeRolePolicyDocument"]) for each in document["Statement"]
    ]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_d9_the_canary_touches_nothing_but_its_results(templates: Templates) -> None:
    check_canary_touches_nothing_but_its_results(templates)


@pytest.mark.parametrize(
    ("sid", "member", "value"),
    [
        ("WriteDownWhatItSaw", "Resource", ["*"]),
        ("WriteDownWhatItSaw", "Action", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]),
        ("CountVisits", "Condition", {}),
    ],
)
def test_a_canary_that_may_do_more_is_noticed(templates: Templates, sid: str, member: str, value: object) -> None:
    damaged = copy.deepcopy(templates)
    for document in policy_documents(damaged["observability"]["Resources"][ROLE]["Properties"]["Policies"]):
        for statement in document["Statement"]:
            if statement["Sid"] == sid:
                statement[member] = value
    with pytest.raises(AssertionError):
        check_canary_touches_nothing_but_its_results(damaged)


def test_it_is_there_only_where_asked_for(templates: Templates) -> None:
    template = templates["observability"]
    assert template["Conditions"]["HasCanary"] == {"Fn::Equals": [{"Ref": "SyntheticCanary"}, "true"]}
    assert {template["Resources"][title]["Condition"] for title in (CANARY, ROLE)} == {"HasCanary"}


def test_it_visits_the_address_that_customers_use_every_five_minutes(templates: Templates) -> None:
    canary = properties(templates, CANARY)
    assert canary["RunConfig"]["EnvironmentVariables"]["ADDRESS"] == {"Ref": "ApplicationUrl"}
    assert canary["Schedule"]["Expression"] == f"rate({VISIT_MINUTES} minutes)" == "rate(5 minutes)"
    assert canary["StartCanaryAfterCreation"] is True
    assert canary["RunConfig"]["TimeoutInSeconds"] < VISIT_MINUTES * 60


def test_it_runs_the_script_that_the_tests_run(templates: Templates) -> None:
    code = properties(templates, CANARY)["Code"]
    assert code == {"Handler": "index.handler", "Script": visit_script()}


@pytest.mark.parametrize(
    ("settings", "variable", "value"),
    [
        ({"DomainName": ""}, "VERIFY_CERTIFICATE", "false"),
        ({"DomainName": "shop.example.com"}, "VERIFY_CERTIFICATE", "true"),
        ({"ApplicationArchiveKey": ""}, "API_PATH", ""),
        ({"ApplicationArchiveKey": "shop/1.0.0.tar.gz"}, "API_PATH", "/api/products"),
    ],
)
def test_w5_it_expects_what_the_environment_has(
    templates: Templates, settings: dict[str, str], variable: str, value: str
) -> None:
    assert properties(templates, CANARY, **settings)["RunConfig"]["EnvironmentVariables"][variable] == value


def test_what_it_writes_down_is_in_the_log_bucket(templates: Templates) -> None:
    """Synthetics shows the runs of a week; the files expire with the access logs beside them."""
    canary = properties(templates, CANARY)
    assert canary["SuccessRetentionPeriod"] == canary["FailureRetentionPeriod"] == RESULTS_DAYS
    written = templates["observability"]["Resources"][CANARY]["Properties"]["ArtifactS3Location"]
    assert written == {"Fn::Sub": ["s3://${Bucket}/canary", {"Bucket": {"Ref": "LogBucketName"}}]}


def test_what_aws_makes_for_it_goes_with_it(templates: Templates) -> None:
    assert properties(templates, CANARY)["ProvisionedResourceCleanup"] == "AUTOMATIC"


def test_its_runtime_is_one_that_aws_has_not_deprecated(templates: Templates) -> None:
    """Those with Python that are, of November 2026.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Runtime_Support_Policy.html
    """
    language, _, version = properties(templates, CANARY)["RuntimeVersion"].rpartition("-")
    assert language == "syn-python-selenium"
    assert float(version) > 5.1
    assert f"{language}-{version}" == observability_canary.RUNTIME
