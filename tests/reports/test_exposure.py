"""The exposure matrix: the same cells on the terminal, in Markdown and in the document."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from generator.checks.exposure import Exposure, exposures, matrix
from generator.checks.exposure.matrix import Ends
from generator.checks.exposure.network import Place
from generator.checks.exposure.services import NONE, tcp
from generator.checks.settings import all_settings, resolved
from generator.environment import load_all
from generator.release import folder_of
from generator.reports.exposure import SECTION, markdown, print_matrix
from generator.reports.exposure_json import to_json
from generator.reports.generated_section import with_section
from tests.json_reports import read

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "exposure.md"


@cache
def of_the_release() -> list[Exposure]:
    release = folder_of(ROOT / "templates_out")
    return exposures([(one, resolved(release, one)) for one in all_settings(load_all(ROOT / "params"))])


def of_kind(kind: str) -> Exposure:
    return next(one for one in of_the_release() if one.kind == kind)


def test_the_document_shows_the_matrix_of_today() -> None:
    page = DOCUMENT.read_text(encoding="utf-8")
    assert page == with_section(page, SECTION, markdown(of_the_release())), "write it anew with make exposure"


def test_json_has_what_the_tables_show() -> None:
    found = read("exposure", to_json(of_the_release()))
    assert [each["kind"] for each in found["matrices"]] == [one.kind for one in of_the_release()]
    behind = next(each for each in found["matrices"] if each["kind"] == "cloudfront")
    assert [(each["source"], each["services"]) for each in behind["reached"]] == [("CloudFront", ["tcp 443"])]


def test_there_is_one_table_for_each_access_mode_and_one_for_what_cloudfront_changes() -> None:
    titles = [line for line in markdown(of_the_release()).splitlines() if line.startswith("###")]
    *modes, last = titles
    assert sorted(modes) == ["### Access by SSH", "### Access by Session Manager", "### Without a bastion"]
    assert last == "### What changes where the load balancer takes CloudFront's requests alone"


def test_cloudfront_changes_who_reaches_the_load_balancer_and_nothing_else() -> None:
    behind = of_kind("cloudfront")
    assert behind.takers == (Place.LOAD_BALANCER,)
    reached = {ends.source: found for ends, found in behind.matrix.items() if ends.target is Place.LOAD_BALANCER}
    assert reached.pop(Place.CLOUDFRONT) == {tcp(443)}
    assert set(reached.values()) == {frozenset({NONE})}
    assert {Place.INTERNET, Place.OPERATORS, Place.VPN, Place.ELSEWHERE, Place.WEB_SERVERS} <= reached.keys()
    assert "CloudFront" not in markdown(of_the_release()).partition("### What changes")[0]


@pytest.mark.parametrize(
    ("kind", "source", "target", "services"),
    [
        ("ssm", Place.INTERNET, Place.LOAD_BALANCER, tcp(80, 443)),
        ("ssm", Place.OPERATORS, Place.BASTION, NONE),
        ("ssh", Place.OPERATORS, Place.BASTION, tcp(22)),
        ("ssh", Place.INTERNET, Place.BASTION, NONE),
        ("none", Place.WEB_SERVERS, Place.DATABASE, tcp(5432)),
        ("none", Place.DATABASE, Place.INTERNET, NONE),
    ],
)
def test_a_cell_says_what_gets_an_answer(kind: str, source: Place, target: Place, services: int) -> None:
    assert of_kind(kind).matrix[Ends(source, target)] == {services}


def test_without_a_bastion_there_is_no_column_for_it() -> None:
    assert Place.BASTION not in {place for ends in of_kind("none").matrix for place in ends}
    assert of_kind("ssh").sometimes >= {Place.ENDPOINTS}


def test_the_matrix_of_one_setting_has_the_cells_of_its_table() -> None:
    release = folder_of(ROOT / "templates_out")
    prod = next(one for one in all_settings(load_all(ROOT / "params")) if one.name == "prod")
    found = matrix(resolved(release, prod))
    assert all(services in of_kind("ssm").matrix[ends] for ends, services in found.items())
    assert found[Ends(Place.WEB_SERVERS, Place.ENDPOINTS)] == tcp(443)


def test_the_terminal_shows_the_same_cells() -> None:
    stream = io.StringIO()
    print_matrix(Console(file=stream, width=240, no_color=True), of_the_release())
    shown = [_cells(line, "│") for line in stream.getvalue().splitlines() if line.startswith("│")]
    written = [_cells(line, "|") for line in markdown(of_the_release()).splitlines() if line.startswith("| **")]
    assert shown == written
    assert "¹ where the setting asks for it" in stream.getvalue()


def _cells(line: str, border: str) -> list[str]:
    return [cell.strip().strip("*") for cell in line.split(border)[1:-1]]
