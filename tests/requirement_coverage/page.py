"""`docs/requirements.md`: for each group of requirements a table of all, then each with what it names."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.reports.generated_section import with_section
from generator.reports.markdown_table import table
from generator.resolver import Resource
from tests.requirement_coverage import collected
from tests.requirement_coverage.complaints import GROUPS, Release
from tests.requirement_coverage.rows import Coverage, Requirement
from tests.requirement_coverage.served import Served

PAGE = Path("docs/requirements.md")
HEAD = ("id", "requirement", "done by", "proved by", "open")
DAMAGED = "†"
"""Beside a test whose promise is also broken on purpose."""

PROOFS = {
    "make check: exposure": "[exposure](security.md#exposure)",
    "make check: permissions": "[permissions](security.md#permissions)",
    "make check: rule sets": "[rule sets](security.md#rule-sets)",
    "make check: supply chain": "[supply chain](security.md#supply-chain)",
    "make scaling": "[simulated load](scaling.md#figures-and-claims)",
    "make rehearse: requests": "[requests of visitors](pipeline.md#rehearsing-it)",
    "make rehearse: services": "[questions to services](pipeline.md#rehearsing-it)",
}
"""Where to read of each proof beside tests, in the order of the page."""


@dataclass(frozen=True)
class Figures:
    """How much is covered."""

    requirements: int
    tested: int
    open: int
    """Of which something is not done or not proven."""
    tests: int
    """That are named, each counted once."""
    claims: int
    """Of `make check` and `make scaling`, that serve a requirement."""

    def __str__(self) -> str:
        return (
            f"Of {self.requirements} rows, {self.tested} have tests: {self.tests} different ones, beside {self.claims} "
            f"claims of `make check` and `make scaling`. Of {self.open}, something is not done or not proven here."
        )


def figures(coverage: Coverage, served: Sequence[Served]) -> Figures:
    """Count the rows and what proves them."""
    rows = coverage.requirements
    return Figures(
        len(rows),
        sum(bool(row.tests) for row in rows),
        sum(bool(row.not_done or row.not_proven) for row in rows),
        len({test for row in rows for test in row.tests}),
        sum(each.proof.startswith(("make check", "make scaling")) for each in served),
    )


def sections(project: Path, coverage: Coverage, release: Release, served: Sequence[Served]) -> dict[str, str]:
    """Return the generated sections of the page by their names."""
    parts = []
    for letter, (title, _) in GROUPS.items():
        rows = [row for row in coverage.requirements if row.id.startswith(letter)]
        parts += [f"## {title}", table(HEAD, [_summary(row, release, served) for row in rows])]
        parts += ["\n\n".join(_details(project, row, release, served)) for row in rows]
    return {"figures": str(figures(coverage, served)), "requirements": "\n\n".join(parts)}


def with_sections(page: str, generated: dict[str, str]) -> str:
    """Return the page with its generated sections as they should be."""
    for name, content in generated.items():
        page = with_section(page, name, content)
    return page


def _summary(row: Requirement, release: Release, served: Sequence[Served]) -> list[str]:
    places = dict.fromkeys(_places(row, release))
    claims = sum(row.id in each.ids for each in served)
    opened = {"not done": row.not_done, "not proven": row.not_proven}
    return [
        f"[{row.id}](#{row.id.lower()})",
        row.requirement,
        ", ".join([*(f"`{place}`" for place in places), *([_counted(len(row.files), "file")] if row.files else [])]),
        ", ".join(_counted(count, what) for count, what in ((len(row.tests), "test"), (claims, "claim")) if count),
        ", ".join(f"{kind}, in part" for kind, reason in opened.items() if reason),
    ]


def _places(row: Requirement, release: Release) -> Iterator[str]:
    """Return the stacks that hold a row's resources, and the roots of those that are in no nested stack."""
    for deployment, patterns in row.resources.items():
        for resource in _matching(release, deployment, patterns):
            yield resource.stack or Path(resource.template).stem


def _details(project: Path, row: Requirement, release: Release, served: Sequence[Served]) -> Iterator[str]:
    yield f"### {row.id}"
    yield row.requirement
    done = [*_resources(row, release), *([", ".join(map(_file, row.files))] if row.files else [])]
    if done:
        yield f"Done by:\n\n{_listed(done)}"
    yield f"Proved by:\n\n{_listed([*(_test(project, name) for name in row.tests), *_served(row.id, served)])}"
    if row.not_done:
        yield f"**Not done:** {row.not_done}"
    if row.not_proven:
        yield f"**Not proven:** {row.not_proven}"


def _resources(row: Requirement, release: Release) -> Iterator[str]:
    for deployment, patterns in row.resources.items():
        named = (f"`{pattern}` ({_types(_matching(release, deployment, [pattern]))})" for pattern in patterns)
        yield f"{deployment}: {', '.join(named)}"


def _types(resources: Iterable[Resource]) -> str:
    types = Counter(resource.type for resource in resources)
    return ", ".join(f"{count} of {name}" if count > 1 else name for name, count in types.items())


def _matching(release: Release, deployment: str, patterns: Iterable[str]) -> list[Resource]:
    return [resource for pattern in patterns for resource in release.matching(deployment, pattern)]


def _file(name: str) -> str:
    path, _, anchor = name.partition("#")
    title = f": {anchor.replace('-', ' ')}" if anchor else ""
    return f"[{path.removeprefix('docs/')}{title}]({_link(name)})"


def _test(project: Path, name: str) -> str:
    path, _, function = name.partition("::")
    sign = f" {DAMAGED}" if collected.promises(project, name) else ""
    return f"[`{path}`]({_link(path)})`::{function}`{sign}"


def _served(requirement: str, served: Sequence[Served]) -> Iterator[str]:
    counts = Counter(each.proof for each in served if requirement in each.ids)
    by_command = itertools.groupby((proof for proof in PROOFS if counts[proof]), lambda proof: proof.partition(":")[0])
    for command, proofs in by_command:
        yield f"`{command}`: " + ", ".join(f"{PROOFS[proof]} {counts[proof]}" for proof in proofs)


def _listed(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _link(name: str) -> str:
    """Return where a file of the project is, seen from the page."""
    return name.removeprefix("docs/") if name.startswith("docs/") else f"../{name}"
