"""The runbook has a page for everything that calls somebody, links that lead somewhere, and commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import UserError
from generator.naming import kebab_case
from generator.runbook.pages import RUNBOOK, Page, anchor_of, find, parse, read_pages, suggestions
from generator.runbook.values import filled, placeholders
from tests.aws_options import calls, options_of
from tests.intrinsics import Templates

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / RUNBOOK).read_text(encoding="utf-8")
PAGES = read_pages(ROOT / RUNBOOK)
ANCHORS = [page.anchor for page in PAGES]
CONTENTS = TEXT.partition("## Contents")[2].partition("\n## ")[0]

CALLING = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::Events::Rule")
NAMED_PAGE = re.compile(r"Runbook: runbook\.md#([\w-]+)")

PROCEDURES = {
    "deploy",
    "promote",
    "roll-back",
    "stuck-rollback",
    "rotate-secrets",
    "renew-certificates",
    "scale-by-hand",
    "patch-the-image",
    "restore-the-database",
    "restore-the-session-table",
    "restore-product-images",
    "lose-a-zone",
    "lose-a-region",
    "drift",
    "incident",
    "access-in-an-emergency",
    "tear-down",
    "release-an-image",
    "test-a-new-version",
    "roll-back-containers",
    "a-container-deployment-hangs",
    "production-rule-leads-to-nobody",
    "switch-web-servers",
    "move-to-containers",
}
"""What operators do that no alarm asks for."""

NOT_RUN = 37
"""Blocks that tests do not run, each with its reason. More of them is a decision."""


def calling(templates: Templates) -> dict[str, str]:
    """Descriptions of all that calls people, by logical id."""
    found = {}
    for template in templates.values():
        for title, resource in template.get("Resources", {}).items():
            properties = resource.get("Properties", {})
            said = str(properties.get("AlarmDescription", properties.get("Description", "")))
            if resource["Type"] in CALLING and "Runbook:" in said:
                found[title] = said
    return found


def test_e18_everything_that_calls_somebody_has_a_page_of_its_name(templates: Templates) -> None:
    found = calling(templates)
    assert len(found) > 50
    assert {title: NAMED_PAGE.findall(said) for title, said in found.items()} == {
        title: [kebab_case(title)] for title in found
    }
    assert {kebab_case(title) for title in found} - set(ANCHORS) == set()


def test_e18_every_alarm_names_a_page(templates: Templates) -> None:
    alarms = {
        title
        for template in templates.values()
        for title, resource in template.get("Resources", {}).items()
        if resource["Type"] in CALLING[:2]
    }
    assert alarms - calling(templates).keys() == set()


def test_e18_every_procedure_has_a_page() -> None:
    assert PROCEDURES - set(ANCHORS) == set()


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.anchor in PROCEDURES - {"incident"}], ids=lambda page: page.anchor
)
def test_e18_every_procedure_says_how_it_is_verified_and_undone(page: Page) -> None:
    words = page.text.lower()
    assert "verify" in words
    assert "undo" in words


def test_contents_name_every_page_once() -> None:
    assert sorted(re.findall(r"\]\(#([^)]+)\)", CONTENTS)) == sorted(ANCHORS)


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", TEXT)
    here = [link.removeprefix("#") for link in links if link.startswith("#")]
    assert [anchor for anchor in here if anchor not in ANCHORS] == []
    files = [link.partition("#") for link in links if not link.startswith(("#", "https://"))]
    assert files
    for name, _, anchor in files:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not anchor or anchor in [anchor_of(title) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]


def test_placeholders_are_outputs_and_parameters_of_the_platform(templates: Templates) -> None:
    platform = templates["platform"]
    assert placeholders(TEXT) - {*platform["Outputs"], *platform["Parameters"]} == set()


def test_no_commands_are_overlooked() -> None:
    assert len(re.findall(r"^\s*```console$", TEXT, re.MULTILINE)) == sum(len(page.blocks) for page in PAGES)


def test_blocks_that_are_not_run_say_why_and_are_counted() -> None:
    reasons = [block.not_run for page in PAGES for block in page.blocks if block.not_run]
    assert all(len(reason.split()) > 2 for reason in reasons)
    assert len(reasons) == NOT_RUN


@pytest.mark.parametrize("page", PAGES, ids=ANCHORS)
def test_readers_are_told_where_an_administrator_is_needed(page: Page) -> None:
    """The comment is for tests; on the page, the words before the commands say it."""
    said = ""
    for part in page.parts:
        if isinstance(part, str):
            said = part
        elif part.as_administrator:
            assert "dministrator" in said or "dministrator" in page.text.partition(said)[0], part.steps[0].command


@pytest.mark.parametrize("page", PAGES, ids=ANCHORS)
def test_commands_of_aws_exist(page: Page) -> None:
    """Also those that tests cannot run, and those in the text: operation and options are those of AWS's own models."""
    said = [part for part in page.parts if isinstance(part, str)]
    commands = [step.command for block in page.blocks for step in block.steps]
    for text in [*(code for part in said for code in re.findall(r"`(aws [^`]+)`", part)), *commands]:
        for service, operation, options in calls(text):
            assert options - options_of(service, operation) == set(), f"aws {service} {operation}"


