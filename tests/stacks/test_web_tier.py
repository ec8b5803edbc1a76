"""W2, W4, W6, W7, W8, E8, E12, E15: the web servers, how they start, heal and scale."""

from __future__ import annotations

import re
from typing import Any

import pytest

from generator.origin import ORIGIN_HEADER
from tests import claims
from tests.intrinsics import Templates, of_type, resolved

SETTINGS = {
    "ApplicationArchiveKey": "shop/1.4.2.tar.gz",
    "EnvironmentName": "dev",
    "LoadBalancerAccess": "internet",
    "SessionTableName": "sessions",
    "VpcCidr": "10.10.0.0/16",
    "TargetProtocol": "HTTPS",
    "FileSystemId": "fs-1",
    "ImagesAccessPointId": "fsap-1",
    "ReleaseBucketName": "releases",
    "AWS::Region": "a-region",
    "AWS::StackName": "a-stack",
}


@pytest.fixture(scope="session")
def bootstrap(templates: Templates) -> str:
    """The script as a server gets it."""
    web_tier = resolved(templates["web_tier"], **SETTINGS)["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    text = web_tier["UserData"]["Fn::Base64"]
    assert isinstance(text, str)
    return text


def test_w2_servers_have_no_public_address(templates: Templates) -> None:
    claims.check_servers_have_no_public_address(templates)


def test_w2_servers_have_no_ssh_key(templates: Templates) -> None:
    claims.check_servers_have_no_ssh_key(templates)


def test_d10_metadata_is_served_with_tokens_only(templates: Templates) -> None:
    claims.check_metadata_is_served_with_tokens_only(templates)


def test_d10_volumes_are_encrypted(templates: Templates) -> None:
    claims.check_volumes_are_encrypted(templates)


def test_w8_never_more_than_three_servers(templates: Templates) -> None:
    claims.check_never_more_than_three_servers(templates)


def test_w6_w7_failing_servers_are_replaced(templates: Templates) -> None:
    claims.check_failing_servers_are_replaced(templates)


def test_w7_rolling_update_keeps_the_minimum_and_waits(templates: Templates) -> None:
    claims.check_rolling_update_keeps_the_minimum_and_waits(templates)


def test_w8_scaling_follows_the_load(templates: Templates) -> None:
    claims.check_scaling_follows_the_load(templates)


def test_w7_stack_is_complete_once_the_minimum_has_signalled(templates: Templates) -> None:
    [group] = of_type(templates["web_tier"], "AWS::AutoScaling::AutoScalingGroup").values()
    assert group["CreationPolicy"]["ResourceSignal"]["Count"] == {"Ref": "WebServerMinimum"}
    assert group["Properties"]["MinSize"] == {"Ref": "WebServerMinimum"}


def test_w8_update_does_not_undo_what_scaling_did(templates: Templates) -> None:
    [group] = of_type(templates["web_tier"], "AWS::AutoScaling::AutoScalingGroup").values()
    ignored = group["UpdatePolicy"]["AutoScalingScheduledAction"]["IgnoreUnmodifiedGroupSizeProperties"]
    assert ignored is True


def test_d9_servers_have_the_role_that_security_made_for_them(templates: Templates) -> None:
    template = templates["web_tier"]
    [(name, profile)] = of_type(template, "AWS::IAM::InstanceProfile").items()
    assert profile["Properties"] == {"Roles": [{"Ref": "WebServerRoleName"}]}
    launched = template["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    assert launched["IamInstanceProfile"] == {"Arn": {"Fn::GetAtt": [name, "Arn"]}}


def test_w7_server_starts_only_with_its_rights_and_behind_its_listener(templates: Templates) -> None:
    [group] = of_type(templates["web_tier"], "AWS::AutoScaling::AutoScalingGroup").values()
    assert set(group["DependsOn"]) == {"WriteLogsAndMetrics", "ForwardToWebServers"}


@pytest.mark.parametrize(("protocol", "port"), [("HTTPS", 443), ("HTTP", 80)])
def test_w4_targets_are_reached_by_either_protocol(templates: Templates, protocol: str, port: int) -> None:
    resources = resolved(templates["web_tier"], **SETTINGS | {"TargetProtocol": protocol})
    targets = resources["WebServers"]["Properties"]
    assert (targets["Protocol"], targets["HealthCheckProtocol"], targets["Port"]) == (protocol, protocol, port)


def test_w1_every_request_of_the_https_listener_goes_to_the_web_servers(templates: Templates) -> None:
    rule = resolved(templates["web_tier"], **SETTINGS)["ForwardToWebServers"]["Properties"]
    assert rule["ListenerArn"] == {"Ref": "HttpsListenerArn"}
    assert rule["Conditions"] == [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]
    assert rule["Actions"] == [{"Type": "forward", "TargetGroupArn": {"Ref": "WebServers"}}]


def test_w1_where_only_cloudfront_may_ask_our_distribution_has_to(templates: Templates) -> None:
    """Anybody can make a distribution that asks from CloudFront's addresses, but not with our secret."""
    settings = SETTINGS | {"LoadBalancerAccess": "cloudfront", "OriginSecretArn": "a-secret"}
    [_, told] = resolved(templates["web_tier"], **settings)["ForwardToWebServers"]["Properties"]["Conditions"]
    assert told["Field"] == "http-header"
    assert told["HttpHeaderConfig"] == {
        "HttpHeaderName": ORIGIN_HEADER,
        "Values": ["{{resolve:secretsmanager:a-secret:SecretString}}"],
    }


def test_d11_servers_hand_on_traces(templates: Templates) -> None:
    policy = templates["web_tier"]["Resources"]["WriteLogsAndMetrics"]["Properties"]["PolicyDocument"]
    [traces] = [statement for statement in policy["Statement"] if statement["Sid"] == "WriteTraces"]
    assert traces["Action"] == ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]


def test_w7_any_server_answers_any_request(templates: Templates) -> None:
    """Sessions are in DynamoDB: a server that goes takes nobody's session with it."""
    [targets] = of_type(templates["web_tier"], "AWS::ElasticLoadBalancingV2::TargetGroup").values()
    attributes = {item["Key"]: item["Value"] for item in targets["Properties"]["TargetGroupAttributes"]}
    assert attributes["stickiness.enabled"] == "false"


def test_e15_servers_are_monitored_in_detail(templates: Templates) -> None:
    """Five periods of a minute are five minutes only where there is a value each minute."""
    data = templates["web_tier"]["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    assert data["Monitoring"] == {"Enabled": True}


@pytest.mark.parametrize("kind", ["instance", "volume"])
def test_d13_what_the_group_launches_is_tagged(templates: Templates, kind: str) -> None:
    """Stack tags do not reach what an Auto Scaling group launches."""
    data = templates["web_tier"]["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    tags = {specification["ResourceType"]: specification["Tags"] for specification in data["TagSpecifications"]}
    assert [tag["Key"] for tag in tags[kind]] == ["Name", "Project", "Environment"]


def test_release_of_a_new_template_version_reaches_the_servers(templates: Templates) -> None:
    [group] = of_type(templates["web_tier"], "AWS::AutoScaling::AutoScalingGroup").values()
    latest = {"Fn::GetAtt": ["LaunchTemplate", "LatestVersionNumber"]}
    assert group["Properties"]["LaunchTemplate"]["Version"] == latest


# The script


def test_script_gets_the_values_of_the_environment(bootstrap: str) -> None:
    assert bootstrap.startswith("#!/bin/bash\n")
    header = dict(re.findall(r"^readonly ([A-Z_]+)='(.*)'$", bootstrap, re.MULTILINE))
    assert (
        header.items()
        >= {
            "ENVIRONMENT_NAME": "dev",
            "REGION": "a-region",
            "STACK_NAME": "a-stack",
            "TARGET_PROTOCOL": "HTTPS",
            "FILE_SYSTEM_ID": "fs-1",
            "ACCESS_POINT_ID": "fsap-1",
            "RELEASE_BUCKET": "releases",
            "ARCHIVE_KEY": "shop/1.4.2.tar.gz",
            "SESSION_TABLE": "sessions",
            "PARAMETER_PATH": "/web-platform/dev",
            "VPC_CIDR": "10.10.0.0/16",
            "TARGET_GROUP_ARN": "${TargetGroupArn}",
        }.items()
    )


def test_w6_health_check_asks_for_what_servers_answer(templates: Templates, bootstrap: str) -> None:
    """The path alone: what it says of the application and of the database is held by tests/user_data."""
    [targets] = of_type(templates["web_tier"], "AWS::ElasticLoadBalancingV2::TargetGroup").values()
    assert targets["Properties"]["HealthCheckPath"] == "/healthz"
    assert "location = /healthz {" in bootstrap


def test_w7_script_signals_the_group_that_waits_for_it(templates: Templates, bootstrap: str) -> None:
    [name] = of_type(templates["web_tier"], "AWS::AutoScaling::AutoScalingGroup")
    assert re.search(rf"cfn-signal.* --resource {name} ", bootstrap)


def test_server_keeps_connections_longer_than_the_load_balancer(templates: Templates, bootstrap: str) -> None:
    """A server that closes first makes the load balancer answer 502 now and then."""
    attributes = templates["ingress"]["Resources"]["LoadBalancer"]["Properties"]["LoadBalancerAttributes"]
    [idle] = [item["Value"] for item in attributes if item["Key"] == "idle_timeout.timeout_seconds"]
    without_upstream = re.sub(r"upstream application \{.*?\}", "", bootstrap, flags=re.DOTALL)
    [kept] = re.findall(r"keepalive_timeout (\d+)s;", without_upstream)
    assert int(kept) > int(idle)


def test_metrics_go_to_the_namespace_that_the_role_may_write(templates: Templates, bootstrap: str) -> None:
    policy: dict[str, Any] = templates["web_tier"]["Resources"]["WriteLogsAndMetrics"]["Properties"]["PolicyDocument"]
    [statement] = [statement for statement in policy["Statement"] if statement["Sid"] == "WriteMetrics"]
    namespace = statement["Condition"]["StringEquals"]["cloudwatch:namespace"]
    assert f"readonly METRIC_NAMESPACE='{namespace}'" in bootstrap
