"""Requests and what is expected of their answers, and how the two compare: the rows of the table at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from generator.rehearsal.requests_client import Answer, Client, NoAnswerError

LONGEST_FACT = 80
"""Characters of a fact that are shown."""


@dataclass(frozen=True)
class Request:
    """What a client does, and what should come of it.

    `line` is method and URL; in it, in headers and in what is expected, `{names}` stand for what differs between
    environments. `expected` are patterns, as for file names, by fact: `status`, `body`, or a header; an empty one says
    that the header is absent. `why` names the requirement.
    """

    why: str
    what: str
    line: str
    expected: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True)
class Row:
    """One comparison: what was done, what was expected, what happened. Names are as in the list of requests."""

    environment: str
    why: str
    what: str
    line: str
    expected: str
    actual: str
    holds: bool


@dataclass(frozen=True)
class Names:
    """What differs between environments: name → value, such as `load_balancer` → its DNS name."""

    environment: str
    values: Mapping[str, str]

    def filled(self, text: str) -> str:
        """Return a text with the values in it. Other braces stay: bodies are JSON."""
        for name, value in self.values.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def abstract(self, text: str) -> str:
        """Return a text with the names in the place of values, so that environments can be compared."""
        for name, value in sorted(self.values.items(), key=lambda each: -len(each[1])):
            text = text.replace(value, f"{{{name}}}") if value else text
        return text

    def row(self, why: str, what: str, line: str, expected: str, actual: str) -> Row:
        """Return a row in which what happened must match the expected pattern."""
        actual = self.abstract(actual)
        return Row(self.environment, why, what, line, expected, actual, fnmatchcase(actual, expected))


def ask(client: Client, request: Request, names: Names) -> Row:
    """Send a request and compare the answer."""
    method, url = names.filled(request.line).split(" ", 1)
    headers = {name: names.filled(value) for name, value in request.headers.items()}
    expected = _shown(request.expected)
    try:
        answer = client.send(method, url, headers, names.filled(request.body))
    except NoAnswerError as error:
        actual, holds = f"no answer: {error}", False
    else:
        patterns = {fact: names.filled(text) for fact, text in request.expected.items()}
        actual, holds = compared(answer, patterns, names.abstract)
    return Row(names.environment, request.why, request.what, request.line, expected, actual, holds)


def compared(answer: Answer, expected: Mapping[str, str], abstract: Callable[[str], str] = str) -> tuple[str, bool]:
    """Return the facts of an answer that something is expected of, in words, and whether all are as expected.

    `abstract` puts names in the place of what differs between environments, before a fact is shortened.
    """
    facts = {name: answer.fact(name) for name in expected}
    holds = all(fnmatchcase(facts[name], pattern) for name, pattern in expected.items())
    return _shown({name: abstract(fact) for name, fact in facts.items()}), holds


def merged(rows: Iterable[Row]) -> list[tuple[Row, Sequence[str]]]:
    """Return rows that are the same but for the environment once, with the environments in which they are so.

    Of answers that are as expected, the first one stands for all: sessions and dates differ.
    """
    found: dict[tuple[object, ...], tuple[Row, list[str]]] = {}
    for row in rows:
        key = (row.why, row.what, row.line, row.expected, "" if row.holds else row.actual, row.holds)
        found.setdefault(key, (row, []))[1].append(row.environment)
    return [(row, list(dict.fromkeys(environments))) for row, environments in found.values()]


def _shown(facts: Mapping[str, str]) -> str:
    words = []
    for name, value in facts.items():
        text = " ".join(value.split())
        short = text if len(text) <= LONGEST_FACT else f"{text[:LONGEST_FACT]}…"
        words.append(short if name == "status" else f"{name}: {short or 'absent'}")
    return "\n".join(words)
