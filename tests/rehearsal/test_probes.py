"""Probes bite: each finds its damage in a deployed environment, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from generator.environment import TemplateConfiguration
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.probes import inspect
from generator.rehearsal.target import ANYWHERE, Target
from tests.rehearsal.environments import deployed


@pytest.fixture(scope="module")
def damaged(emulator: Emulator, dev: TemplateConfiguration) -> Target:
    """One environment for all damages. They add up, so a test looks at what its own damage changes."""
    return deployed(emulator, dev)


def test_an_environment_keeps_every_claim(emulator: Emulator, dev: TemplateConfiguration) -> None:
    findings = inspect(deployed(emulator, dev))
    assert len(findings) > 60
    assert [finding for finding in findings if not finding.holds] == []


def isolated_subnet_is_routed_to_the_internet(target: Target) -> None:
    ec2, subnet = target.client("ec2"), target.id("Network", "IsolatedSubnetA")
    tables = ec2.describe_route_tables()["RouteTables"]
    associations = [association for table in tables for association in table["Associations"]]
    own = next(association for association in associations if association.get("SubnetId") == subnet)
    ec2.replace_route_table_association(
        AssociationId=own["RouteTableAssociationId"], RouteTableId=target.id("Network", "PublicRouteTable")
    )


def database_is_open_to_the_internet(target: Target) -> None:
    target.client("ec2").authorize_security_group_ingress(
        GroupId=target.id("Security", "DatabaseGroup"),
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": ANYWHERE}]},
        ],
    )


def isolated_acl_lets_everything_in(target: Target) -> None:
    target.client("ec2").create_network_acl_entry(
        NetworkAclId=target.id("Network", "IsolatedAcl"),
        RuleNumber=999,
        RuleAction="allow",
        Protocol="-1",
        CidrBlock=ANYWHERE,
        Egress=False,
    )


def flow_logs_are_deleted(target: Target) -> None:
    ec2 = target.client("ec2")
    ec2.delete_flow_logs(FlowLogIds=[log["FlowLogId"] for log in ec2.describe_flow_logs()["FlowLogs"]])


def logs_are_kept_for_a_day(target: Target) -> None:
    name = target.id("WebTier", "WebServerLogGroup")
    target.client("logs").put_retention_policy(logGroupName=name, retentionInDays=1)


def launch_template_allows_metadata_without_token(target: Target) -> None:
    ec2, template = target.client("ec2"), target.id("WebTier", "LaunchTemplate")
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=["$Latest"])
    data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    data["MetadataOptions"] = {"HttpTokens": "optional"}
    ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=data)


def server_is_deregistered(target: Target) -> None:
    elb, group = target.client("elbv2"), target.id("WebTier", "WebServers")
    health = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": each["Target"]["Id"]} for each in health])


def group_may_grow_further(target: Target) -> None:
    name = target.deployment.outputs["WebServerGroupName"]
    target.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=9)


def alarm_has_another_threshold(target: Target) -> None:
    cloudwatch, name = target.client("cloudwatch"), target.id("WebTier", "SustainedLoad")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    kept = ("AlarmName", "MetricName", "Namespace", "Statistic", "Period", "EvaluationPeriods", "ComparisonOperator")
    said = ("AlarmDescription", "AlarmActions")
    cloudwatch.put_metric_alarm(**{key: alarm[key] for key in (*kept, *said)}, Threshold=95.0)


def http_is_answered(target: Target) -> None:
    answer = {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": "hello"}
    target.client("elbv2").modify_listener(
        ListenerArn=_listener(target, 80),
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": answer}],
    )


def old_tls_is_spoken(target: Target) -> None:
    target.client("elbv2").modify_listener(
        ListenerArn=_listener(target, 443), SslPolicy="ELBSecurityPolicy-TLS-1-0-2015-04"
    )


def _listener(target: Target, port: int) -> str:
    arn = target.id("Ingress", "LoadBalancer")
    found = target.client("elbv2").describe_listeners(LoadBalancerArn=arn)["Listeners"]
    return next(str(each["ListenerArn"]) for each in found if each["Port"] == port)


def invalid_headers_pass(target: Target) -> None:
    target.client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=target.id("Ingress", "LoadBalancer"),
        Attributes=[{"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "false"}],
    )


def backups_are_kept_for_a_day(target: Target) -> None:
    target.client("rds").modify_db_instance(
        DBInstanceIdentifier=target.deployment.outputs["DatabaseId"], BackupRetentionPeriod=1, ApplyImmediately=True
    )


def database_is_public(target: Target) -> None:
    target.client("rds").modify_db_instance(
        DBInstanceIdentifier=target.deployment.outputs["DatabaseId"], PubliclyAccessible=True, ApplyImmediately=True
    )


def tls_to_the_database_is_optional(target: Target) -> None:
    target.client("rds").modify_db_parameter_group(
        DBParameterGroupName=target.id("Database", "DatabaseParameters"),
        Parameters=[{"ParameterName": "rds.force_ssl", "ParameterValue": "0", "ApplyMethod": "immediate"}],
    )


def sessions_cannot_be_restored(target: Target) -> None:
    target.client("dynamodb").update_continuous_backups(
        TableName=target.deployment.outputs["SessionTableName"],
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
    )


def sessions_stay_for_ever(target: Target) -> None:
    dynamodb, name = target.client("dynamodb"), target.deployment.outputs["SessionTableName"]
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": False, "AttributeName": expiry["AttributeName"]}
    )


def mount_target_is_deleted(target: Target) -> None:
    efs = target.client("efs")
    mounts = efs.describe_mount_targets(FileSystemId=target.deployment.outputs["FileSystemId"])["MountTargets"]
    efs.delete_mount_target(MountTargetId=mounts[0]["MountTargetId"])


def bucket_has_no_policy(target: Target) -> None:
    target.client("s3").delete_bucket_policy(Bucket=target.deployment.outputs["ReleaseBucketName"])


def bucket_takes_plain_http(target: Target) -> None:
    s3, bucket = target.client("s3"), target.deployment.outputs["LogBucketName"]
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def bucket_may_become_public(target: Target) -> None:
    target.client("s3").put_public_access_block(
        Bucket=target.deployment.outputs["ReleaseBucketName"],
        PublicAccessBlockConfiguration={"BlockPublicAcls": True, "BlockPublicPolicy": False},
    )


def bucket_forgets_versions(target: Target) -> None:
    target.client("s3").put_bucket_versioning(
        Bucket=target.deployment.outputs["ReleaseBucketName"], VersioningConfiguration={"Status": "Suspended"}
    )


def key_does_not_rotate(target: Target) -> None:
    target.client("kms").disable_key_rotation(KeyId=target.id("Encryption", "DataKey"))


def secret_parameter_is_gone(target: Target) -> None:
    target.client("ssm").delete_parameter(Name=target.deployment.outputs["DatabaseSecretParameter"])


def bastion_stands_in_a_public_subnet(target: Target) -> None:
    """Another bastion, in the place of the one there was."""
    autoscaling, name = target.client("autoscaling"), target.deployment.outputs["BastionAutoScalingGroupName"]
    autoscaling.update_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        DesiredCapacity=0,
        VPCZoneIdentifier=target.id("Network", "PublicSubnetA"),
    )
    autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=1, DesiredCapacity=1)


def bastion_accepts_ssh_from_everywhere(target: Target) -> None:
    target.client("ec2").authorize_security_group_ingress(
        GroupId=target.id("Security", "BastionGroup"),
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": ANYWHERE}]}],
    )


def access_is_logged_for_a_week(target: Target) -> None:
    name = target.deployment.outputs["AccessLogGroupName"]
    target.client("logs").put_retention_policy(logGroupName=name, retentionInDays=7)


def user_gets_an_access_key(target: Target) -> None:
    target.client("iam").create_access_key(UserName=target.deployment.outputs["OperatorUserName"])


def operators_need_no_mfa(target: Target) -> None:
    iam, name = target.client("iam"), target.id("Access", "OperatorRole")
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"][0].pop("Condition")
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))


def role_loses_its_boundary(target: Target) -> None:
    target.client("iam").delete_role_permissions_boundary(RoleName=target.id("Access", "BastionRole"))


def isolated_table_leads_to_a_vpn(target: Target) -> None:
    ec2 = target.client("ec2")
    gateway = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.create_route(
        RouteTableId=target.id("Network", "IsolatedRouteTable"),
        DestinationCidrBlock="172.20.0.0/16",
        GatewayId=gateway,
    )


def another_git_host_is_trusted(target: Target) -> None:
    target.client("iam").create_open_id_connect_provider(
        Url="https://gitlab.example.com", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
    )


BROKEN: dict[Callable[[Target], None], list[str]] = {
    isolated_subnet_is_routed_to_the_internet: ["E6: way out of isolated subnet"],
    database_is_open_to_the_internet: ["W1: what the internet reaches"],
    isolated_acl_lets_everything_in: ["E14: isolated ACL has no rule for all protocols"],
    flow_logs_are_deleted: ["D8: flow logs record the VPC"],
    logs_are_kept_for_a_day: ["E15: days that logs are kept", "E15: days that every log group keeps"],
    launch_template_allows_metadata_without_token: ["D8: instance metadata needs a token"],
    server_is_deregistered: ["W6: health of the targets"],
    group_may_grow_further: ["E12: minimum and maximum of web servers"],
    alarm_has_another_threshold: ["W8: thresholds in percent of CPU"],
    http_is_answered: ["W3: HTTP is redirected", "W3: answer to GET http"],
    old_tls_is_spoken: ["W4: TLS policy"],
    invalid_headers_pass: ["D8: invalid headers are dropped"],
    backups_are_kept_for_a_day: ["E16: days of backups"],
    database_is_public: ["E9: publicly accessible"],
    tls_to_the_database_is_optional: ["D10: TLS is forced"],
    sessions_cannot_be_restored: ["D10: point-in-time recovery of sessions"],
    sessions_stay_for_ever: ["E10: sessions expire"],
    mount_target_is_deleted: ["E11: subnets of mount targets"],
    bucket_takes_plain_http: ["D10: LogBucketName refuses plain HTTP"],
    bucket_may_become_public: ["D10: ReleaseBucketName blocks public access"],
    bucket_forgets_versions: ["D10: ReleaseBucketName is versioned"],
    key_does_not_rotate: ["D10: DataKey rotates"],
    secret_parameter_is_gone: ["outputs can be asked"],
    bastion_stands_in_a_public_subnet: ["E5: tier of the bastion"],
    bastion_accepts_ssh_from_everywhere: ["W1: what the internet reaches", "E5: what the bastion accepts"],
    access_is_logged_for_a_week: ["D9: days that access is logged", "E15: days that every log group keeps"],
    user_gets_an_access_key: ["E2: keys and policies of the user itself"],
    operators_need_no_mfa: ["D9: who becomes operator"],
    role_loses_its_boundary: ["D9: boundaries of roles"],
    isolated_table_leads_to_a_vpn: ["D1: subnets that reach the VPN"],
    another_git_host_is_trusted: ["D9: Git hosts that are trusted"],
    bucket_has_no_policy: ["D10: ReleaseBucketName refuses plain HTTP"],
}


@pytest.mark.parametrize("damage", BROKEN, ids=lambda damage: damage.__name__)
def test_a_probe_finds_the_damage_and_nothing_else(damaged: Target, damage: Callable[[Target], None]) -> None:
    before = inspect(damaged)
    damage(damaged)
    broken = [finding for finding in inspect(damaged) if not finding.holds and finding not in before]
    expected = BROKEN[damage]
    assert len(broken) == len(expected), broken
    for finding, claim in zip(broken, expected, strict=True):
        assert finding.claim.startswith(claim), finding
