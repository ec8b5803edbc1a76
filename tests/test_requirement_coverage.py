"""Every requirement is done somewhere and proved by something, docs/requirements.md says so, and gaps are noticed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import UserError
from tests import test_mutations
from tests.documented_commands import documented
from tests.releases import ROOT
from tests.requirement_coverage import collected, page, rows, served
from tests.requirement_coverage.__main__ import asked_to_write, main, settle
from tests.requirement_coverage.complaints import Release, complaints, expected_ids, of_ids, of_row, resolve_all
from tests.requirement_coverage.rows import Coverage
from tests.requirement_coverage.served import Served

COVERAGE = rows.read()
ROWS = {row.id: row for row in COVERAGE.requirements}
TESTS = sorted({(row.id, name) for row in COVERAGE.requirements for name in row.tests})
RESOURCES = sorted(
    {
        (row.id, deployment, each)
        for row in ROWS.values()
        for deployment, found in row.resources.items()
        for each in found
    }
)
FILES = sorted({(row.id, name) for row in COVERAGE.requirements for name in row.files})

Edit = Callable[[Coverage], Coverage]


@pytest.fixture(scope="module")
def release() -> Release:
    return resolve_all(ROOT, COVERAGE.deployments)


@pytest.fixture(scope="module")
def proved() -> list[Served]:
    return served.everything(ROOT)


def with_row(id_: str, **changes: object) -> Edit:
    """An edit that changes one row."""
    return lambda coverage: replace(
        coverage,
        requirements=tuple(
            replace(row, **changes) if row.id == id_ else row  # type: ignore[arg-type]
            for row in coverage.requirements
        ),
    )


def renamed(names: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if name == old else name for name in names)


def test_every_requirement_is_done_and_proved_or_says_why_not(release: Release, proved: list[Served]) -> None:
    assert complaints(ROOT, COVERAGE, release, proved) == []


def test_the_page_is_that_of_the_rows(release: Release, proved: list[Served]) -> None:
    written = (ROOT / page.PAGE).read_text(encoding="utf-8")
    assert page.with_sections(written, page.sections(ROOT, COVERAGE, release, proved)) == written, (
        "write it with python -m tests.requirement_coverage --write"
    )


def test_whatever_serves_a_requirement_is_counted_somewhere(proved: list[Served]) -> None:
    assert {each.proof for each in proved} == page.PROOFS.keys()
    assert all(each.sentence and each.ids for each in proved)


@given(missing=st.sets(st.sampled_from(expected_ids()), min_size=1))
def test_a_missing_row_is_noticed(missing: set[str]) -> None:
    found = list(of_ids([row.id for row in COVERAGE.requirements if row.id not in missing]))
    assert found == [f"{id_}: has no row" for id_ in expected_ids() if id_ in missing]


@given(named=st.sampled_from(TESTS), letter=st.sampled_from("xs_9"))
def test_a_test_that_was_renamed_is_noticed(release: Release, named: tuple[str, str], letter: str) -> None:
    id_, name = named
    tests = renamed(ROWS[id_].tests, name, name + letter)
    [said] = of_row(ROOT, replace(ROWS[id_], tests=tests), release)
    assert said.startswith(f"test {name}{letter}: ")


@given(named=st.sampled_from(RESOURCES), letter=st.sampled_from("xs_9"))
def test_a_misspelled_resource_is_noticed(release: Release, named: tuple[str, str, str], letter: str) -> None:
    id_, deployment, address = named
    resources = {**ROWS[id_].resources, deployment: renamed(ROWS[id_].resources[deployment], address, letter + address)}
    [said] = of_row(ROOT, replace(ROWS[id_], resources=resources), release)
    assert said == f"resource {letter}{address}: is not in {deployment} of the release"


@given(named=st.sampled_from(FILES), letter=st.sampled_from("xs_9"))
def test_a_file_or_heading_that_is_not_there_is_noticed(release: Release, named: tuple[str, str], letter: str) -> None:
    id_, name = named
    files = renamed(ROWS[id_].files, name, name + letter)
    [said] = of_row(ROOT, replace(ROWS[id_], files=files), release)
    assert said.startswith(f"file {name}{letter}: ")


EDITS: Mapping[str, tuple[Edit, list[str]]] = {
    "a row that says nothing of a proof": (
        with_row("W3", tests=()),
        ["W3: has neither a test nor a reason why there is none; add tests, not_done or not_proven"],
    ),
    "a reason in the place of tests": (with_row("W3", tests=(), not_proven="AWS decides it"), []),
    "a row that says nowhere where": (
        with_row("W3", resources={}),
        ["W3: says nowhere where it is done; add resources, files or not_done"],
    ),
    "what is not done, and says why": (with_row("W3", resources={}, not_done="nobody wanted it any more"), []),
    "two rows of one id": (
        lambda coverage: replace(coverage, requirements=(coverage.requirements[0], *coverage.requirements)),
        ["W1: has 2 rows"],
    ),
    "an id that nobody knows": (
        lambda coverage: replace(
            coverage, requirements=(*coverage.requirements, replace(coverage.requirements[-1], id="Z1"))
        ),
        ["Z1: is no requirement"],
    ),
    "rows in another order": (
        lambda coverage: replace(coverage, requirements=coverage.requirements[::-1]),
        ["the rows are not in the order of their ids"],
    ),
    "a deployment that is not described": (
        with_row("W3", resources={"test": ("Ingress/HttpListener",)}),
        ["W3: deployment test: is not described; those are " + ", ".join(COVERAGE.deployments)],
    ),
    "a deployment that nobody speaks of": (
        lambda coverage: replace(
            coverage, deployments={**coverage.deployments, "nowhere": coverage.deployments["prod"]}
        ),
        ["deployment nowhere: no row speaks of it"],
    ),
    "a wildcard that would go beyond a slash": (
        with_row("W3", resources={"prod": ("*Listener",)}),
        ["W3: resource *Listener: is not in prod of the release"],
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_each_gap_is_named(release: Release, name: str) -> None:
    edit, expected = EDITS[name]
    assert complaints(ROOT, edit(COVERAGE), release, []) == expected


def test_a_claim_for_a_requirement_that_is_none_is_noticed(release: Release) -> None:
    claims = [Served("make check: exposure", "Nobody comes in", ("W1", "W10"))]
    assert complaints(ROOT, COVERAGE, release, claims) == ["W10: is no requirement, but 'Nobody comes in' serves it"]


# Whether a test is run

RUN = """
import pytest

