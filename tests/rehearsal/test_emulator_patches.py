"""The patches restore what AWS does, and say so when ministack changes under them."""

from __future__ import annotations

import http.client
import inspect
import json
from importlib import import_module
from importlib.metadata import version
from typing import Any

import pytest
from conftest import REGION, TEMPLATES, Account, root_parameters

from generator.rehearsal import emulator_guards, emulator_patches
from generator.rehearsal.emulator_guards import PatchError
from generator.rehearsal.emulator_patches import PATCHES


@pytest.fixture(scope="module")
def web(production: Account) -> Account:
    template = (TEMPLATES / "root.yaml").read_text(encoding="utf-8")
    stack = production.deploy("patched", template, **root_parameters(production, EnvironmentName="patched"))
    assert stack["StackStatus"] == "CREATE_COMPLETE", production.failures("patched")
    return production


@pytest.fixture
def fresh_ministack(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Handlers as ministack installs them, put back after the test."""
    provisioners = import_module(emulator_guards.PROVISIONERS)
    copies = {name: dict(handler) for name, handler in provisioners._RESOURCE_HANDLERS.items()}
    monkeypatch.setattr(provisioners, "_RESOURCE_HANDLERS", copies)
    return provisioners


def test_the_patches_are_for_the_installed_version() -> None:
    assert version("ministack") == emulator_guards.MINISTACK_VERSION


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.__name__)
def test_every_patch_says_what_it_restores(patch: Any) -> None:
    assert inspect.getdoc(patch)


def test_a_guard_notices_a_function_that_is_gone() -> None:
    with pytest.raises(PatchError, match=r"ministack.services.ec2.no_such is gone.*1\.5\.33"):
        emulator_guards.guarded("ministack.services.ec2", "no_such")


def test_a_guard_notices_other_parameters() -> None:
    with pytest.raises(PatchError, match=r"_instance_xml takes \(inst\), not \(instance\)"):
        emulator_guards.guarded("ministack.services.ec2", "_instance_xml", "instance")


@pytest.mark.parametrize(
    ("patch", "type_name"),
    [
        ("nested_stacks", "AWS::CloudFormation::Stack"),
        ("missing_attributes", "AWS::EC2::VPC"),
        ("table_settings", "AWS::DynamoDB::Table"),
    ],
)
def test_handler_patches_notice_a_change(
    fresh_ministack: Any, monkeypatch: pytest.MonkeyPatch, patch: str, type_name: str
) -> None:
    handler = fresh_ministack._RESOURCE_HANDLERS[type_name]
    monkeypatch.setitem(handler, "create", lambda logical_id, props, stack_name, extra: None)
    # What is wrapped before the handler is looked at must not stay wrapped in this process.
    monkeypatch.setattr(emulator_patches, "replace_function", lambda *_: None)
    monkeypatch.setattr(emulator_patches, "wrap_action", lambda *_: None)
    with pytest.raises(PatchError, match=f"create of {type_name} takes"):
        getattr(emulator_patches, patch)()
    del fresh_ministack._RESOURCE_HANDLERS[type_name]
    with pytest.raises(PatchError, match=f"no handler of {type_name}"):
        getattr(emulator_patches, patch)()


@pytest.mark.parametrize(
    ("patch", "module_name", "name"),
    [
        ("instance_details", "ministack.services.ec2", "_instance_xml"),
        ("load_balancer_network", "ministack.services.alb", "_lb_xml"),
        ("load_balancers_of_all_accounts", "ministack.services.alb", "find_lb_for_host"),
        ("buckets_of_other_accounts", "ministack.services.s3", "_foreign_bucket_allows"),
        ("templates_of_other_accounts", "ministack.services.s3", "_get_object_data"),
        ("planned_failures", "ministack.services.cloudformation.stacks", "_provision_resource"),
    ],
)
def test_function_patches_notice_a_change(
    monkeypatch: pytest.MonkeyPatch, patch: str, module_name: str, name: str
) -> None:
    monkeypatch.setattr(import_module(module_name), name, lambda renamed: None)
    with pytest.raises(PatchError, match=f"{name} takes"):
        getattr(emulator_patches, patch)()


@pytest.mark.parametrize(
    ("patch", "action"),
    [
        ("network_acl_ports", "CreateNetworkAclEntry"),
        ("network_acl_associations", "ReplaceNetworkAclAssociation"),
        ("nat_gateway_addresses", "DescribeNatGateways"),
        ("flow_log_details", "CreateFlowLogs"),
        ("endpoint_details", "DescribeVpcEndpoints"),
    ],
)
def test_action_patches_notice_a_change(monkeypatch: pytest.MonkeyPatch, patch: str, action: str) -> None:
    actions = dict(import_module("ministack.services.ec2")._ACTION_MAP)
    del actions[action]
    monkeypatch.setattr(import_module("ministack.services.ec2"), "_ACTION_MAP", actions)
    with pytest.raises(PatchError, match=f"no action {action}"):
        getattr(emulator_patches, patch)()


def test_group_runs_private_instances_that_are_healthy_targets(web: Account) -> None:
    group = _group(web)
    ids = [each["InstanceId"] for each in group["Instances"]]
    found = web.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    instances = [instance for each in found for instance in each["Instances"]]
    assert len(instances) == group["MinSize"] == 2
    assert {each["SubnetId"] for each in instances} == set(group["VPCZoneIdentifier"].split(","))
    assert all("PublicIpAddress" not in each for each in instances)
    assert all({"Key": "project", "Value": "trial"} in each["Tags"] for each in instances)
    assert all(each["IamInstanceProfile"]["Arn"] for each in instances)
    elb = web.client("elbv2")
    health = elb.describe_target_health(TargetGroupArn=group["TargetGroupARNs"][0])["TargetHealthDescriptions"]
    assert {each["Target"]["Id"]: each["TargetHealth"]["State"] for each in health} == dict.fromkeys(ids, "healthy")


def test_group_scales_with_its_desired_capacity(web: Account) -> None:
    name = _group(web)["AutoScalingGroupName"]
    scaling = web.client("autoscaling")
    for wanted in (4, 2):
        scaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=wanted)
        group = _group(web)
        targets = web.client("elbv2").describe_target_health(TargetGroupArn=group["TargetGroupARNs"][0])
        assert len(group["Instances"]) == len(targets["TargetHealthDescriptions"]) == wanted


def _group(account: Account) -> dict[str, Any]:
    groups = account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    group: dict[str, Any] = next(each for each in groups if each["AutoScalingGroupName"].startswith("patched"))
    return group


def test_load_balancer_redirects_whoever_calls_it_by_name(web: Account) -> None:
    balancers = web.client("elbv2").describe_load_balancers()["LoadBalancers"]
    balancer = next(each for each in balancers if each["LoadBalancerName"].startswith("patched"))
    assert [each["ZoneName"] for each in balancer["AvailabilityZones"]] == [f"{REGION}a", f"{REGION}b"]
    connection = http.client.HTTPConnection("127.0.0.1", web.emulator.port, timeout=5)
    connection.request("GET", "/shop?page=1", headers={"Host": balancer["DNSName"]})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 301
    assert answer.headers["Location"] == f"https://{balancer['DNSName']}:443/shop?page=1"


def test_children_have_parent_tags_and_resolved_references(web: Account) -> None:
    cloudformation = web.client("cloudformation")
    parent = cloudformation.describe_stacks(StackName="patched")["Stacks"][0]
    child = cloudformation.describe_stacks(StackName=web.child("patched", "Data"))["Stacks"][0]
    assert (child["ParentId"], child["RootId"]) == (parent["StackId"], parent["StackId"])
    assert child["Tags"] == [{"Key": "project", "Value": "trial"}]
    assert web.client("ssm").get_parameter(Name="/patched/feature")["Parameter"]["Value"] == "on"


def test_a_failed_child_rolls_back_and_its_reason_reaches_the_parent(web: Account) -> None:
    child = {
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "of-a-failed-child"}},
            "Wrong": {"Type": "AWS::XRay::Group", "DependsOn": "Topic", "Properties": {"Nonsense": "1"}},
        }
    }
    bucket = f"templates-{web.account_id}"
    web.client("s3").put_object(Bucket=bucket, Key="failing.json", Body=json.dumps(child).encode())
    url = f"https://s3.{REGION}.amazonaws.com/{bucket}/failing.json"
    root = {"Resources": {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}}
    stack = web.deploy("failing", json.dumps(root))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Wrong: Model validation failed for AWS::XRay::Group" in web.failures("failing")
    topics = [each["TopicArn"] for each in web.client("sns").list_topics()["Topics"]]
    assert not any(each.endswith(":of-a-failed-child") for each in topics)
    stacks = web.client("cloudformation").describe_stacks()["Stacks"]
    assert not any(each["StackName"].startswith("failing-Child") for each in stacks)


def test_a_failed_update_takes_its_changed_children_back(web: Account) -> None:
    template = (TEMPLATES / "root.yaml").read_text(encoding="utf-8")
    parameters = root_parameters(web, EnvironmentName="patched", DesiredServers="3", InstanceType="t3.small")
    wrong = template.replace("Outputs:\n  VpcId", "Outputs:\n  Wrong: {Value: !GetAtt Web.Outputs.Nothing}\n  VpcId")
    stack = web.deploy("patched", wrong, "UPDATE", **parameters)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert len(_group(web)["Instances"]) == 2


def test_rules_are_asserted(production: Account) -> None:
    cloudformation = production.client("cloudformation")
    parameters = root_parameters(production, DesiredServers="1")
    with pytest.raises(cloudformation.exceptions.ClientError, match="Production needs two servers"):
        cloudformation.create_change_set(
            StackName="asserted",
            ChangeSetName="first",
            ChangeSetType="CREATE",
            TemplateBody=(TEMPLATES / "root.yaml").read_text(encoding="utf-8"),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )


def test_table_keeps_encryption_expiry_and_backups(web: Account) -> None:
    dynamodb = web.client("dynamodb")
    name = next(each for each in dynamodb.list_tables()["TableNames"] if each.startswith("patched"))
    assert dynamodb.describe_table(TableName=name)["Table"]["SSEDescription"]["SSEType"] == "KMS"
    assert dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["AttributeName"] == "expires"
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_bucket_encrypts_as_its_template_says(web: Account) -> None:
    s3 = web.client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    rules = [s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0] for name in names]
    assert "aws:kms" in {rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for rule in rules}


def test_endpoint_shows_its_groups(web: Account) -> None:
    endpoints = web.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    endpoint = next(each for each in endpoints if each["VpcEndpointType"] == "Interface")
    assert endpoint["PrivateDnsEnabled"]
    assert endpoint["Groups"][0]["GroupId"].startswith("sg-")
