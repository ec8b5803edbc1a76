"""Bootstrapping ends in the right stack, protected and tagged, or says what to do; and may be repeated."""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from generator.delivery.bootstrap import (
    after_target,
    after_tools,
    audit_trail_choice,
    bootstrap_audit_trail,
    bootstrap_global_edge,
    bootstrap_recovery_region,
    bootstrap_target,
    bootstrap_tools,
    parse_parameters,
)
from generator.delivery.deploy import Event, deploy, template_text
from generator.delivery.environment_parameters import read
from generator.environment import REQUIRED_TAGS, Environment, TemplateConfiguration, load_all, select
from generator.errors import UserError
from generator.naming import (
    AUDIT_TRAIL_STACK,
    BOUNDARIES_STACK,
    DEPLOYMENT_POLICIES_STACK,
    GLOBAL_EDGE_STACK,
    PIPELINE_STACK,
    RECOVERY_REGION_STACK,
    SERVICE_POLICIES_STACK,
    TARGET_STACK,
    TOOLS_STACK,
)
from generator.regions import EDGE_REGION
from generator.rehearsal.emulator import Emulator
from generator.release import MANIFEST, to_json
from generator.rendering import render
from tests.delivery.conftest import REGION, ROOT, Account
from tests.delivery.small_release import (
    BOUNDARIES,
    EDGE,
    PIPELINE,
    STORES,
    TARGET,
    TARGET_PARAMETERS,
    TOOLS_PARAMETERS,
    written,
)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return written(tmp_path / "v9.9.9", {"pipeline.yaml": PIPELINE, "target_account.yaml": TARGET})


@pytest.fixture(scope="module")
def dev() -> TemplateConfiguration:
    return load_all(ROOT / "params")[0]


def stack(account: Account, name: str) -> dict[str, Any]:
    return dict(account.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0])


def tags(described: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in described["Tags"]}


def stacks(account: Account) -> list[str]:
    return [each["StackName"] for each in account.client("cloudformation").describe_stacks()["Stacks"]]


def tools(account: Account, release: Path, events: list[Event], **parameters: str) -> Any:
    given = {**TOOLS_PARAMETERS, **parameters}
    owner = {"Owner": "platform-team", "CostCenter": "web", "Environment": "prod"}
    return bootstrap_tools(account.client("cloudformation"), release, given, events.append, owner)


def test_the_tools_account_gets_its_stack_tagged_and_protected(account: Account, release: Path) -> None:
    deployment = tools(account, release, [])
    described = stack(account, PIPELINE_STACK)
    assert described["StackStatus"] == deployment.status == "CREATE_COMPLETE"
    assert described["EnableTerminationProtection"] is True
    assert set(tags(described)) == set(REQUIRED_TAGS)
    assert tags(described)["Environment"] == "tools"
    assert deployment.outputs["ArtifactKeyArn"].startswith("arn:aws:kms:")


def test_the_pipeline_is_told_where_things_are_kept(account: Account, release: Path) -> None:
    events: list[Event] = []
    deployment = tools(account, release, events)
    complete = [
        e.logical_id for e in events if e.status == "CREATE_COMPLETE" and e.type == "AWS::CloudFormation::Stack"
    ]
    assert complete == [BOUNDARIES_STACK, TOOLS_STACK, PIPELINE_STACK]
    for name in complete:
        assert stack(account, name)["EnableTerminationProtection"] is True
    [key] = [output["OutputValue"] for output in stack(account, TOOLS_STACK)["Outputs"]]
    given = {p["ParameterKey"]: p["ParameterValue"] for p in stack(account, PIPELINE_STACK)["Parameters"]}
    assert given == {**TOOLS_PARAMETERS, "ArtifactKeyArn": key, "Fails": "no"}
    assert deployment.outputs == {"ArtifactKeyArn": key, "TopicArn": deployment.outputs["TopicArn"]}


