"""The file that draw.io opens: native shapes, the same bytes every time, and what the release says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from generator.checks.settings import Setting
from generator.cost.accounts import Account, environment_account
from generator.diagram.drawing import draw
from generator.diagram.drawio import to_xml
from generator.diagram.finished import FinishedPage
from generator.diagram.mermaid import chart

ROOT = Path(__file__).parents[2]
DRAWING = ROOT / "docs/pictures/architecture.drawio"
STENCILS = Path(__file__).with_name("stencils.txt").read_text(encoding="utf-8").split()
CODE_OF_DRAWIO = {"resourceIcon", "group"}
"""Shapes that draw.io draws by code, around the one that is named beside."""


@pytest.fixture(scope="module")
def content(pages: list[FinishedPage]) -> str:
    """The file of prod as it is."""
    return to_xml(pages).decode()


def test_the_committed_drawing_is_that_of_the_release(content: str) -> None:
    assert DRAWING.read_text(encoding="utf-8") == content, "run make diagram and commit what it writes"


def test_every_shape_is_one_of_draw_io(content: str) -> None:
    """A shape that draw.io does not have becomes a plain square, without an error."""
    used = set(re.findall(r"mxgraph\.aws4\.(\w+)", content)) - CODE_OF_DRAWIO
    assert used
    assert used <= set(STENCILS)


def test_ids_are_unique_and_known_to_no_list_of_javascript(content: str) -> None:
    for diagram in ElementTree.fromstring(content).iter("diagram"):
        cells = diagram.find("mxGraphModel/root")
        assert cells is not None
        ids = [cell.attrib["id"] for cell in cells]
        assert len(ids) == len(set(ids))
        assert all(name in "01" or ":" in name for name in ids)


def test_all_that_is_named_is_there(content: str) -> None:
    for diagram in ElementTree.fromstring(content).iter("diagram"):
        ids = {element.attrib["id"] for element in diagram.iter() if element.get("id")}
        ends = ("parent", "source", "target")
        named = {cell.attrib[end] for cell in diagram.iter("mxCell") for end in ends if cell.get(end)}
        assert named <= ids


def test_hashes_do_not_decide(content: str) -> None:
    code = (
        "from pathlib import Path; import sys; from generator.diagram.drawing import drawing_of; "
        "from generator.diagram.drawio import to_xml; "
        "sys.stdout.buffer.write(to_xml(drawing_of(Path('templates_out'), Path('params'), 'prod', {})))"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        again = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True)
        assert again.stdout.decode() == content


@pytest.mark.parametrize(
    ("name", "value", "shown", "gone"),
    [
        ("DatabaseStorage", "50", "50 GB gp3", "20 GB gp3"),
        ("VpcCidr", "10.77.0.0/16", "10.77.128.0/20", "10.30.128.0/20"),
        ("WebServerInstanceType", "t3.small", "t3.small", "nothing"),
        ("MonthlyBudget", "777", "777 USD a month", "600 USD a month"),
        ("ScaleOutCpuPercent", "65", "CPU &amp;gt; 65 %", "CPU &amp;gt; 80 %"),
        ("RecoveryRegion", "eu-north-1", "Region eu-north-1", "Region eu-central-1"),
        ("Compute", "fargate", "Fargate task", "Web server&"),
    ],
)
def test_captions_come_from_the_release(
    name: str, value: str, shown: str, gone: str, release: Path, settings: dict[str, Setting], accounts: list[Account]
) -> None:
    setting = replace(settings["prod"], parameters={**settings["prod"].parameters, name: value})
    changed = [*accounts[:2], environment_account(release, setting), accounts[-1]]
    content = to_xml(draw(changed, "prod", release.name)[:2]).decode()
    assert shown.replace("&amp;", "&amp;amp;") in content or shown in content
    assert gone not in content


def test_the_small_chart_has_the_main_flows(pages: list[FinishedPage]) -> None:
    text = chart(pages[0])
    assert text.startswith("flowchart LR\n")
    for arrow in ("Visitors --> Edge", "Ingress --> WebTier", "WebTier --> Database", "Operators -.-> Access"):
        assert f"    {arrow}\n" in f"{text}\n"
