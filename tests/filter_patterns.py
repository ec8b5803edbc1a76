"""CloudWatch Logs' filter patterns, as far as ours go: which lines a metric filter counts.

Written from the description of the syntax; what AWS does has not been seen.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

MAXIMUM_CHARACTERS = 1024
TOKEN = re.compile(r'\s*(&&|\|\||!=|<=|>=|[()=<>]|"[^"]*"|NOT EXISTS|IS NULL|\$[\w.]+|[\w.*:-]+)')
MISSING = object()


def matches(pattern: str, line: str) -> bool:
    """Return whether a pattern matches a line. Raises `ValueError` for a pattern of another form than ours."""
    if len(pattern) > MAXIMUM_CHARACTERS:
        raise ValueError(f"a pattern has {MAXIMUM_CHARACTERS} characters at most, not {len(pattern)}")
    if pattern.startswith("{"):
        return _of_json(pattern, line)
    terms = re.fullmatch(r'(\??"[^"]*" ?)+', pattern)
    if not terms:
        raise ValueError(pattern)
    optional, required = ([each[1] for each in _terms(pattern) if each[0] is kind] for kind in (True, False))
    return all(term in line for term in required) and (not optional or any(term in line for term in optional))


def _terms(pattern: str) -> list[tuple[bool, str]]:
    return [(mark == "?", term) for mark, term in re.findall(r'(\??)"([^"]*)"', pattern)]


def _of_json(pattern: str, line: str) -> bool:
    tokens = _tokens(pattern.removeprefix("{").removesuffix("}"))
    try:
        record = json.loads(line)
    except ValueError:
        return False  # no pattern of JSON matches what is none
    answer, rest = _alternatives(tokens, record)
    if rest:
        raise ValueError(f"{pattern}: {rest}")
    return answer


def _tokens(text: str) -> list[str]:
    found, position = [], 0
    while text[position:].strip():
        token = TOKEN.match(text, position)
        if not token:
            raise ValueError(text[position:])
        found.append(token[1])
        position = token.end()
    return found


def _alternatives(tokens: list[str], record: Any) -> tuple[bool, list[str]]:
    answer, rest = _all_of(tokens, record)
    while rest[:1] == ["||"]:
        other, rest = _all_of(rest[1:], record)
        answer = answer or other
    return answer, rest


def _all_of(tokens: list[str], record: Any) -> tuple[bool, list[str]]:
    answer, rest = _one(tokens, record)
    while rest[:1] == ["&&"]:
        other, rest = _one(rest[1:], record)
        answer = answer and other
    return answer, rest


def _one(tokens: list[str], record: Any) -> tuple[bool, list[str]]:
    if tokens[0] == "(":
        answer, rest = _alternatives(tokens[1:], record)
        if rest[:1] != [")"]:
            raise ValueError("a parenthesis is not closed")
        return answer, rest[1:]
    value = _value(tokens[0], record)
    if tokens[1] == "NOT EXISTS":
        return value is MISSING, tokens[2:]
    return _compare(value, tokens[1], tokens[2]), tokens[3:]


def _value(selector: str, record: Any) -> Any:
    for part in selector.removeprefix("$.").split("."):
        if not isinstance(record, dict) or part not in record:
            return MISSING
        record = record[part]
    return record


def _compare(value: Any, operator: str, operand: str) -> bool:
    """Compare a member with an operand; one that is missing is neither equal nor unequal to anything."""
    if value is MISSING:
        return False
    if operator in ("=", "!="):
        equal = fnmatchcase(str(value), operand.strip('"'))
        return equal == (operator == "=")
    if not isinstance(value, int | float):
        return False
    left, right = float(value), float(operand)
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]
