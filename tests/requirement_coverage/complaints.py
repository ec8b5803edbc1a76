"""What is wrong with the rows: requirements without one, and names of what is not there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

from markdown_it import MarkdownIt

from generator.checks.environment_impact import release_parameters
from generator.checks.settings import ANY_ACCOUNT
from generator.release import folder_of
from generator.resolver import Resolution, Resource, resolve
from generator.runbook.pages import anchor_of
from tests.requirement_coverage import collected
from tests.requirement_coverage.rows import Coverage, Deployment, Requirement
from tests.requirement_coverage.served import Served

REGION = "eu-west-1"

GROUPS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "W": ("The web platform, version 1.1", 9),
        "D": ("Deployment to AWS", 18),
        "E": ("The e-commerce platform", 18),
        "C": ("The shape that was asked for", 7),
        "R": ("Where requirements differ", 13),
    }
)
"""Title and number of requirements, by the letter that their ids begin with."""


@dataclass(frozen=True)
class Release:
    """The current release as each deployment makes it, by the name of the deployment."""

    resolutions: Mapping[str, Resolution]

    def matching(self, deployment: str, pattern: str) -> list[Resource]:
        """Return the resources whose address is of the pattern, in which no wildcard goes beyond a slash."""
        resources = self.resolutions[deployment].resources
        return [resource for address, resource in resources.items() if _is_of(address, pattern)]


def resolve_all(project: Path, deployments: Mapping[str, Deployment]) -> Release:
    """Resolve the release for every deployment. Raises `UserError` for what CloudFormation would refuse."""
    return Release({name: _resolved(project, deployment) for name, deployment in deployments.items()})


def expected_ids() -> list[str]:
    """Return the ids of all requirements, in their order."""
    return [f"{letter}{number}" for letter, (_, count) in GROUPS.items() for number in range(1, count + 1)]


def complaints(project: Path, coverage: Coverage, release: Release, served: Sequence[Served]) -> list[str]:
    """Return all that is wrong, each with the id of the requirement or what else it is about; an empty list is good."""
    return [
        *of_ids([row.id for row in coverage.requirements]),
        *_of_deployments(coverage),
        *(f"{row.id}: {said}" for row in coverage.requirements for said in of_row(project, row, release)),
        *_of_served(served),
    ]


def of_ids(found: Sequence[str]) -> Iterator[str]:
    """Say which requirements have no row or several, in the order of the rows' ids."""
    expected = expected_ids()
    yield from (f"{each}: has no row" for each in expected if each not in found)
    yield from (f"{each}: is no requirement" for each in found if each not in expected)
    yield from (f"{each}: has {found.count(each)} rows" for each in dict.fromkeys(found) if found.count(each) > 1)
    known = [each for each in dict.fromkeys(found) if each in expected]
    if known != sorted(known, key=expected.index):
        yield "the rows are not in the order of their ids"


def of_row(project: Path, row: Requirement, release: Release) -> Iterator[str]:
    """Say what is wrong with one row, without its id."""
    if not row.tests and not (row.not_done or row.not_proven):
        yield "has neither a test nor a reason why there is none; add tests, not_done or not_proven"
    if not (row.resources or row.files or row.not_done):
        yield "says nowhere where it is done; add resources, files or not_done"
    yield from _of_resources(row.resources, release)
    yield from (f"file {name}: {said}" for name in row.files if (said := _of_file(project, name)))
    yield from (f"test {name}: {said}" for name in row.tests if (said := collected.objection(project, name)))


def _is_of(address: str, pattern: str) -> bool:
    parts, patterns = address.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _resolved(project: Path, deployment: Deployment) -> Resolution:
    folder = folder_of(project / "templates_out")
    given: dict[str, str] = {}
    if deployment.environment:
        path = project / "params" / f"{deployment.environment}.json"
        given = json.loads(path.read_text(encoding="utf-8"))["Parameters"]
    parameters = release_parameters(folder, deployment.root, {**given, **deployment.parameters})
    return resolve(folder, deployment.root, parameters, ANY_ACCOUNT, REGION)


def _of_deployments(coverage: Coverage) -> Iterator[str]:
    used = {name for row in coverage.requirements for name in row.resources}
    yield from (f"deployment {name}: no row speaks of it" for name in coverage.deployments if name not in used)


def _of_resources(resources: Mapping[str, Iterable[str]], release: Release) -> Iterator[str]:
    for deployment, patterns in resources.items():
        if deployment not in release.resolutions:
            yield f"deployment {deployment}: is not described; those are {', '.join(release.resolutions)}"
            continue
        for pattern in patterns:
            if not release.matching(deployment, pattern):
                yield f"resource {pattern}: is not in {deployment} of the release"


def _of_file(project: Path, name: str) -> str | None:
    path, _, anchor = name.partition("#")
    if not (project / path).exists():
        return "there is no such file"
    if anchor and anchor not in _anchors((project / path).resolve()):
        return f"has no heading with the anchor {anchor}"
    return None


@cache
def _anchors(page: Path) -> frozenset[str]:
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    headings = [after for before, after in pairwise(tokens) if before.type == "heading_open"]
    plain = ("".join(part.content for part in heading.children or ()) for heading in headings)
    return frozenset(map(anchor_of, plain))


def _of_served(served: Sequence[Served]) -> Iterator[str]:
    expected = set(expected_ids())
    for each in served:
        yield from (
            f"{id_}: is no requirement, but '{each.sentence}' serves it" for id_ in each.ids if id_ not in expected
        )
