"""What else says that it serves a requirement: claims of `make check` and `make scaling`, and rows of a rehearsal."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.errors import UserError
from generator.scaling.claims import CLAIMS

SECURITY_PAGE = Path("docs/security.md")
REHEARSAL = Path("generator/rehearsal")

ID = re.compile(r"\b[CDEW][0-9]{1,2}\b")
IDS = re.compile(rf"{ID.pattern}(?:,? {ID.pattern})*")
ASKED = re.compile(rf"(?P<ids>{IDS.pattern}): (?P<what>.+)", re.DOTALL)
"""What a probe of a rehearsal calls a finding: `E6: number of NAT gateways`."""


@dataclass(frozen=True)
class Served:
    """A sentence that somebody proves, and the requirements that it is proved for."""

    proof: str
    """`make check: exposure`, `make scaling`, or of a rehearsal `requests` or `services`."""
    sentence: str
    ids: tuple[str, ...]


def everything(project: Path) -> list[Served]:
    """Return all that is proved for a requirement by its id, besides tests."""
    return [*_claims_of_check(project / SECURITY_PAGE), *_claims_of_scaling(), *_rows_of_rehearsal(project / REHEARSAL)]


def _claims_of_check(page: Path) -> Iterator[Served]:
    """Read the page that `make check` holds to what it has examined."""
    proof = ""
    after = page.read_text(encoding="utf-8").partition("<!-- claims: begin -->")[2]
    section, end, _ = after.partition("<!-- claims: end -->")
    if not end:
        raise UserError(f"{page}: has no section claims; write it with make check WRITE=yes")
    for line in section.splitlines():
        if line.startswith("### "):
            proof = line.removeprefix("### ").lower()
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 2 and IDS.fullmatch(cells[1]):
            yield Served(f"make check: {proof}", cells[0], _ids(cells[1]))


def _claims_of_scaling() -> Iterator[Served]:
    for claim in CLAIMS:
        yield Served("make scaling", claim.sentence, _ids(claim.requirements))


def _rows_of_rehearsal(folder: Path) -> Iterator[Served]:
    """Read the requests that visitors make, and what services are asked, out of the sources."""
    found: dict[Served, None] = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Call, ast.Tuple)):
                texts = [_text(each) for each in (node.args if isinstance(node, ast.Call) else node.elts)[:2]]
                found.update(dict.fromkeys(_served(texts)))
    yield from found


def _served(texts: Sequence[str]) -> Iterator[Served]:
    if len(texts) == 2 and IDS.fullmatch(texts[0]) and texts[1]:
        yield Served("make rehearse: requests", texts[1], _ids(texts[0]))
    elif texts and (asked := ASKED.fullmatch(texts[0])):
        yield Served("make rehearse: services", asked["what"], _ids(asked["ids"]))


def _text(node: ast.expr) -> str:
    """Return what a literal says; of what it fills in, the source in braces."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(each) for each in node.values)
    if isinstance(node, ast.FormattedValue):
        return f"{{{ast.unparse(node.value)}}}"
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _ids(text: str) -> tuple[str, ...]:
    return tuple(ID.findall(text))
