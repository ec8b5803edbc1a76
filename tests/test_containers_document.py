"""D18: the pages on containers and web servers say of rules, tasks, stages and settings what the templates do."""

from __future__ import annotations

import re
from pathlib import Path

import botocore.session
import pytest

from generator.listener_rules import CONTAINERS_PRIORITY, SERVERS_PRIORITY, SERVERS_TEST_PRIORITY, TEST_PRIORITY
from generator.preview import TEST_HEADER
from generator.stacks.containers_service import CANARY_MINUTES
from generator.stacks.containers_task import SIZES, STOP_SECONDS
from tests.intrinsics import Templates, holds, of_type, resolve

DOCS = Path(__file__).parents[1] / "docs"
CONTAINERS = (DOCS / "containers.md").read_text(encoding="utf-8")
WEB_SERVERS = (DOCS / "web-servers.md").read_text(encoding="utf-8")

STAGES = re.findall(r"^([A-Z_]+) {2,}(?:old|new)", CONTAINERS, re.MULTILINE)
NO_SETTINGS = {"Dockerfile", "Docker", "Images", "Fargate"}
"""Words in code type that begin as settings do."""


def table(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the table whose first heading this is."""
    lines = text[text.index(f"| {heading} |") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_rules_are_those_of_the_listener() -> None:
    priorities = [int(row[0]) for row in table(CONTAINERS, "rule")]
    assert priorities == [TEST_PRIORITY, SERVERS_TEST_PRIORITY, SERVERS_PRIORITY, CONTAINERS_PRIORITY]
    assert priorities == sorted(priorities)
    assert f"`{TEST_HEADER}`" in CONTAINERS


def test_containers_are_those_of_a_task(templates: Templates) -> None:
    """Service Connect's proxy is ECS's own."""
    [definition] = of_type(templates["containers"], "AWS::ECS::TaskDefinition").values()
    named = {each["Name"] for each in definition["Properties"]["ContainerDefinitions"]}
    assert {row[0].strip("`") for row in table(CONTAINERS, "container") if row[0].startswith("`")} == named
    assert f"within {STOP_SECONDS} seconds of a SIGTERM" in CONTAINERS
    limits = [f"{int(each['ApplicationMemory']):,}" for each in SIZES.values()]
    assert all(limit in CONTAINERS for limit in limits)


def test_stages_are_those_of_ecs_in_their_order() -> None:
    known = list(
        botocore.session.get_session().get_service_model("ecs").shape_for("ServiceDeploymentLifecycleStage").enum
    )
    assert len(STAGES) == 6
    assert [stage for stage in known if stage in STAGES] == STAGES
    assert f"a tenth for {CANARY_MINUTES} minutes" in CONTAINERS


@pytest.mark.parametrize("page", ["containers", "web-servers", "observability"])
def test_settings_and_alarms_that_are_named_are_there(templates: Templates, page: str) -> None:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    there = {*templates["platform"]["Parameters"], *templates["pipeline"]["Parameters"]}
    there |= {name for template in templates.values() for name in template["Resources"]}
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", text))
    assert len(named) > 3
    assert named - there == set()


@pytest.mark.parametrize("row", table(WEB_SERVERS, "`GreenShare`"), ids=lambda row: " ".join(row[:2]))
def test_fleets_run_and_answer_as_the_table_says(templates: Templates, row: list[str]) -> None:
    template = templates["web_tier"]
    shares, standby, *fleets = ([cell.strip("` ") for cell in each.split(",")] for each in row)
    for share in shares:
        for stands_by in ["true", "false"] if standby == ["either"] else standby:
            settings = {"GreenShare": share, "StandbyServers": stands_by, "Compute": "ec2"}
            weights = {"WebServerGroup": 100 - int(share), "GreenWebServerGroup": int(share)}
            for (title, weight), said in zip(weights.items(), fleets, strict=True):
                runs = holds(template, template["Resources"][title]["Condition"], settings)
                assert runs == (said != ["not there"]), (title, settings)
                answers = not {"not there", "stands by"} & set(said)
                assert answers == (weight > 0), (title, settings)
            scales = holds(
                template, resolve(template["Resources"]["SustainedLoad"]["Condition"], template, {}), settings
            )
            assert scales == any("scales" in said for said in fleets), settings