# The parts: pages, commands, values.

SMALL = """# Runbook

## Contents

- [One page](#one-page)

## One page

Look, as an administrator:

<!-- as administrator; not run: there is nothing; really -->
```console
$ aws sts get-caller-identity \\
    --output text
1111…
$ true
```

And then the rest.

## Another: page!

<!-- Nothing to see. -->
"""


def test_a_page_has_its_text_and_its_commands_in_order() -> None:
    with pytest.raises(UserError, match="line 12: the comment before commands is 'by hand'"):
        parse(SMALL.replace("as administrator; not run: there is nothing; really", "by hand"), "small.md")
    one, another = parse(SMALL, "small.md")
    before, block, after = one.parts
    assert (before, after) == ("Look, as an administrator:", "And then the rest.")
    assert block == one.blocks[0]
    assert [step.command for step in one.blocks[0].steps] == [
        "aws sts get-caller-identity \\\n    --output text",
        "true",
    ]
    assert [step.expected for step in one.blocks[0].steps] == [("1111…",), ()]
    assert (one.blocks[0].as_administrator, one.blocks[0].not_run) == (True, "there is nothing; really")
    assert (another.anchor, another.parts) == ("another-page", ())


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("```console\naws sts\n```", "commands begin with"),
        ("```console\n```", "has no command"),
        ("<!-- not run: -->\n```console\n$ true\n```", "the comment before commands"),
    ],
)
def test_blocks_that_are_none_are_refused(block: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(f"## Page\n\n{block}\n", "small.md")


def test_two_pages_of_one_name_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "runbook.md"
    file.write_text("## One\n\n## One\n", encoding="utf-8")
    with pytest.raises(UserError, match="two pages 'one'"):
        read_pages(file)
    with pytest.raises(UserError, match="cannot be read"):
        read_pages(tmp_path / "none.md")


@pytest.mark.parametrize(
    "wanted",
    [
        "no-healthy-server",
        "NoHealthyServer",
        "No healthy server",
        "web-platform-prod-Observability-1A2B3C-NoHealthyServer-4D5E6F",
    ],
)
def test_a_page_is_found_by_what_people_call_it(wanted: str) -> None:
    page = find(PAGES, wanted)
    assert page is not None
    assert page.anchor == "no-healthy-server"


def test_of_an_unknown_page_the_likeliest_are_suggested() -> None:
    assert find(PAGES, "no-helthy-servr") is None
    assert suggestions(PAGES, "no-helthy-servr")[0] == "no-healthy-server"
    assert "restore-the-database" in suggestions(PAGES, "restore")
    assert suggestions(PAGES, "") == [] or all(name in ANCHORS for name in suggestions(PAGES, ""))


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Za-z]{1,9}", fullmatch=True), st.text(alphabet="abc-", min_size=1)))
def test_values_are_filled_in_and_nothing_else(values: dict[str, str]) -> None:
    text = " ".join(f"{{{name}}} ${{{name}}}" for name in values) + " {Unknown9} {lower} '{ $.level = 1 }'"
    done = filled(text, values)
    assert placeholders(done) == {"Unknown9"}
    assert done.split()[: 2 * len(values)] == [
        word for name, value in values.items() for word in (value, f"${{{name}}}")
    ]
