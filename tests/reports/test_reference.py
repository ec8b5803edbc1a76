"""The reference is that of the current release, whole, and refuses what nobody could look up."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator import template_yaml
from generator.environment import load_all
from generator.errors import UserError
from generator.reference_command import PAGE
from generator.release import folder_of
from generator.reports.generated_section import with_section
from generator.reports.markdown_table import table
from generator.reports.reference import SECTION, Source, markdown, read_sources
from generator.reports.template_words import in_words, names_in

ROOT = Path(__file__).parents[2]
RELEASE = folder_of(ROOT / "templates_out")
SETTINGS = {each.source.stem: each.parameters() for each in load_all(ROOT / "params")}
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
SOURCES = read_sources(RELEASE)


def chapter(source: Source) -> str:
    return TEXT.partition(f"\n## `{source.file.name}`\n")[2].partition("\n## ")[0]


def test_the_page_is_that_of_the_current_release() -> None:
    assert with_section(TEXT, SECTION, markdown(RELEASE, SETTINGS)) == TEXT, "write it with make reference"


@pytest.mark.parametrize("source", SOURCES, ids=[source.name for source in SOURCES])
def test_e18_every_parameter_output_and_alarm_is_on_the_page_of_its_template(source: Source) -> None:
    rows = re.findall(r"^\| \[?`(\w+)`", chapter(source), re.MULTILINE)
    alarms = [
        name
        for name, resource in source.entries("Resources").items()
        if resource["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        or "Runbook:" in str(resource.get("Properties", {}).get("Description", ""))
    ]
    assert sorted(rows) == sorted([*source.entries("Parameters"), *source.entries("Outputs"), *alarms])


def test_settings_of_all_environments_stand_beside_the_platforms_parameters() -> None:
    [platform] = [source for source in SOURCES if source.name == "platform"]
    [row] = [line for line in chapter(platform).splitlines() if line.startswith("| `WebServerMaximum` ")]
    assert [f"`{values['WebServerMaximum']}`" for values in SETTINGS.values()] == row.split(" | ")[4:7]
    [head] = [line for line in chapter(platform).splitlines() if line.startswith("| parameter ")]
    assert head.split(" | ")[4:7] == list(SETTINGS)


def test_an_alarm_says_when_it_goes_off_and_whom_it_tells() -> None:
    [row] = re.findall(r"^\| \[`ServerErrors`\].*$", TEXT, re.MULTILINE)
    assert "(../runbook.md#server-errors)" in row
    assert "errors: Sum of `AWS/ApplicationELB` `HTTPCode_Target_5XX_Count`" in row
    assert "> 5, 3 of 5 periods of 60 s | nobody; part of Outage |" in row
    [row] = re.findall(r"^\| \[`UnacknowledgedOutage`\].*$", TEXT, re.MULTILINE)
    assert "silent while `PageAcknowledged`, for which it waits 900 s | EscalationTopic |" in row


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
        markdown(release, SETTINGS)


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
        ([{"Ref": "A"}, 3], "A, 3"),
    ],
)
def test_values_are_told_in_words(value: object, words: str) -> None:
    assert in_words(value) == words


def test_a_function_that_has_no_words_yet_is_a_defect() -> None:
    with pytest.raises(ValueError, match="Fn::Cidr is not told in words yet"):
        in_words({"Fn::Cidr": ["10.0.0.0/16"]})


def test_users_of_a_parameter_are_found_in_every_function() -> None:
    value = {"A": [{"Ref": "One"}, {"Fn::Sub": "${Two} ${Three.Arn} ${!Not}"}], "B": {"Fn::GetAtt": ["Four", "Arn"]}}
    assert list(names_in(value)) == ["One", "Two", "Three", "Four"]
    assert list(names_in({"Fn::Sub": ["${Local}", {"Local": {"Ref": "Five"}}]})) == ["Local", "Five"]


def test_bars_and_line_breaks_do_not_end_a_cell() -> None:
    assert table(["a", "b"], [["x | y", "two\nlines"]]) == "| a | b |\n|---|---|\n| x \\| y | two lines |"
