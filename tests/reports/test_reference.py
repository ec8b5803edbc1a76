"""The reference is that of the current release, whole, and refuses what nobody could look up."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from generator import template_yaml
from generator.environment import load_all
from generator.errors import UserError
from generator.reference_command import INDEX, PAGES, reference
from generator.release import folder_of
from generator.reports.generated_section import with_section
from generator.reports.markdown_table import table
from generator.reports.policy_words import actions, condition, principals, targets
from generator.reports.reference import SECTION, index, pages
from generator.reports.reference_ports import GROUP, rules
from generator.reports.reference_templates import Place, Source, read
from generator.reports.template_words import in_words, names_in

ROOT = Path(__file__).parents[2]
RELEASE = folder_of(ROOT / "templates_out")
SETTINGS = {each.source.stem: each.parameters() for each in load_all(ROOT / "params")}
TEMPLATES = read(RELEASE)
PAGE = {source.name: (ROOT / PAGES / f"{source.name}.md").read_text(encoding="utf-8") for source in TEMPLATES.sources}
LISTED = (ROOT / INDEX).read_text(encoding="utf-8")

each_template = pytest.mark.parametrize("source", TEMPLATES.sources, ids=[source.name for source in TEMPLATES.sources])


def section(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def row(text: str, name: str) -> list[str]:
    [found] = re.findall(rf"^\| \[?`{name}`.*$", text, re.MULTILINE)
    return re.split(r" \| ", found.strip("| "))


def names(text: str) -> list[str]:
    return sorted(re.findall(r"^\| \[?`(\w+)`", text, re.MULTILINE))


def test_the_pages_are_those_of_the_current_release() -> None:
    written = {file.name: file.read_text(encoding="utf-8") for file in (ROOT / PAGES).iterdir()}
    assert written == pages(RELEASE), "write them with make reference"
    assert with_section(LISTED, SECTION, index(RELEASE, SETTINGS)) == LISTED, "write it with make reference"


@each_template
def test_e18_every_parameter_output_alarm_and_resource_is_on_the_page_of_its_template(source: Source) -> None:
    alarms = [
        name
        for name, resource in source.resources.items()
        if resource["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        or "Runbook:" in str(resource.get("Properties", {}).get("Description", ""))
    ]
    page = PAGE[source.name]
    if source is not TEMPLATES.platform:
        assert names(section(page, "Parameters")) == sorted(source.entries("Parameters"))
    assert names(section(page, "Outputs")) == sorted(source.entries("Outputs"))
    assert names(section(page, "Alarms")) == sorted(alarms)
    assert names(section(page, "Resources")) == sorted(source.resources)
    assert names(section(page, "Conditions")) == sorted(source.entries("Conditions"))


def test_the_index_has_every_template_setting_and_alarm() -> None:
    assert names(section(LISTED, "Templates")) == sorted(PAGE)
    assert names(section(LISTED, "Settings")) == sorted(TEMPLATES.platform.entries("Parameters"))
    assert names(section(LISTED, "Alarms")) == sorted(
        name for page in PAGE.values() for name in names(section(page, "Alarms"))
    )


def test_settings_of_all_environments_stand_beside_the_platforms_parameters() -> None:
    settings = section(LISTED, "Settings")
    values = [f"`{values['WebServerMaximum']}`" for values in SETTINGS.values()]
    assert row(settings, "WebServerMaximum")[4:7] == values
    [head] = [line for line in settings.splitlines() if line.startswith("| parameter ")]
    assert head.split(" | ")[4:7] == list(SETTINGS)


def test_the_command_writes_what_changed_and_removes_pages_of_templates_that_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("templates_out", "params"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    shutil.copytree(ROOT / PAGES, tmp_path / PAGES)
    (tmp_path / INDEX).write_text(f"<!-- {SECTION}: begin -->\n<!-- {SECTION}: end -->\n", encoding="utf-8")
    (tmp_path / PAGES / "web_tier.md").unlink()
    (tmp_path / PAGES / "gone.md").write_text("# Gone\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(reference, catch_exceptions=False).output
    assert told.endswith(": written: web_tier.md, gone.md, reference.md\n")
    assert {page.name for page in PAGES.iterdir()} == {f"{name}.md" for name in PAGE}
    assert CliRunner().invoke(reference, catch_exceptions=False).output.endswith("nothing changed\n")


def test_an_alarm_says_when_it_goes_off_and_whom_it_tells() -> None:
    alarms = section(PAGE["observability"], "Alarms")
    name, _, when, tells, *_ = row(alarms, "ServerErrors")
    assert name == "[`ServerErrors`](../../runbook.md#server-errors)"
    assert "errors: Sum of `AWS/ApplicationELB` `HTTPCode_Target_5XX_Count`" in when
    assert when.endswith("> 5, 3 of 5 periods of 60 s")
    assert tells == "nobody; part of Outage"
    _, _, when, tells, *_ = row(alarms, "UnacknowledgedOutage")
    assert when.endswith("; silent while `PageAcknowledged`, for which it waits 900 s")
    assert tells == "EscalationTopic"
    assert row(section(LISTED, "Alarms"), "UnacknowledgedOutage")[2] == "EscalationTopic"


def test_every_alarm_has_its_page_of_the_runbook() -> None:
    runbook = (ROOT / "runbook.md").read_text(encoding="utf-8")
    headings = {line[3:].strip().lower().replace(" ", "-") for line in runbook.splitlines() if line.startswith("## ")}
    told = re.findall(r"runbook\.md#([\w-]+)", section(LISTED, "Alarms"))
    assert told
    assert set(told) <= headings


def test_a_resource_says_where_it_is_what_stays_and_which_key_encrypts_it() -> None:
    resources = section(PAGE["database"], "Resources")
    key = "[`DataKey`](encryption.md#datakey)"
    assert row(resources, "Database") == [
        *("`Database`", "`AWS::RDS::DBInstance`", "", "**snapshot**", key, "stack's and `Name`"),
    ]
    assert row(resources, "ReadReplica")[2:5] == ["`HasReadReplica`", "goes", key]
    assert row(resources, "MasterSecretAttachment")[-1] == "none possible"
    assert row(section(PAGE["storage"], "Resources"), "SessionTable")[3] == "**stays**"
    assert row(section(PAGE["storage"], "Resources"), "LogBucket")[4] == "the service's key"


def test_what_keeps_data_is_encrypted_by_a_key_that_the_reference_names() -> None:
    kinds = ("AWS::RDS::DBInstance", "AWS::DynamoDB::Table", "AWS::EFS::FileSystem", "AWS::S3::Bucket")
    kinds += ("AWS::Logs::LogGroup", "AWS::SNS::Topic", "AWS::SecretsManager::Secret", "AWS::Backup::BackupVault")
    for source in TEMPLATES.sources:
        for name, resource in source.resources.items():
            if resource["Type"] in kinds:
                key = row(section(PAGE[source.name], "Resources"), name)[4]
                assert key == "the service's key" or "key" in key.lower(), f"{source.name}: {name}: {key}"


def test_ports_tell_who_reaches_what() -> None:
    ports = section(PAGE["database"], "Ports")
    assert "In it: `Database`, `ReadReplica`. The group is [`DatabaseGroup`](security.md#databasegroup)" in ports
    lines = [line for line in ports.splitlines() if line.startswith("| **in from**")]
    assert len(lines) == 3
    assert lines[0].startswith("| **in from** | [`WebServerGroup`](security.md#webservergroup) | tcp 5432 |")
    assert all("tcp 5432" in line for line in lines)
    assert "| **in from** | everybody | tcp 443 |" in section(PAGE["ingress"], "Ports")
    assert "| `PublicAcl` | 120 | allow **in from** | `OperatorCidr` | tcp 22 |" in section(PAGE["network"], "Ports")


def test_every_rule_of_a_security_group_is_told_where_the_group_is_and_where_its_members_are() -> None:
    told = {rule.place.logical_id for rule in rules(TEMPLATES)}
    kinds = ("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress")
    assert told == {
        name for source in TEMPLATES.sources for name, each in source.resources.items() if each["Type"] in kinds
    }
    for rule in rules(TEMPLATES):
        assert rule.group.resource["Type"] == GROUP
        assert f"`{rule.place.logical_id}`: " in section(PAGE["security"], "Ports")


def test_permissions_tell_every_statement_of_a_template() -> None:
    for source in TEMPLATES.sources:
        permissions = section(PAGE[source.name], "Permissions")
        for name, resource in source.resources.items():
            if resource["Type"].startswith(
                ("AWS::IAM::", "AWS::KMS::Key", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy")
            ):
                chapter = permissions.partition(f"### {name}\n")[2].partition("\n### ")[0]
                expected = [sid for sid in _sids(resource) if sid not in _trusts(resource)]
                assert re.findall(r"^\| `(\w+)` \|", chapter, re.MULTILINE) == expected, f"{source.name}: {name}"


def _sids(value: Any) -> list[str]:
    if isinstance(value, list):
        return [sid for item in value for sid in _sids(item)]
    if isinstance(value, dict):
        return [value["Sid"]] if "Sid" in value else [sid for part in value.values() for sid in _sids(part)]
    return []


def _trusts(resource: dict[str, Any]) -> list[str]:
    return _sids(resource["Properties"].get("AssumeRolePolicyDocument", {}))


def test_a_role_says_who_takes_it_on_within_which_boundary_and_what_it_may() -> None:
    permissions = section(PAGE["access"], "Permissions")
    operator = permissions.partition("### OperatorRole\n")[2].partition("\n### ")[0]
    assert "taken on by `iam::{account}:root` where `aws:MultiFactorAuthPresent` is `true`; " in operator
    assert "bounded by `iam::{account}:policy/web-platform-workload`" in operator
    assert "| `AcknowledgePages` | cloudwatch: `PutMetricData` | everything | `cloudwatch:namespace` is " in operator
    assert "only with `SessionAccess` |" in operator


def test_a_value_is_followed_through_the_platform_to_the_resource_that_it_is() -> None:
    database = TEMPLATES.by_name["database"]
    key = TEMPLATES.origin(database, {"Ref": "DataKeyArn"})
    assert key == Place(TEMPLATES.by_name["encryption"], "DataKey")
    size = TEMPLATES.origin(database, {"Ref": "DatabaseStorage"})
    assert size == Place(TEMPLATES.platform, "DatabaseStorage")
    assert TEMPLATES.origin(database, "text") is None
    assert TEMPLATES.by_name["database"].module == "generator/stacks/database.py"


Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / RELEASE.name
    shutil.copytree(RELEASE, folder)
    return folder


def without(section: str, name: str) -> Edit:
    return lambda template: template[section][name].pop("Description")


def described(name: str, text: str) -> Edit:
    return lambda template: template["Resources"][name]["Properties"].update(AlarmDescription=text)


@pytest.mark.parametrize(
    ("template", "edit", "message"),
    [
        ("web_tier", without("Parameters", "VpcId"), r"web_tier\.yaml: Parameters\.VpcId: has no Description"),
        ("web_tier", without("Outputs", "LogGroupName"), r"web_tier\.yaml: Outputs\.LogGroupName: has no Description"),
        (
            "web_tier",
            described("LoadIsOver", "It is over."),
            r"web_tier\.yaml: LoadIsOver: is described as 'It",
        ),
        ("observability", described("Outage", ""), r"observability\.yaml: Outage: is described as ''"),
    ],
)
def test_what_cannot_be_looked_up_is_refused(release: Path, template: str, edit: Edit, message: str) -> None:
    file = release / f"{template}.yaml"
    body = template_yaml.load(file.read_text(encoding="utf-8"))
    edit(body)
    file.write_text(template_yaml.dump(body), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        pages(release)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"Ref": "Topic"}, "Topic"),
        ({"Fn::GetAtt": ["Topic", "TopicName"]}, "Topic.TopicName"),
        ({"Fn::Sub": "100 * free / ${Storage}"}, "100 * free / Storage"),
        ({"Fn::Sub": ["${Here}", {"Here": {"Ref": "There"}}]}, "Here"),
        ({"Fn::FindInMap": ["Classes", {"Ref": "Class"}, "Memory"]}, "Memory of Class"),
        ({"Fn::If": ["HasDomain", {"Ref": "A"}, {"Ref": "B"}]}, "A where HasDomain, else B"),
        ({"Fn::If": ["HasDomain", {"Ref": "A"}, {"Ref": "AWS::NoValue"}]}, "A where HasDomain"),
        ({"Fn::If": ["HasDomain", {"Ref": "AWS::NoValue"}, {"Ref": "B"}]}, "B unless HasDomain"),
        ({"Fn::Join": [" OR ", [{"Ref": "A"}, {"Ref": "AWS::NoValue"}, "B"]]}, "A OR B"),
        ({"Fn::Join": [",", {"Ref": "List"}]}, "List"),
        ({"Fn::Select": ["1", {"Fn::Cidr": [{"Ref": "Range"}, "4", "12"]}]}, "block 2 of 4 of Range"),
        ({"Fn::Select": [0, {"Fn::Split": ["/", {"Ref": "A"}]}]}, "item 1 of each of A"),
        ({"Condition": "HasDomain"}, "HasDomain"),
        ({"Fn::Equals": [{"Ref": "A"}, ""]}, "A = empty"),
        ({"Fn::Not": [{"Fn::Equals": [{"Ref": "A"}, "b"]}]}, "A ≠ b"),
        ({"Fn::Not": [{"Condition": "HasDomain"}]}, "not HasDomain"),
        ({"Fn::Not": [{"Fn::Or": [{"Condition": "A"}, {"Condition": "B"}]}]}, "not (A or B)"),
        ({"Fn::And": [{"Condition": "A"}, {"Fn::Or": [{"Condition": "B"}, {"Condition": "C"}]}]}, "A and (B or C)"),
        ([{"Ref": "A"}, 3], "A, 3"),
    ],
)
def test_values_are_told_in_words(value: object, words: str) -> None:
    assert in_words(value) == words


def test_a_function_that_has_no_words_yet_is_a_defect() -> None:
    with pytest.raises(ValueError, match="Fn::Transform is not told in words yet"):
        in_words({"Fn::Transform": {"Name": "AWS::Include"}})


def test_users_of_a_parameter_are_found_in_every_function() -> None:
    value = {"A": [{"Ref": "One"}, {"Fn::Sub": "${Two} ${Three.Arn} ${!Not}"}], "B": {"Fn::GetAtt": ["Four", "Arn"]}}
    assert list(names_in(value)) == ["One", "Two", "Three", "Four"]
    assert list(names_in({"Fn::Sub": ["${Local}", {"Local": {"Ref": "Five"}}]})) == ["Local", "Five"]


def test_bars_and_line_breaks_do_not_end_a_cell() -> None:
    assert table(["a", "b"], [["x | y", "two\nlines"]]) == "| a | b |\n|---|---|\n| x \\| y | two lines |"


def statement(**changes: Any) -> dict[str, Any]:
    return {"Sid": "One", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["*"], **changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "s3: `GetObject`"),
        ({"Action": ["s3:GetObject", "kms:Decrypt", "s3:PutObject"]}, "s3: `GetObject`, `PutObject`<br>kms: `Decrypt`"),
        ({"Action": "*"}, "everything"),
        ({"Effect": "Deny"}, "**never** s3: `GetObject`"),
        ({"Effect": "Deny", "NotAction": ["sts:*"]}, "**never** everything but sts: `*`"),
    ],
)
def test_actions_are_told_by_service(changes: dict[str, Any], words: str) -> None:
    assert actions(statement(**changes)) == words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"StringEquals": {"aws:RequestedRegion": ["a", "b"]}}, "`aws:RequestedRegion` is `a` or `b`"),
        ({"Bool": {"aws:SecureTransport": False}}, "`aws:SecureTransport` is `false`"),
        ({"StringEqualsIfExists": {"a:B": "c"}}, "`a:B` is `c`, if given"),
        ({"Null": {"a:B": "false"}}, "`a:B` is given"),
        ({"Null": {"a:B": True}}, "`a:B` is not given"),
        ({"ForAllValues:ArnLike": {"a:B": "x*"}}, "every `a:B` is like `x*`"),
        ({"Bool": {"a:B": "true"}, "NumericLessThan": {"a:C": "3600"}}, "`a:B` is `true`; `a:C` is less than `3600`"),
    ],
)
def test_conditions_of_statements_are_told_in_words(given: dict[str, Any], words: str) -> None:
    assert condition(statement(Condition=given)) == words


def test_an_operator_that_has_no_words_yet_is_a_defect() -> None:
    with pytest.raises(ValueError, match="IpAddress is not told in words yet: aws:SourceIp"):
        condition(statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))


def test_whom_and_what_a_statement_means_is_said_shortly() -> None:
    assert principals(statement(Principal="*")) == "anybody"
    assert (
        principals(statement(Principal={"AWS": "*", "Service": "ec2.amazonaws.com"})) == "anybody, `ec2.amazonaws.com`"
    )
    arn = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/x-${Name}"}
    assert (
        targets([arn, {"Fn::GetAtt": ["Role", "Arn"]}, "*"])
        == "`iam::{account}:role/x-${Name}`, `Role.Arn`, everything"
    )
    chosen = {"Fn::If": ["HasDomain", {"Ref": "A"}, {"Ref": "AWS::NoValue"}]}
    assert targets(chosen) == "`A` where `HasDomain`"


@given(st.lists(st.sampled_from(["s3:Get", "s3:Put", "kms:Decrypt", "ec2:Run"]), min_size=1, unique=True))
def test_no_action_is_left_out(named: list[str]) -> None:
    told = actions(statement(Action=named))
    pairs = [part.partition(": ") for part in told.split("<br>")]
    assert sorted(f"{service}:{each.strip('`')}" for service, _, rest in pairs for each in rest.split(", ")) == sorted(
        named
    )