def test_plain(): ...

@pytest.mark.parametrize("n", [1, 2])
def test_with_cases(n): ...

@pytest.fixture
def fixture(): ...

def helper(): ...

class Holder:
    def test_of_a_class(self): ...

def outer():
    def test_inside(): ...
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    return tmp_path


def objections(project: Path, source: str, *names: str) -> dict[str, str | None]:
    """What is said of tests of a file with this source."""
    file = project / "tests" / "test_some.py"
    file.write_text(source, encoding="utf-8")
    return {name: collected.objection(project, f"tests/test_some.py::{name}") for name in names}


def test_a_test_that_pytest_collects_is_accepted_and_nothing_else(project: Path) -> None:
    names = ("test_plain", "test_with_cases", "test_of_a_class", "test_inside", "fixture", "helper", "test_absent")
    found = objections(project, RUN, *names)
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests"]
    listed = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout
    functions = {line.partition("::")[2].partition("[")[0] for line in listed.splitlines() if "::" in line}
    # Methods of classes are collected too; the project has none, and none is accepted.
    assert {name for name, said in found.items() if said is None} == functions - {"Holder::test_of_a_class"}


@pytest.mark.parametrize(
    "source",
    [
        "import pytest\n@pytest.mark.skip\ndef test_one(): ...",
        "import pytest\n@pytest.mark.skipif(True, reason='')\ndef test_one(): ...",
        "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_one(): ...",
        "import pytest\n@pytest.mark.parametrize('n', [pytest.param(1, marks=pytest.mark.skip)])\ndef test_one(n): ...",
        "import pytest\npytestmark = pytest.mark.xfail\ndef test_one(): ...",
        "import pytest\ndef test_one():\n    pytest.skip('not today')",
        "import pytest\nyaml = pytest.importorskip('yaml')\ndef test_one(): ...",
        "import pytest\n@pytest.fixture\ndef db():\n    pytest.skip('there is none')\ndef test_one(db): ...",
    ],
)
def test_a_test_that_may_be_left_out_proves_nothing(project: Path, source: str) -> None:
    assert objections(project, source, "test_one") == {"test_one": "it may be skipped, or is expected to fail"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tests/claims.py::test_one", "pytest collects test_*.py below tests and application/tests"),
        ("generator/test_some.py::test_one", "pytest collects test_*.py below tests and application/tests"),
        ("tests/test_other.py::test_one", "there is no such file"),
        ("tests/test_some.py", "it names no function test_…"),
        ("tests/test_some.py::test_one[case]", "the file has no such function; name it without a case in brackets"),
    ],
)
def test_what_names_no_test_is_refused(project: Path, name: str, expected: str) -> None:
    (project / "tests" / "test_some.py").write_text("def test_one(): ...", encoding="utf-8")
    assert collected.objection(project, name) == expected