def test_what_an_earlier_stack_gives_out_is_not_given_by_hand(account: Account, release: Path) -> None:
    with pytest.raises(UserError, match=r"pipeline\.yaml: parameter ArtifactKeyArn .* leave it out"):
        tools(account, release, [], ArtifactKeyArn=TARGET_PARAMETERS["ArtifactKeyArn"])
    assert stacks(account) == []


def test_what_an_earlier_stack_lacks_is_missed_before_anything_is_created(account: Account, tmp_path: Path) -> None:
    without = STORES.partition("Outputs:")[0]
    broken = written(tmp_path / "v9.9.9", {"pipeline.yaml": PIPELINE, "tools_account.yaml": without})
    with pytest.raises(UserError, match=r"pipeline\.yaml.*ArtifactKeyArn"):
        tools(account, broken, [])
    assert stacks(account) == []


def test_an_environments_account_gets_its_stack_with_the_tags_of_its_settings(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    deployment = bootstrap_target(account.client("cloudformation"), release, dev, TARGET_PARAMETERS, lambda _: None)
    described = stack(account, TARGET_STACK)
    assert described["EnableTerminationProtection"] is True
    assert tags(described) == dev.tags
    assert account.account_id in deployment.outputs["RoleArn"]


def test_an_account_gets_boundaries_then_rights_then_roles(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    events: list[Event] = []
    given = {**TARGET_PARAMETERS, "AdditionalRegions": "us-east-1", "TemplateBucketName": "another"}
    bootstrap_target(account.client("cloudformation"), release, dev, given, events.append)
    complete = [
        e.logical_id for e in events if e.status == "CREATE_COMPLETE" and e.type == "AWS::CloudFormation::Stack"
    ]
    assert complete == [BOUNDARIES_STACK, DEPLOYMENT_POLICIES_STACK, SERVICE_POLICIES_STACK, TARGET_STACK]
    for name, own in [
        (BOUNDARIES_STACK, {"AdditionalRegions": "us-east-1"}),
        (
            DEPLOYMENT_POLICIES_STACK,
            {"ArtifactKeyArn": TARGET_PARAMETERS["ArtifactKeyArn"], "TemplateBucketName": "another"},
        ),
        (SERVICE_POLICIES_STACK, {}),
        (TARGET_STACK, TARGET_PARAMETERS),
    ]:
        described = stack(account, name)
        assert described["EnableTerminationProtection"] is True
        assert tags(described) == dev.tags
        assert {p["ParameterKey"]: p["ParameterValue"] for p in described.get("Parameters", [])} == own


def test_an_account_of_an_earlier_release_is_brought_up_to_date(
    account: Account, tmp_path: Path, dev: TemplateConfiguration
) -> None:
    """It has the roles alone; boundaries and rights are there before the roles are changed."""
    client = account.client("cloudformation")
    deploy(client, TARGET_STACK, template_text(TARGET), TARGET_PARAMETERS, dev.tags, lambda _: None)
    policies = "      ManagedPolicyArns: [!Sub 'arn:aws:iam::${AWS::AccountId}:policy/the-policy']\n"
    needing = TARGET.replace("    Properties:\n", f"    Properties:\n{policies}")
    newer = written(tmp_path / "newer", {"target_account.yaml": needing})
    events: list[Event] = []
    bootstrap_target(client, newer, dev, TARGET_PARAMETERS, events.append)
    done = [
        (e.logical_id, e.status) for e in events if e.type == "AWS::CloudFormation::Stack" and "COMPLETE" in e.status
    ]
    before = (BOUNDARIES_STACK, DEPLOYMENT_POLICIES_STACK, SERVICE_POLICIES_STACK)
    assert done[:3] == [(name, "CREATE_COMPLETE") for name in before]
    assert done[-1] == (TARGET_STACK, "UPDATE_COMPLETE")
    [role] = account.client("iam").list_roles()["Roles"]
    attached = account.client("iam").list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["the-policy"]


def test_a_stack_that_takes_no_update_is_told_before_anything_is_changed(account: Account, release: Path) -> None:
    with pytest.raises(UserError, match="ROLLBACK_COMPLETE"):
        tools(account, release, [], Fails="yes")
    account.client("cloudformation").update_termination_protection(
        StackName=BOUNDARIES_STACK, EnableTerminationProtection=False
    )
    account.client("cloudformation").delete_stack(StackName=BOUNDARIES_STACK)
    with pytest.raises(UserError, match=rf"{PIPELINE_STACK} is in ROLLBACK_COMPLETE"):
        tools(account, release, [])
    assert BOUNDARIES_STACK not in stacks(account)


def test_a_release_without_a_root_is_refused_by_name(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    manifest = json.loads((release / MANIFEST).read_text(encoding="utf-8"))
    del manifest["templates"]["deployment_policies.yaml"]
    (release / MANIFEST).write_text(to_json(manifest), encoding="utf-8")
    (release / "deployment_policies.yaml").unlink()
    with pytest.raises(UserError, match=r"v9\.9\.9 has no deployment_policies\.yaml"):
        bootstrap_target(account.client("cloudformation"), release, dev, TARGET_PARAMETERS, lambda _: None)
    assert stacks(account) == []


def test_a_second_time_nothing_changes(account: Account, release: Path) -> None:
    first = tools(account, release, [])
    events: list[Event] = []
    second = tools(account, release, events)
    assert events == []
    assert second.outputs == first.outputs
    assert stack(account, PIPELINE_STACK)["StackStatus"] == "CREATE_COMPLETE"


def test_another_release_updates_the_stack(account: Account, release: Path, tmp_path: Path) -> None:
    tools(account, release, [])
    added = PIPELINE.replace("Resources:\n", "Resources:\n  Added: {Type: 'AWS::SNS::Topic'}\n")
    newer = written(tmp_path / "newer", {"pipeline.yaml": added})
    assert tools(account, newer, []).status == "UPDATE_COMPLETE"


@pytest.mark.parametrize(
    "parameters", [{"DevAccountId": "1111"}, {}, {**TOOLS_PARAMETERS, "Unknown": "x"}], ids=["wrong", "none", "unknown"]
)
def test_wrong_parameters_are_refused_before_anything_is_created(
    account: Account, release: Path, parameters: dict[str, str]
) -> None:
    with pytest.raises(UserError, match=r"(tools_account|pipeline)\.yaml"):
        bootstrap_tools(account.client("cloudformation"), release, parameters, lambda _: None)
    assert stacks(account) == []


def test_a_changed_release_is_refused(account: Account, release: Path) -> None:
    (release / "pipeline.yaml").write_text("Resources: {}\n")
    with pytest.raises(UserError, match=r"pipeline\.yaml"):
        tools(account, release, [])
    assert stacks(account) == []


def test_a_failed_creation_names_the_cause_and_the_next_time_what_to_do(account: Account, release: Path) -> None:
    with pytest.raises(
        UserError, match=rf"{PIPELINE_STACK}: ROLLBACK_COMPLETE: Broken \(AWS::IAM::Policy\): .*missing"
    ):
        tools(account, release, [], Fails="yes")
    with pytest.raises(UserError, match=rf"{PIPELINE_STACK} is in ROLLBACK_COMPLETE: .*delete the stack"):
        tools(account, release, [])
    account.client("cloudformation").delete_stack(StackName=PIPELINE_STACK)
    assert tools(account, release, []).complete


def test_a_failed_update_leaves_the_stack_as_it_was_and_protected(
    account: Account, release: Path, tmp_path: Path
) -> None:
    tools(account, release, [])
    policy = "{PolicyName: p, PolicyDocument: {Version: '2012-10-17', Statement: []}, Roles: [missing]}"
    added = f"Resources:\n  Added: {{Type: 'AWS::IAM::Policy', Properties: {policy}}}\n"
    broken = written(tmp_path / "broken", {"pipeline.yaml": PIPELINE.replace("Resources:\n", added)})
    with pytest.raises(UserError, match=r"UPDATE_ROLLBACK_COMPLETE: Added \(AWS::IAM::Policy\): .*missing"):
        tools(account, broken, [])
    assert stack(account, PIPELINE_STACK)["EnableTerminationProtection"] is True
    tools(account, release, [])


def test_parameters_are_names_and_values() -> None:
    assert parse_parameters(["A=1", "B=", "C=x=y"]) == {"A": "1", "B": "", "C": "x=y"}
    for wrong in (["A"], ["=1"], ["A B=1"], ["A=1", "A=2"]):
        with pytest.raises(UserError):
            parse_parameters(wrong)


def test_after_the_tools_account_come_the_environments_with_all_values(release: Path) -> None:
    parameters = {"DevAccountId": "111111111111", "StagingAccountId": "222222222222", "ProdAccountId": "333333333333"}
    outputs = {"ArtifactKeyArn": "arn:k", "SourceBucketName": "the-source"}
    lines = after_tools(release, parameters, outputs, "999999999999", REGION)
    commands = [line.strip() for line in lines if "make" in line]
    values = "PARAMETERS='ArtifactKeyArn=arn:k ToolsAccountId=999999999999'"
    assert commands == [f"make bootstrap-target ENVIRONMENT={name} {values}" for name in ("dev", "staging", "prod")]
    assert "dev's account 111111111111, in eu-west-1" in lines[0]
    assert "s3://the-source/source.zip" in lines[-1]
    with_connection = after_tools(release, {**parameters, "SourceRepository": "o/n"}, {}, "999999999999", REGION)
    assert "connection" in with_connection[0]
    assert not any("git archive" in line for line in with_connection)


def test_after_an_environments_account_comes_its_certificate(dev: TemplateConfiguration) -> None:
    assert after_target(dev)[-1] == "  make certificate ENVIRONMENT=dev"
    assert "shop.example.com" in after_target(with_settings(dev, domain_name="shop.example.com"))[0]


def test_an_account_of_another_environment_is_refused_before_anything_is_changed(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    client = account.client("cloudformation")
    bootstrap_target(client, release, dev, TARGET_PARAMETERS, lambda _: None)
    [staging] = select(load_all(ROOT / "params"), ["staging"])
    with pytest.raises(UserError, match=rf"account {account.account_id} was bootstrapped for dev, not for staging"):
        bootstrap_target(client, release, staging, TARGET_PARAMETERS, lambda _: None)
    assert tags(stack(account, TARGET_STACK)) == dev.tags


def with_settings(configuration: TemplateConfiguration, **settings: str) -> TemplateConfiguration:
    hints = get_type_hints(Environment)
    parsed = {name: hints[name].parse(value) for name, value in settings.items()}
    return dataclasses.replace(configuration, environment=dataclasses.replace(configuration.environment, **parsed))


def edge(account: Account, release: Path, configuration: TemplateConfiguration, events: list[Event]) -> Any:
    there = account.emulator.client("cloudformation", account.account_id, EDGE_REGION)
    return bootstrap_global_edge(there, account.client("ssm"), release, configuration, events.append)


def stored(account: Account, name: str) -> str:
    return read(account.client("ssm"), f"/web-platform/dev/edge/{name}")


def test_what_cloudfront_uses_is_in_us_east_1_and_said_in_the_environments_region(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    deployment = edge(account, release, dev, [])
    there = account.emulator.client("cloudformation", account.account_id, "us-east-1")
    [described] = there.describe_stacks()["Stacks"]
    assert (described["StackName"], described["EnableTerminationProtection"]) == (GLOBAL_EDGE_STACK, True)
    assert tags(described) == dev.tags
    assert stacks(account) == [], "nothing in the environment's region"
    assert ":us-east-1:" in deployment.outputs["WebAclArn"]
    assert stored(account, "web-acl-arn") == deployment.outputs["WebAclArn"]
    assert stored(account, "certificate-arn") == "", "there is no domain"


def test_with_a_domain_the_edge_has_a_certificate(account: Account, release: Path, dev: TemplateConfiguration) -> None:
    configuration = with_settings(dev, domain_name="shop.example.com", hosted_zone_id="Z0123456789ABCDEFGHIJ")
    deployment = edge(account, release, configuration, [])
    assert stored(account, "certificate-arn") == deployment.outputs["CertificateArn"] != "none"
    there = account.emulator.client("cloudformation", account.account_id, "us-east-1")
    given = {p["ParameterKey"]: p["ParameterValue"] for p in there.describe_stacks()["Stacks"][0]["Parameters"]}
    assert given == {
        "EnvironmentName": "dev",
        "DomainName": "shop.example.com",
        "HostedZoneId": "Z0123456789ABCDEFGHIJ",
        "WebApplicationFirewall": "true",
    }


def test_the_edge_changes_nothing_the_second_time(account: Account, release: Path, dev: TemplateConfiguration) -> None:
    edge(account, release, dev, [])
    history = account.client("ssm").get_parameter_history(Name="/web-platform/dev/edge/web-acl-arn")["Parameters"]
    events: list[Event] = []
    edge(account, release, dev, events)
    assert events == []
    again = account.client("ssm").get_parameter_history(Name="/web-platform/dev/edge/web-acl-arn")["Parameters"]
    assert len(again) == len(history) == 1


def test_what_is_at_the_edge_now_takes_the_place_of_what_was(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    account.client("ssm").put_parameter(Name="/web-platform/dev/edge/web-acl-arn", Value="former", Type="String")
    deployment = edge(account, release, dev, [])
    assert stored(account, "web-acl-arn") == deployment.outputs["WebAclArn"]


def test_where_nothing_is_needed_at_the_edge_nothing_is_there(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    assert edge(account, release, with_settings(dev, web_application_firewall="false"), []) is None
    there = account.emulator.client("cloudformation", account.account_id, "us-east-1")
    assert there.describe_stacks()["Stacks"] == []
    assert (stored(account, "web-acl-arn"), stored(account, "certificate-arn")) == ("", "")


def test_a_domain_without_a_firewall_has_a_certificate_alone(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    domain = {"domain_name": "shop.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
    edge(account, release, with_settings(dev, web_application_firewall="false", **domain), [])
    assert stored(account, "web-acl-arn") == ""
    assert stored(account, "certificate-arn") != ""


def test_a_failure_at_the_edge_stores_nothing(account: Account, tmp_path: Path, dev: TemplateConfiguration) -> None:
    policy = "{PolicyName: p, PolicyDocument: {Version: '2012-10-17', Statement: []}, Roles: [missing]}"
    broken = EDGE.replace("Resources:\n", f"Resources:\n  Bad: {{Type: 'AWS::IAM::Policy', Properties: {policy}}}\n")
    release = written(tmp_path / "v9.9.9", {"global_edge.yaml": broken, "pipeline.yaml": PIPELINE})
    with pytest.raises(UserError, match=rf"{GLOBAL_EDGE_STACK}: ROLLBACK_COMPLETE: Bad"):
        edge(account, release, dev, [])
    assert stored(account, "web-acl-arn") == ""


def trail(account: Account, release: Path, configuration: TemplateConfiguration, events: list[Event]) -> Any:
    return bootstrap_audit_trail(account.client("cloudformation"), release, configuration, events.append)


def test_the_trail_is_a_stack_of_the_environments_region_with_its_settings(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    trail(account, release, with_settings(dev, audit_retention_days="90"), [])
    described = stack(account, AUDIT_TRAIL_STACK)
    assert described["EnableTerminationProtection"] is True
    assert tags(described) == dev.tags
    given = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}
    assert given == {"EnvironmentName": "dev", "AuditRetentionDays": "90"}
    events: list[Event] = []
    trail(account, release, with_settings(dev, audit_retention_days="90"), events)
    assert events == [], "the second time nothing changes"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [({}, True), ({"ManagementEventsTrail": "true"}, True), ({"ManagementEventsTrail": "false"}, False)],
)
def test_an_account_that_has_a_trail_gets_no_second_one(given: dict[str, str], wanted: bool) -> None:
    assert audit_trail_choice({**given, "ToolsAccountId": "1"}) == (wanted, {"ToolsAccountId": "1"})


def test_a_choice_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(UserError, match=r"ManagementEventsTrail is 'no': it must be true, or false where the account"):
        audit_trail_choice({"ManagementEventsTrail": "no"})


def second_region(account: Account, release: Path, configuration: TemplateConfiguration, events: list[Event]) -> Any:
    def client(region: str) -> Any:
        return account.emulator.client("cloudformation", account.account_id, region)

    return bootstrap_recovery_region(client, release, configuration, events.append)


def test_the_second_region_gets_a_stack_with_the_environments_settings(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    copied = with_settings(dev, recovery_region="eu-central-1", backup_vault_lock="governance")
    assert second_region(account, release, copied, []).complete
    there = account.emulator.client("cloudformation", account.account_id, "eu-central-1")
    [described] = there.describe_stacks(StackName=RECOVERY_REGION_STACK)["Stacks"]
    assert described["EnableTerminationProtection"] is True
    assert tags(described) == dev.tags
    given = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}
    assert given == {"EnvironmentName": "dev", "BackupVaultLock": "governance"}
    assert stacks(account) == [], "nothing of it is in the environment's own region"
    events: list[Event] = []
    second_region(account, release, copied, events)
    assert events == [], "the second time nothing changes"


def test_without_a_second_region_there_is_nothing_to_do(
    account: Account, release: Path, dev: TemplateConfiguration
) -> None:
    assert second_region(account, release, with_settings(dev, recovery_region=""), []) is None


def test_boundaries_learn_where_copies_go(account: Account, tmp_path: Path, dev: TemplateConfiguration) -> None:
    knowing = BOUNDARIES.replace("Resources:", "  RecoveryRegion: {Type: String, Default: ''}\nResources:")
    release = written(tmp_path / "v9.9.9", {"boundaries.yaml": knowing, "target_account.yaml": TARGET})
    copied = with_settings(dev, recovery_region="eu-central-1")
    bootstrap_target(account.client("cloudformation"), release, copied, TARGET_PARAMETERS, lambda _: None)
    given = {p["ParameterKey"]: p["ParameterValue"] for p in stack(account, BOUNDARIES_STACK)["Parameters"]}
    assert given["RecoveryRegion"] == "eu-central-1"


def test_the_generated_roots_bootstrap_account_after_account_with_the_values_that_are_printed(
    account: Account, emulator: Emulator, tmp_path: Path, dev: TemplateConfiguration
) -> None:
    release = tmp_path / "generated"
    release.mkdir()
    for name, text in render().items():
        (release / name).write_text(text)
    target = Account(emulator, "444444444444")
    parameters = {f"{name}AccountId": target.account_id for name in ("Dev", "Staging", "Prod")}
    for _ in range(2):
        events: list[Event] = []
        deployment = bootstrap_tools(account.client("cloudformation"), release, parameters, events.append, dev.tags)
    assert events == [], "the second time nothing changes"
    lines = after_tools(release, parameters, deployment.outputs, account.account_id, REGION)
    [command] = [shlex.split(line) for line in lines if "ENVIRONMENT=dev" in line]
    given = parse_parameters(command[-1].removeprefix("PARAMETERS=").split())
    assert given["ToolsAccountId"] == account.account_id
    for _ in range(2):
        events = []
        bootstrap_target(target.client("cloudformation"), release, dev, given, events.append)
        trail(target, release, dev, events)
        edge(target, release, dev, events)
    assert events == [], "the second time nothing changes"
    roles = {role["RoleName"] for role in target.client("iam").list_roles()["Roles"]}
    assert {"web-platform-deployment", "web-platform-cloudformation"} <= roles
    assert [each["IsMultiRegionTrail"] for each in target.client("cloudtrail").describe_trails()["trailList"]] == [True]
    assert f"s3://{deployment.outputs['SourceBucketName']}/source.zip" in lines[-1]
