"""The impact report: a tree for people, Markdown for pull requests, JSON for programs; the same findings in each."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from generator.checks.changes import (
    ChangeAction,
    Impact,
    ParameterChange,
    PropertyChange,
    Replacement,
    ResourceChange,
)
from generator.checks.data_at_stake import Danger
from generator.checks.deployment_time import deployment_time
from generator.checks.environment_impact import EnvironmentImpact, impact_between, impact_of, release_parameters
from generator.checks.permission_changes import PermissionChange
from generator.checks.update_behaviour import Behaviour
from generator.checks.waivers import Action, Waiver
from generator.environment import load_all
from generator.errors import UserError
from generator.reports import impact_json
from generator.reports.impact import print_impacts
from generator.reports.impact_json import to_json
from generator.reports.impact_markdown import escaped, to_markdown
from tests.releases import ACCOUNT_ID, RELEASED, ROOT, Templates, edited_release, released, setting
from tests.reports.reading_impacts import from_json

TODAY = date(2026, 11, 21)
WAIVER = Waiver(
    "waivers[0]", "Database/Database", ("prod",), Action.REPLACE, "Moved by dump and restore.", TODAY, date(2026, 12, 1)
)


def everything(templates: Templates) -> None:
    """Something of each kind: a replacement, a weakening, an addition, a removal, a permission, a script."""
    setting("database", "Database", "MasterUsername", "root")(templates)
    setting("database", "Database", "BackupRetentionPeriod", 1)(templates)
    setting("web_tier", "SustainedLoad", "AlarmDescription", "Load | [bold]high[/] <b>*")(templates)
    resources = templates["web_tier"]["Resources"]
    resources["Another"] = {**resources["LoadIsOver"], "Properties": {"MetricName": "Errors"}}
    del templates["database"]["Resources"]["UpgradeLogGroup"]
    templates["database"]["Resources"]["Database"]["DependsOn"] = ["PostgresqlLogGroup"]
    statements = templates["storage"]["Resources"]["UseStorage"]["Properties"]["PolicyDocument"]["Statement"]
    statements[2]["Action"].append("s3:PutObject")
    data = resources["LaunchTemplate"]["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Join"][1]
    data[-1] = data[-1].replace("readonly ATTEMPTS=10", "readonly ATTEMPTS=20")


@pytest.fixture(scope="module")
def impacts(tmp_path_factory: pytest.TempPathFactory) -> list[EnvironmentImpact]:
    release = edited_release(tmp_path_factory.mktemp("releases"), everything)
    return impact_of(RELEASED, release, load_all(ROOT / "params"), ACCOUNT_ID, [WAIVER], TODAY)


@pytest.fixture(scope="module")
def unchanged() -> EnvironmentImpact:
    return impact_between("staging", "v1.1.0", released("staging"), "v1.1.0", released("staging"), [], TODAY)


def on_terminal(impacts: list[EnvironmentImpact], *, colour: bool = False, width: int = 160) -> tuple[str, bool]:
    console = Console(file=io.StringIO(), width=width, force_terminal=colour, highlight=False)
    good = print_impacts(console, impacts)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue(), good


def with_change(impact: EnvironmentImpact, change: ResourceChange) -> EnvironmentImpact:
    return replace(impact, impact=Impact((change,), (), (), ()))


# ---------------------------------------------------------------------------------------------------------------------
# All environments of two releases
# ---------------------------------------------------------------------------------------------------------------------


def test_every_environment_is_judged_in_the_order_of_promotion(impacts: list[EnvironmentImpact]) -> None:
    assert [(one.environment, one.region, one.before, one.after) for one in impacts] == [
        ("dev", "eu-west-1", "v1.1.0", "v9.9.9"),
        ("staging", "eu-west-1", "v1.1.0", "v9.9.9"),
        ("prod", "eu-west-1", "v1.1.0", "v9.9.9"),
    ]
    assert [one.fails for one in impacts] == [True, True, True]


def test_a_release_changes_nothing_against_itself() -> None:
    for one in impact_of(RELEASED, RELEASED, load_all(ROOT / "params"), ACCOUNT_ID, [], TODAY):
        assert one.impact.empty
        assert not one.fails


def test_settings_that_the_older_release_does_not_know_are_left_out_there(tmp_path: Path) -> None:
    def without_endpoints(templates: Templates) -> None:
        templates["platform"]["Parameters"].pop("InterfaceEndpoints")
        egress = templates["platform"]["Resources"]["Egress"]["Properties"]["Parameters"]
        egress["InterfaceEndpoints"] = "false"

    older = edited_release(tmp_path, without_endpoints)
    prod = impact_of(older, RELEASED, load_all(ROOT / "params")[2:], ACCOUNT_ID, [], TODAY)[0]
    assert prod.impact.parameters == (ParameterChange("InterfaceEndpoints", None, "true"),)
    assert prod.impact.count(ChangeAction.ADD) == len(prod.impact.changes) > 0
    assert not prod.fails


def test_a_folder_that_is_no_release_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"platform\.yaml: cannot be read"):
        release_parameters(tmp_path, "platform", {})


# ---------------------------------------------------------------------------------------------------------------------
# The terminal
# ---------------------------------------------------------------------------------------------------------------------


def test_the_tree_shows_each_kind_of_change(impacts: list[EnvironmentImpact]) -> None:
    text, good = on_terminal(impacts[2:])
    assert not good
    for line in (
        "prod: v1.1.0 → v9.9.9, eu-west-1",
        "± Database  RDS::DBInstance  REPLACE",
        "MasterUsername: dbmaster → root",
        "- UpgradeLogGroup  Logs::LogGroup  remove",
        "+ Another  CloudWatch::Alarm  add",
        "~ WebServerGroup  AutoScaling::AutoScalingGroup  in place, interrupts",
        "LaunchTemplate.Version: new value of WebTier/LaunchTemplate",
        "+ readonly ATTEMPTS=20",
        "Load | [bold]high[/] <b>*",
        "1 to add, 7 to change, 2 to replace, 1 to remove",
        "Security/WebServerRole: + Allow s3:PutObject on ⟨Storage/ReleaseBucket.Arn⟩/*",
        "Creating it from nothing takes about",
        "This upgrade must not go on: see prod",
    ):
        assert line in text, line


def test_a_danger_stands_in_a_box_with_what_to_do(impacts: list[EnvironmentImpact]) -> None:
    text, _ = on_terminal(impacts[:1], width=400)
    assert "danger, not waived" in text
    assert "Database/UpgradeLogGroup would be removed" in text
    assert "lost for ever: its log events" in text
    assert "params/waivers.yaml (address: Database/Database, action: weaken, environments: [dev])" in text


def test_a_waived_danger_is_one_line_with_its_reason(impacts: list[EnvironmentImpact]) -> None:
    text, _ = on_terminal(impacts[2:])
    waived = "waived until 2026-12-01: Database/Database would be replaced (Moved by dump and restore.)"
    assert f"prod: {waived}" in text
    assert "Database/Database would be weakened" in text


def test_unchanged_environments_share_one_line(unchanged: EnvironmentImpact) -> None:
    text, good = on_terminal([unchanged, replace(unchanged, environment="prod")])
    assert (text, good) == ("staging, prod: nothing changes\n", True)


def test_expired_and_unused_waivers_are_told_though_nothing_changes(unchanged: EnvironmentImpact) -> None:
    unused, good = on_terminal([replace(unchanged, unused=(WAIVER,))])
    assert good
    assert "staging: matches nothing here" in unused
    expired, good = on_terminal([replace(unchanged, expired=(WAIVER,))])
    assert not good
    assert "expired on 2026-12-01, remove or renew it: waivers[0] in params/waivers.yaml" in expired


def test_replacements_are_red_and_additions_green(impacts: list[EnvironmentImpact]) -> None:
    text, _ = on_terminal(impacts[2:], colour=True)
    assert re.search(r"\x1b\[1;31m± ", text)
    assert re.search(r"\x1b\[32m\+ ", text)


def test_many_properties_and_lines_are_cut_on_the_terminal_and_say_so(unchanged: EnvironmentImpact) -> None:
    edits = tuple(
        PropertyChange(
            f"P{n}", "Properties", None, None, tuple("+ x" for _ in range(20)), Behaviour.NO_INTERRUPTION, ""
        )
        for n in range(10)
    )
    change = ResourceChange(
        ChangeAction.MODIFY, "A/B", "AWS::X::Y", Replacement.FALSE, Behaviour.NO_INTERRUPTION, edits, ()
    )
    text, _ = on_terminal([with_change(unchanged, change)])
    assert "and 6 properties more" in text
    assert "and 12 lines more" in text


# ---------------------------------------------------------------------------------------------------------------------
# Markdown
# ---------------------------------------------------------------------------------------------------------------------


def test_markdown_says_first_whether_it_may_go_on(
    impacts: list[EnvironmentImpact], unchanged: EnvironmentImpact
) -> None:
    assert "**Must not go on: see dev, staging, prod.**" in to_markdown(impacts).splitlines()[2]
    assert to_markdown([unchanged]) == (
        "# Impact of the upgrade\n\nNothing dangerous that is not waived.\n\n**staging**: nothing changes.\n"
    )


def test_every_row_of_a_table_has_its_columns(impacts: list[EnvironmentImpact]) -> None:
    rows = [line for line in to_markdown(impacts).splitlines() if line.startswith("| ")]
    widths = {len(re.split(r"(?<!\\)\|", row)) - 2 for row in rows}
    assert widths == {5, 4, 3}
    assert r"Load \| \[bold\]high\[/\] \<b\>\*" in "\n".join(rows)


def test_markdown_has_dangers_differences_permissions_and_time(impacts: list[EnvironmentImpact]) -> None:
    text = to_markdown(impacts[2:])
    for part in (
        "> **Danger, not waived: Database/Database would be weakened**",
        "```diff\n- readonly ATTEMPTS=10\n+ readonly ATTEMPTS=20\n```",
        "- Security/WebServerRole: + Allow s3:PutObject",
        "### Time",
        "| Database/Database |",
        "| Egress | 317 | 1188 |",
        "waived until 2026-12-01",
    ):
        assert part in text, part


def test_a_fence_is_longer_than_any_in_what_it_holds(unchanged: EnvironmentImpact) -> None:
    edit = PropertyChange("P", "Properties", None, None, ("+ ````",), Behaviour.NO_INTERRUPTION, "")
    change = ResourceChange(
        ChangeAction.MODIFY, "A/B", "AWS::X::Y", Replacement.FALSE, Behaviour.NO_INTERRUPTION, (edit,), ()
    )
    assert "\n`````diff\n+ ````\n`````\n" in to_markdown([with_change(unchanged, change)])


@given(text=st.text())
def test_escaped_text_stays_in_its_cell(text: str) -> None:
    assert not re.search(r"(?<!\\)(\\\\)*[|<`]", escaped(text).replace("\\\\", ""))
    assert len(escaped(text).splitlines()) <= 1


# ---------------------------------------------------------------------------------------------------------------------
# JSON
# ---------------------------------------------------------------------------------------------------------------------


def test_json_has_the_documented_keys(impacts: list[EnvironmentImpact]) -> None:
    content = json.loads(to_json(impacts))
    assert (content["schema"], content["fails"]) == (1, True)
    environment = content["environments"][2]
    assert {"environment", "fails", "impact", "dangers", "expired", "unused", "creation"} <= environment.keys()
    change = next(one for one in environment["impact"]["changes"] if one["address"] == "Database/Database")
    assert (change["action"], change["replacement"], change["requires"]) == ("Modify", "True", "Replacement")
    documented = re.findall(r'"(\w+)":', str(impact_json.__doc__))
    assert keys(content) <= set(documented)


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | set().union(
            *(keys(part) for name, part in value.items() if name not in ("before", "after"))
        )
    return set().union(*(keys(item) for item in value)) if isinstance(value, list) else set()


def test_json_comes_back_as_it_went(impacts: list[EnvironmentImpact], unchanged: EnvironmentImpact) -> None:
    whole = [*impacts, replace(unchanged, unused=(WAIVER,), expired=(WAIVER,))]
    assert from_json(to_json(whole)) == whole


texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
)
edits = st.builds(
    PropertyChange, texts, texts, values, values, st.lists(texts).map(tuple), st.sampled_from(Behaviour), texts
)
resource_changes = st.builds(
    ResourceChange,
    st.sampled_from(ChangeAction),
    texts,
    texts,
    st.sampled_from(Replacement),
    st.sampled_from(Behaviour),
    st.lists(edits, max_size=3).map(tuple),
    st.lists(texts).map(tuple),
)
all_impacts = st.builds(
    Impact,
    st.lists(resource_changes, max_size=3).map(tuple),
    st.lists(st.builds(ParameterChange, texts, st.none() | texts, st.none() | texts), max_size=3).map(tuple),
    st.lists(
        st.builds(
            PermissionChange, texts, texts, texts, st.lists(texts).map(tuple), st.lists(texts).map(tuple), texts, texts
        ),
        max_size=2,
    ).map(tuple),
    st.lists(
        st.builds(Danger, texts, texts, st.sampled_from(Action), texts, texts, st.lists(texts).map(tuple)), max_size=2
    ).map(tuple),
)


@given(impact=all_impacts)
def test_any_impact_survives_json_and_can_be_shown(impact: Impact) -> None:
    whole = EnvironmentImpact("dev", "eu-west-1", "a", "b", impact, (), (), (), deployment_time(released("dev")))
    assert from_json(to_json([whole])) == [whole]
    on_terminal([whole], colour=True)
    to_markdown([whole])
