"""What CloudFormation asks of IAM for a resource: the right actions, on the right ARNs, under the right conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from generator import registry_schemas
from generator.checks.deployment_handlers import ONLY_WITH, WILDCARDS
from generator.checks.deployment_requests import (
    CREATE,
    DELETE,
    UPDATE,
    Change,
    Request,
    known_action,
    own_arns,
    requests,
)
from generator.checks.deployment_resources import OWN_ARN, PASSED_TO
from generator.checks.settings import all_settings, resolved
from generator.environment import load_all
from generator.release import folder_of

ROOT = Path(__file__).parents[2]
REGION, ACCOUNT = "eu-west-1", "123456789012"
TAGS = [{"Key": "Name", "Value": "trial"}]
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"


@dataclass
class Surroundings:
    """What the tests say is deployed."""

    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    boundaries: Mapping[str, str] = field(default_factory=dict)

    def tags_of(self, arn: str) -> Mapping[str, str]:
        return self.tags.get(arn, {})

    def boundary_of(self, arn: str) -> str:
        return self.boundaries.get(arn, "")


def change(type_name: str, operation: str = CREATE, **properties: Any) -> Change:
    return Change(
        type=type_name,
        operation=operation,
        properties=properties,
        logical_id="Trial",
        stack_name="web-platform-dev-Part",
        account_id=ACCOUNT,
        region=REGION,
        physical_id="" if operation == CREATE else "trial-1",
        stack_tags={"Project": "web-platform"},
    )


def asked(change: Change, deployed: Surroundings | None = None) -> dict[str, list[Request]]:
    """Return the requests by their actions."""
    found: dict[str, list[Request]] = {}
    for request in requests(change, deployed or Surroundings()):
        found.setdefault(request.action, []).append(request)
    return found


def test_a_resource_has_its_tags_from_the_request_that_makes_it() -> None:
    found = asked(change("AWS::EC2::VPC", CidrBlock="10.0.0.0/16", Tags=TAGS))
    (making,) = found["ec2:CreateVpc"]
    assert making.resource.startswith(f"{EC2}:vpc/")
    assert making.context["aws:RequestTag/Name"] == "trial"
    assert making.context["aws:RequestTag/Project"] == "web-platform"
    assert making.context["aws:TagKeys"] == ["Project", "Name"]
    assert not any(key.startswith("aws:ResourceTag/") for key in making.context)
    (changing,) = found["ec2:ModifyVpcAttribute"]
    assert changing.context["aws:ResourceTag/Project"] == "web-platform"
    assert changing.context["aws:RequestedRegion"] == REGION
    assert not any(key.startswith("aws:RequestTag/") for key in changing.context)


def test_what_the_properties_name_is_asked_about_too() -> None:
    vpc = f"{EC2}:vpc/vpc-0123456789abcdef0"
    deployed = Surroundings(tags={vpc: {"Project": "other"}})
    making = asked(change("AWS::EC2::Subnet", VpcId="vpc-0123456789abcdef0"), deployed)["ec2:CreateSubnet"]
    contexts = {request.resource: request.context for request in making}
    assert len(contexts) == 2
    assert contexts[vpc] == {"aws:RequestedRegion": REGION, "aws:ResourceTag/Project": "other"}


def test_what_a_policy_speaks_of_is_not_asked_about() -> None:
    other = f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:access-point/*"
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": other}]}
    found = asked(change("AWS::EFS::FileSystem", UPDATE, FileSystemPolicy=policy))
    assert other not in {request.resource for each in found.values() for request in each}


@pytest.mark.parametrize("action", ["elasticfilesystem:TagResource", "elasticfilesystem:UntagResource"])
def test_tags_are_those_of_the_resource_itself(action: str) -> None:
    (tagging,) = asked(change("AWS::EFS::AccessPoint", UPDATE, FileSystemId="fs-0123456789abcdef0"))[action]
    assert tagging.resource == f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:access-point/trial-1"


def test_what_is_deleted_is_asked_about_by_its_id_and_tags() -> None:
    found = asked(change("AWS::EC2::VPC", DELETE, Tags=TAGS))
    assert "ec2:CreateVpc" not in found
    (deleting,) = found["ec2:DeleteVpc"]
    assert deleting.resource == f"{EC2}:vpc/trial-1"
    assert deleting.context["aws:ResourceTag/Name"] == "trial"


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, False), ({"ReplicationConfiguration": {"Role": "arn:aws:iam::1:role/r", "Rules": [1]}}, True)],
)
def test_what_no_property_asks_for_is_not_asked(given: dict[str, Any], expected: bool) -> None:
    found = asked(change("AWS::S3::Bucket", BucketName="trial", **given))
    assert ("s3:PutReplicationConfiguration" in found) is expected
    assert "s3:GetReplicationConfiguration" in found  # reading goes over everything
    assert found["s3:CreateBucket"][0].resource == "arn:aws:s3:::trial"


def test_roles_come_with_their_boundary() -> None:
    found = asked(
        change(
            "AWS::IAM::Role",
            PermissionsBoundary=BOUNDARY,
            Policies=[{"PolicyName": "one"}],
            ManagedPolicyArns=["arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B"],
        )
    )
    for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"):
        assert found[action][0].context["iam:PermissionsBoundary"] == BOUNDARY
        assert found[action][0].context["aws:RequestedRegion"] == "us-east-1"
        assert found[action][0].resource.startswith(f"arn:aws:iam::{ACCOUNT}:role/web-platform-dev-Part-Trial-")
    assert [request.context["iam:PolicyARN"] for request in found["iam:AttachRolePolicy"]] == [
        "arn:aws:iam::aws:policy/A",
        "arn:aws:iam::aws:policy/B",
    ]
    bare = asked(change("AWS::IAM::Role"))
    assert {"iam:PutRolePolicy", "iam:AttachRolePolicy"}.isdisjoint(bare)
    assert "iam:PermissionsBoundary" not in bare["iam:CreateRole"][0].context


def test_taking_a_boundary_away_is_asked() -> None:
    before = {"PermissionsBoundary": BOUNDARY}
    kept = replace(change("AWS::IAM::Role", UPDATE, **before), previous=before)
    lost = replace(change("AWS::IAM::Role", UPDATE), previous=before)
    assert "iam:DeleteRolePermissionsBoundary" not in asked(kept)
    assert "iam:DeleteRolePermissionsBoundary" in asked(lost)


def test_an_update_detaches_what_it_drops_and_attaches_what_is_new() -> None:
    old, new = ["arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B"], ["arn:aws:iam::aws:policy/B"]
    update = change("AWS::IAM::Role", UPDATE, ManagedPolicyArns=new)
    found = asked(replace(update, previous={"ManagedPolicyArns": old}))
    assert [each.context["iam:PolicyARN"] for each in found["iam:DetachRolePolicy"]] == old[:1]
    assert "iam:AttachRolePolicy" not in found


def test_rights_of_other_roles_come_with_those_roles_boundary() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/web-server"
    policy = change("AWS::IAM::Policy", PolicyName="Use", Roles=["web-server"])
    found = asked(policy, Surroundings(boundaries={role: BOUNDARY}))
    (put,) = found["iam:PutRolePolicy"]
    assert (put.resource, put.context["iam:PermissionsBoundary"]) == (role, BOUNDARY)
    assert {"iam:PutUserPolicy", "iam:PutGroupPolicy"}.isdisjoint(found)


@pytest.mark.parametrize(
    ("type_name", "properties", "service"),
    [
        ("AWS::EC2::FlowLog", {"DeliverLogsPermissionArn": f"arn:aws:iam::{ACCOUNT}:role/r"}, "vpc-flow-logs"),
        ("AWS::RDS::DBInstance", {"MonitoringRoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"}, "monitoring.rds"),
        ("AWS::IAM::InstanceProfile", {"Roles": ["r"]}, "ec2"),
    ],
)
def test_a_role_is_passed_to_the_service_that_gets_it(type_name: str, properties: dict[str, Any], service: str) -> None:
    (passing,) = asked(change(type_name, **properties))["iam:PassRole"]
    assert passing.resource == f"arn:aws:iam::{ACCOUNT}:role/r"
    assert passing.context["iam:PassedToService"] == f"{service}.amazonaws.com"


def test_a_key_is_used_through_the_service_that_holds_the_data() -> None:
    (grant,) = asked(change("AWS::RDS::DBInstance", KmsKeyId=KEY))["kms:CreateGrant"]
    assert grant.resource == KEY
    assert grant.context["kms:ViaService"] == f"rds.{REGION}.amazonaws.com"
    assert grant.context["kms:GrantIsForAWSResource"] == "true"
    assert "kms:CreateGrant" not in asked(change("AWS::RDS::DBInstance"))
    assert "kms:ViaService" not in asked(change("AWS::KMS::Key"))["kms:CreateKey"][0].context


def test_a_nested_stack_s_template_is_read() -> None:
    url = f"https://s3.{REGION}.amazonaws.com/bucket/prefix/child.yaml"
    found = asked(change("AWS::CloudFormation::Stack", TemplateURL=url))
    assert [request.resource for request in found["s3:GetObject"]] == ["arn:aws:s3:::bucket/prefix/child.yaml"]
    assert found["cloudformation:CreateStack"][0].context["cloudformation:TemplateUrl"] == url
    assert "s3:GetObject" not in asked(change("AWS::CloudFormation::Stack", DELETE, TemplateURL=url))


def test_a_log_group_stands_with_a_stream_s_part_but_for_tags() -> None:
    found = asked(change("AWS::Logs::LogGroup", LogGroupName="/trial", RetentionInDays=7))
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/trial"
    assert [each.resource for each in found["logs:PutRetentionPolicy"]] == [f"{group}:log-stream:"]
    assert [each.resource for each in found["logs:TagResource"]] == [group]


def test_a_launch_names_its_template_and_what_it_makes() -> None:
    group = change(
        "AWS::AutoScaling::AutoScalingGroup",
        LaunchTemplate={"LaunchTemplateId": "lt-0123456789abcdef0", "Version": "1"},
        VPCZoneIdentifier=["subnet-0123456789abcdef0"],
    )
    launching = asked(group)["ec2:RunInstances"]
    kinds = {request.resource.removeprefix(f"{EC2}:").split("/")[0] for request in launching}
    assert kinds == {"instance", "launch-template", "network-interface", "subnet", "volume"}
    template = f"{EC2}:launch-template/lt-0123456789abcdef0"
    assert {request.context["ec2:LaunchTemplate"] for request in launching} == {template}


def test_of_a_type_that_nobody_has_described_more_is_asked_rather_than_less() -> None:
    (making,) = asked(change("AWS::SQS::Queue"))["sqs:CreateQueue"]
    assert making.resource.startswith(f"arn:aws:sqs:{REGION}:{ACCOUNT}:web-platform-dev-Part-Trial-")


def test_a_type_without_handlers_is_described_by_hand_or_refused() -> None:
    membership = change("AWS::IAM::UserToGroupAddition", GroupName="operators", Users=["one"])
    assert [each.resource for each in asked(membership)["iam:AddUserToGroup"]] == [
        f"arn:aws:iam::{ACCOUNT}:group/operators"
    ]
    with pytest.raises(LookupError, match="AWS::CodeBuild::Project: nobody says"):
        asked(change("AWS::CodeBuild::Project"))


# ---------------------------------------------------------------------------------------------------------------------
# Watching and recovering
# ---------------------------------------------------------------------------------------------------------------------


def only(requests: list[Request]) -> str:
    (request,) = requests
    return request.resource


def test_a_composite_alarm_is_asked_about_with_all_alarms() -> None:
    found = asked(change("AWS::CloudWatch::CompositeAlarm", AlarmRule="TRUE", AlarmName="outage"))
    assert only(found["cloudwatch:PutCompositeAlarm"]) == "*"
    assert only(found["cloudwatch:DescribeAlarms"]).endswith(":alarm:outage")


def test_a_canary_hands_its_role_to_both_services_and_its_code_to_a_function_of_its_name() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/canary"
    found = asked(change("AWS::Synthetics::Canary", Name="web-platform-dev", ExecutionRoleArn=role))
    services = {request.context["iam:PassedToService"] for request in found["iam:PassRole"]}
    assert services == {"synthetics.amazonaws.com", "lambda.amazonaws.com"}
    assert {request.resource for request in found["iam:PassRole"]} == {role}
    assert only(found["lambda:CreateFunction"]).startswith(f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:cwsyn-web-pl")
    assert only(found["lambda:GetLayerVersion"]).endswith(":1")
    assert not {"s3:CreateBucket", "kms:CreateGrant", "ec2:DescribeVpcs"} & found.keys()


def test_a_metric_filter_is_asked_about_by_its_log_group() -> None:
    found = asked(change("AWS::Logs::MetricFilter", LogGroupName="/web", FilterPattern="", MetricTransformations=[]))
    assert only(found["logs:PutMetricFilter"]) == f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/web:log-stream:"


def test_a_backup_selection_is_asked_about_by_its_plan() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/backup"
    found = asked(change("AWS::Backup::BackupSelection", BackupPlanId="1234", BackupSelection={"IamRoleArn": role}))
    assert only(found["backup:CreateBackupSelection"]) == f"arn:aws:backup:{REGION}:{ACCOUNT}:backup-plan:1234"
    (passing,) = found["iam:PassRole"]
    assert passing.context["iam:PassedToService"] == "backup.amazonaws.com"


def test_a_schedule_has_the_name_of_its_group_in_its_arn_and_hands_over_its_role() -> None:
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:rds:stopDBInstance", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/hours"}
    found = asked(change("AWS::Scheduler::Schedule", Name="stop", GroupName="hours", Target=target))
    assert only(found["scheduler:CreateSchedule"]) == f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/hours/stop"
    (passing,) = found["iam:PassRole"]
    assert passing.context["iam:PassedToService"] == "scheduler.amazonaws.com"


def test_a_contact_s_channel_has_the_contact_in_its_arn() -> None:
    contact = f"arn:aws:ssm-contacts:{REGION}:{ACCOUNT}:contact/first"
    found = asked(change("AWS::SSMContacts::ContactChannel", ContactId=contact, ChannelType="EMAIL"))
    assert ":contactchannel/first/" in only(found["ssm-contacts:GetContactChannel"])
    assert only(found["ssm-contacts:CreateContactChannel"]) == contact


def test_a_budget_is_of_the_whole_account_and_asked_about_in_us_east_1() -> None:
    found = asked(change("AWS::Budgets::Budget", Budget={"BudgetName": "monthly"}))
    (viewing,) = found["budgets:ViewBudget"]
    assert viewing.context["aws:RequestedRegion"] == "us-east-1"
    assert only(found["billing:GetBillingViewData"]) == f"arn:aws:billing::{ACCOUNT}:billingview/primary"


def test_a_bucket_that_is_copied_asks_nothing_of_the_copy() -> None:
    copy, role = "arn:aws:s3:::copies", f"arn:aws:iam::{ACCOUNT}:role/replication"
    rules = [{"Status": "Enabled", "Destination": {"Bucket": copy}}]
    found = asked(change("AWS::S3::Bucket", BucketName="ours", ReplicationConfiguration={"Role": role, "Rules": rules}))
    assert only(found["s3:PutReplicationConfiguration"]) == "arn:aws:s3:::ours"
    assert copy not in {request.resource for requests in found.values() for request in requests}
    (passing,) = found["iam:PassRole"]
    assert (passing.resource, passing.context["iam:PassedToService"]) == (role, "s3.amazonaws.com")


# ---------------------------------------------------------------------------------------------------------------------
# The tables, held to what they speak of
# ---------------------------------------------------------------------------------------------------------------------


def handlers(type_name: str) -> dict[str, tuple[str, ...]]:
    return registry_schemas.handler_permissions(type_name, REGION)


@pytest.fixture(scope="module")
def deployed_types() -> frozenset[str]:
    release, found = folder_of(ROOT / "templates_out"), set()
    for setting in all_settings(load_all(ROOT / "params")):
        found |= {resource.type for resource in resolved(release, setting).resources.values()}
    return frozenset(found)


def test_every_type_of_the_release_is_known_by_an_arn_or_by_what_it_names(deployed_types: frozenset[str]) -> None:
    assert sorted(deployed_types - OWN_ARN.keys()) == []


REQUIRED: dict[str, dict[str, Any]] = {
    "AWS::CloudFormation::Stack": {"TemplateURL": f"https://s3.{REGION}.amazonaws.com/bucket/child.yaml"},
    "AWS::KMS::Alias": {"AliasName": "alias/trial"},
}
"""Properties without which there is no such resource."""


@pytest.mark.parametrize("type_name", sorted(name for name, arns in OWN_ARN.items() if arns))
def test_an_arn_is_of_a_kind_that_the_type_s_actions_know(type_name: str) -> None:
    one = change(type_name, **REQUIRED.get(type_name, {}))
    found = {request.resource for request in requests(one, Surroundings())}
    unlimited = {"AWS::CertificateManager::Certificate"}  # requested under no name; known afterwards
    assert set(own_arns(one)) & found or type_name in unlimited


def test_conditions_speak_of_actions_and_properties_that_exist() -> None:
    for type_name, conditions in ONLY_WITH.items():
        properties = registry_schemas.schema(type_name, REGION)["properties"]
        listed = {action for actions in handlers(type_name).values() for action in actions}
        for patterns, wanted in conditions.items():
            assert set(wanted) <= properties.keys(), (type_name, wanted)
            for pattern in patterns:
                assert any(fnmatchcase(action, pattern) for action in listed), (type_name, pattern)


def test_wildcards_of_schemas_have_their_meaning(deployed_types: frozenset[str]) -> None:
    listed = {
        action
        for name in deployed_types
        if "handlers" in registry_schemas.schema(name, REGION)
        for actions in handlers(name).values()
        for action in actions
    }
    unknown = {action for action in listed if "*" in action and action not in WILDCARDS}
    assert {action.partition(":")[0] for action in unknown} <= {"managed-fleets"}  # no service that IAM knows
    for pattern, actions in WILDCARDS.items():
        assert all(fnmatchcase(action, pattern) and known_action(action) for action in actions)


def test_roles_are_passed_by_types_that_say_so() -> None:
    for type_name in PASSED_TO:
        assert any("iam:PassRole" in actions for actions in handlers(type_name).values()), type_name


def test_a_service_is_known_by_its_cluster_and_hands_its_role_to_ecs() -> None:
    moving = f"arn:aws:iam::{ACCOUNT}:role/web-platform-dev-Containers-1AB-DeploymentRole-2CD"
    balancer = {"ContainerName": "application", "AdvancedConfiguration": {"RoleArn": moving}}
    found = asked(change("AWS::ECS::Service", Cluster="web-platform-dev-1", LoadBalancers=[balancer]))
    [making] = found["ecs:CreateService"]
    assert making.resource.startswith(f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/web-platform-dev-1/")
    assert making.context["aws:RequestTag/Project"] == "web-platform"
    [handing] = found["iam:PassRole"]
    assert (handing.resource, handing.context["iam:PassedToService"]) == (moving, "ecs.amazonaws.com")


def test_a_task_definition_hands_its_roles_to_tasks() -> None:
    roles = {name: f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("TaskRoleArn", "ExecutionRoleArn")}
    found = asked(change("AWS::ECS::TaskDefinition", Family="web-platform-dev", **roles))
    assert [each.resource for each in found["ecs:RegisterTaskDefinition"]] == [
        f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web-platform-dev:1"
    ]
    handed = {(each.resource, each.context["iam:PassedToService"]) for each in found["iam:PassRole"]}
    assert handed == {(arn, "ecs-tasks.amazonaws.com") for arn in roles.values()}


def test_the_first_cluster_and_the_first_scaling_make_service_linked_roles() -> None:
    asks = {
        type_name: asked(change(type_name))["iam:CreateServiceLinkedRole"][0].context["iam:AWSServiceName"]
        for type_name in ("AWS::ECS::Cluster", "AWS::ApplicationAutoScaling::ScalableTarget")
    }
    assert asks == {
        "AWS::ECS::Cluster": "ecs.amazonaws.com",
        "AWS::ApplicationAutoScaling::ScalableTarget": "ecs.application-autoscaling.amazonaws.com",
    }
    assert "ecs:PutAccountSettingDefault" not in asked(change("AWS::ECS::Cluster", UPDATE))