def test_whatever_is_marked_as_broken_on_purpose_is() -> None:
    broken = {mutation.claim.__name__ for mutation in test_mutations.MUTATIONS}
    marked = {name: found for _, name in TESTS if (found := collected.promises(ROOT, name))}
    assert len(marked) > 30
    assert {name for name, found in marked.items() if not found <= broken} == set()
    redirect = "tests/stacks/test_ingress.py::test_w3_http_is_redirected_to_https"
    assert marked[redirect] == {"check_http_is_redirected_to_https"}
    assert "tests/stacks/test_ingress.py::test_w4_policy_offers_tls_1_2_and_1_3" not in marked


# What cannot be read, and the command


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "$: [] is not of type 'object'"),
        ("deployments: {}", "'requirements' is a required property"),
        ("{deployments: {}, requirements: [{id: W1}]}", "$.requirements[0]: 'requirement' is a required property"),
        ("{deployments: {}, requirements: [{id: W1, requirement: one, test: [x]}]}", "'test' was unexpected"),
        ("{deployments: {}, requirements: [{id: W1, requirement: one, tests: []}]}", "$.requirements[0].tests"),
        ("{deployments: {}, requirements: [{id: w1, requirement: one}]}", "$.requirements[0].id: 'w1' does not match"),
        ("{deployments: {prod: {root: platform, stage: dev}}, requirements: []}", "'stage' was unexpected"),
        ("a: b: c", "cannot be read: mapping values are not allowed here"),
    ],
)
def test_rows_of_another_shape_are_refused_with_their_place(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "requirements.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as error:
        rows.read(file)
    assert str(file) in str(error.value)
    assert said in str(error.value)


def test_rows_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        rows.read(tmp_path / "requirements.yaml")


def test_claims_are_read_from_the_page_that_has_them(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / served.SECURITY_PAGE).write_text("# Security", encoding="utf-8")
    with pytest.raises(UserError, match="make check WRITE=yes"):
        served.everything(tmp_path)


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A copy of the project's files by links, but for the page, which may be written."""
    (tmp_path / "docs").mkdir()
    for each in [*ROOT.iterdir(), *(ROOT / "docs").iterdir()]:
        target = tmp_path / each.relative_to(ROOT)
        if not each.name.startswith(".") and not target.exists():
            target.symlink_to(each)
    (tmp_path / page.PAGE).unlink()
    return tmp_path


def test_the_command_writes_the_page_and_tells_of_a_stale_one(
    linked: Path, release: Release, proved: list[Served], capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / page.PAGE).read_text(encoding="utf-8")
    looks, writes = (
        asked_to_write(arguments)
        for arguments in (
            documented("python -m tests.requirement_coverage", module="tests.requirement_coverage"),
            documented("python -m tests.requirement_coverage --write", module="tests.requirement_coverage"),
        )
    )
    (linked / page.PAGE).write_text(text.replace("upgraded automatically", "left alone"), encoding="utf-8")
    assert settle(linked, COVERAGE, release, proved, looks) == 1
    assert "is stale; write it with python -m tests.requirement_coverage --write" in capsys.readouterr().err
    assert settle(linked, COVERAGE, release, proved, writes) == 0
    assert (linked / page.PAGE).read_text(encoding="utf-8") == text
    assert str(page.figures(COVERAGE, proved)) in capsys.readouterr().out
    assert settle(linked, COVERAGE, release, proved, looks) == 0


def test_the_command_writes_nothing_where_something_is_wrong(
    linked: Path, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    (linked / page.PAGE).write_text("as it was", encoding="utf-8")
    assert settle(linked, with_row("W3", tests=())(COVERAGE), release, [], write=True) == 1
    assert capsys.readouterr().err.startswith("W3: has neither a test nor a reason")
    assert (linked / page.PAGE).read_text(encoding="utf-8") == "as it was"


def test_the_command_reads_the_rows_of_its_file(linked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = linked / "requirements.yaml"
    file.write_text("{deployments: {dev: {root: platform, environment: dev}}, requirements: []}", encoding="utf-8")
    assert main(linked, [], file) == 1
    complaint, *_, last = capsys.readouterr().err.splitlines()
    assert (complaint, last) == ("W1: has no row", "deployment dev: no row speaks of it")
