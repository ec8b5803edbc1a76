"""The whole rehearsal as a user runs it: what it prints, how it ends, that it leaves nothing, and that probes bite."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from generator import template_yaml
from generator.delivery.deploy import Deployment, Event, deploy
from generator.delivery.publish import key_prefix, pin_image
from generator.environment import TemplateConfiguration, load
from generator.naming import PROJECT, root_stack_name
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.probes import ANYWHERE, Target, inspect
from generator.rehearsal.rehearse import rehearse_one
from generator.release import MANIFEST, digest, folder_of, read_manifest

ROOT = Path(__file__).parents[2]
RELEASE = folder_of(ROOT / "templates_out")
ENVIRONMENTS = ("dev", "staging", "prod")
REGION = "eu-west-1"

# ---------------------------------------------------------------------------------------------------------------------
# The command
# ---------------------------------------------------------------------------------------------------------------------


class Project:
    """What the command reads, to be broken at will, and a place of its own for what it writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.release = folder_of(folder / "templates_out")
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        for name in ("params", "templates_out"):
            shutil.copytree(ROOT / name, folder / name)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "generator", "rehearse", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.scratch), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        try:
            output, errors = process.communicate(timeout=120)
        finally:
            process.kill()
        assert "Traceback" not in output + errors
        self.assert_nothing_left()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def emulators(self) -> list[int]:
        """Return the processes that work in our scratch folder: other tests have emulators of their own."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command, variables = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            except OSError:
                continue
            if b"generator.rehearsal.emulator_process" in command and str(self.scratch).encode() in variables:
                found.append(int(process.name))
        return found

    def assert_nothing_left(self) -> None:
        assert self.emulators() == []
        assert list(self.scratch.iterdir()) == []

    def change_template(self, name: str, old: str, new: str) -> None:
        path = self.release / name
        text = path.read_text(encoding="utf-8")
        assert old in text, old
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def rewrite_manifest(self) -> None:
        """Make the manifest agree with the templates as they are now."""
        manifest = read_manifest(self.release)
        for name, entry in manifest["templates"].items():
            entry["sha256"] = digest((self.release / name).read_bytes())
        (self.release / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def summary(output: str) -> dict[str, list[str]]:
    """Return the last table: environment → the other cells, without the seconds."""
    rows = re.split(r"^Result ─+$", output, flags=re.MULTILINE)[-1].splitlines()
    cells = [re.split(r" {2,}", row.strip()) for row in rows if row.strip()]
    return {name: rest[:4] for name, *rest in cells if name in ENVIRONMENTS}


def output_tables(output: str) -> list[dict[str, str]]:
    """Return the outputs of each environment. A value that was folded is cut, not empty."""
    tables = re.findall(r"^ Output +Value *\n(.*?)^\w+: \d+ of \d+ claims", output, flags=re.MULTILINE | re.DOTALL)
    rows = [[re.split(r" {2,}", row.strip(), maxsplit=1) for row in table.splitlines()] for table in tables]
    return [{row[0]: row[1] for row in table if len(row) == 2} for table in rows]


def test_the_release_deploys_to_every_environment(project: Project) -> None:
    result = project.run()
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    found = summary(result.stdout)
    assert list(found) == list(ENVIRONMENTS)
    assert [cells[0] for cells in found.values()] == ["CREATE_COMPLETE"] * 3
    for name, (_, _, _, claims) in found.items():
        holding, _, all_claims = claims.partition(" of ")
        assert int(holding) == int(all_claims) > 60, name
    promised = template_yaml.load((RELEASE / "platform.yaml").read_text(encoding="utf-8"))["Outputs"]
    tables = output_tables(result.stdout)
    assert len(tables) == 3
    for table in tables:
        assert list(table) == list(promised)
        assert all(table.values())
    assert "What this does not show" in result.stdout
    assert "Nothing runs on the servers" in result.stdout


def test_one_environment_can_be_chosen(project: Project) -> None:
    result = project.run("--environment", "staging")
    assert result.returncode == 0, result.stdout + result.stderr
    assert list(summary(result.stdout)) == ["staging"]


BREAKAGES: dict[str, tuple[str, str, str, str, str]] = {
    "a missing SSM parameter": (
        "database.yaml",
        "rds.force_ssl: '1'",
        "rds.force_ssl: '{{resolve:ssm:/missing}}'",
        "Database / DatabaseParameters",
        "/missing",
    ),
    "a property that the schema refuses": (
        "network.yaml",
        "RuleAction: allow",
        "RuleAction: allow\n      RuleColour: blue",
        "Network / ",
        "'RuleColour' was unexpected",
    ),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_the_resource_of_a_child_that_fails_is_shown(project: Project, name: str) -> None:
    template, old, new, where, reason = BREAKAGES[name]
    project.change_template(template, old, new)
    project.rewrite_manifest()
    result = project.run()
    assert result.returncode == 1, result.stdout + result.stderr
    box = re.search(r"╭─ first failure ─+╮\n(.*?)╰─", result.stdout, flags=re.DOTALL)
    assert box is not None, result.stdout
    assert box.group(1).lstrip("│ ").startswith(where)
    assert "CREATE_FAILED" in box.group(1)
    assert reason in box.group(1)
    found = summary(result.stdout)
    assert "ROLLBACK" in found["dev"][0]
    assert [found["staging"], found["prod"]] == [["not reached"]] * 2


def test_a_template_changed_after_writing_is_refused(project: Project) -> None:
    project.change_template("database.yaml", "postgres17", "postgres16")
    result = project.run()
    assert result.returncode == 1
    assert result.stdout == ""
    assert re.search(r"^error: .*database\.yaml: is not what v[\d.]+ was written with", result.stderr)
    assert "restore it from git" in result.stderr


def test_a_port_in_use_is_named(project: Project) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = project.run("--port", str(port))
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert f"error: Port {port} on 127.0.0.1 is in use" in result.stderr


def test_an_interrupt_ends_the_emulator_too(project: Project) -> None:
    process = project.start()
    assert process.stdout is not None
    try:
        assert any("IN_PROGRESS" in line for line in process.stdout)
        assert len(project.emulators()) == 1
        # To the whole group, as a terminal does on Ctrl-C.
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, output + errors
    assert errors.strip() == "interrupted"
    assert "Traceback" not in output
    project.assert_nothing_left()


# ---------------------------------------------------------------------------------------------------------------------
# Probes
# ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def configuration() -> TemplateConfiguration:
    return load(ROOT / "params/dev.json")


accounts = (f"8{number:011d}" for number in itertools.count())


@pytest.fixture
def target(emulator: Emulator, configuration: TemplateConfiguration) -> Target:
    return deployed(emulator, configuration)


@pytest.fixture(scope="module")
def damaged(emulator: Emulator, configuration: TemplateConfiguration) -> Target:
    """One environment for all damages. They add up, so a test looks at what its own damage changes."""
    return deployed(emulator, configuration)


def deployed(emulator: Emulator, configuration: TemplateConfiguration) -> Target:
    """Deploy an environment that keeps every claim, in an account of its own."""
    account_id, report = next(accounts), StringIO()
    deployment, findings = rehearse_one(emulator, RELEASE, configuration, account_id, Console(file=report, width=200))
    assert deployment.complete, report.getvalue()
    assert [finding for finding in findings if not finding.holds] == []

    def client(service: str) -> Any:
        return emulator.client(service, account_id, REGION)

    return Target(client, emulator.endpoint_url, configuration.environment, deployment)


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
    cloudwatch.put_metric_alarm(**{key: alarm[key] for key in kept}, Threshold=95.0)


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


BROKEN: dict[Callable[[Target], None], list[str]] = {
    isolated_subnet_is_routed_to_the_internet: ["E6: way out of isolated subnet"],
    database_is_open_to_the_internet: ["W1: what the internet reaches"],
    isolated_acl_lets_everything_in: ["E14: isolated ACL has no rule for all protocols"],
    flow_logs_are_deleted: ["D8: flow logs record the VPC"],
    logs_are_kept_for_a_day: ["E15: days that logs are kept"],
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


# ---------------------------------------------------------------------------------------------------------------------
# Deploying again
# ---------------------------------------------------------------------------------------------------------------------


def deploy_again(
    target: Target, configuration: TemplateConfiguration, **changed: str
) -> tuple[Deployment, list[Event]]:
    account_id = target.client("sts").get_caller_identity()["Account"]
    bucket, prefix = f"{PROJECT}-templates-{account_id}", key_prefix(RELEASE)
    events: list[Event] = []
    deployment = deploy(
        target.client("cloudformation"),
        root_stack_name("dev"),
        f"https://s3.{REGION}.amazonaws.com/{bucket}/{prefix}platform.yaml",
        {
            **configuration.parameters(),
            "TemplateBucketName": bucket,
            "TemplateKeyPrefix": prefix,
            "WebServerImageId": pin_image(target.client("ssm"), RELEASE),
            **changed,
        },
        configuration.tags,
        events.append,
    )
    return deployment, events


def test_a_changed_setting_is_updated_in_place(target: Target, configuration: TemplateConfiguration) -> None:
    deployment, events = deploy_again(target, configuration, WebServerMaximum="3")
    assert deployment.status == "UPDATE_COMPLETE", deployment.first_failure
    assert deployment.complete
    assert deployment.physical_id("Database", "Database") == target.id("Database", "Database")
    assert deployment.outputs == target.deployment.outputs
    name = deployment.outputs["WebServerGroupName"]
    groups = target.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    assert groups["AutoScalingGroups"][0]["MaxSize"] == 3
    # Events of the deployment before would make a failure of last week the first failure of today.
    assert {event.status for event in events if event.stack == ""} >= {"UPDATE_COMPLETE"}
    assert [event for event in events if event.status.startswith("CREATE")] == []


def test_nothing_to_change_is_no_failure(target: Target, configuration: TemplateConfiguration) -> None:
    deployment, events = deploy_again(target, configuration)
    assert (deployment.complete, deployment.status, events) == (True, "CREATE_COMPLETE", [])
    assert deployment.outputs == target.deployment.outputs
    assert deployment.first_failure is None
    changed, _ = deploy_again(target, configuration, WebServerMaximum="3")
    assert changed.status == "UPDATE_COMPLETE"
