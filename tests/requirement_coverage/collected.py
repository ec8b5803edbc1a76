"""Whether a test that is named is one that pytest collects and runs, told from its source: nothing is imported."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

FOLDERS = ("tests", "application/tests")
"""What `make test` collects from; those in `tests/taskcat` run in an environment of their own, by its last command."""

LEFT_OUT = ("skip", "skipif", "xfail", "importorskip")
"""By these, of `pytest` or of `pytest.mark`, a test that is collected proves nothing."""

PROMISE = "check_"
"""What a function is called that `tests/test_mutations.py` also asks about templates that are broken on purpose."""


def objection(project: Path, node_id: str) -> str | None:
    """Return why pytest does not run this test, or nothing where it does."""
    name, _, function = node_id.partition("::")
    path = (project / name).resolve()
    if not name.startswith(tuple(f"{folder}/" for folder in FOLDERS)) or not path.name.startswith("test_"):
        return f"pytest collects test_*.py below {' and '.join(FOLDERS)}"
    if not path.is_file():
        return "there is no such file"
    if not function.startswith("test_"):
        return "it names no function test_…"
    found = _functions(path).get(function)
    if found is None:
        return "the file has no such function; name it without a case in brackets"
    if _leaves_out(found) or _is_left_out(path):
        return "it may be skipped, or is expected to fail"
    return None


def promises(project: Path, node_id: str) -> set[str]:
    """Return the promises that a test asks for, each also broken on purpose to see that it is noticed."""
    name, _, function = node_id.partition("::")
    test = _functions((project / name).resolve())[function]
    called = {_last_name(node.func) for node in ast.walk(test) if isinstance(node, ast.Call)}
    return {name for name in called if name.startswith(PROMISE)}


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _functions(path: Path) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in _parsed(path).body if isinstance(node, ast.FunctionDef)}


@cache
def _is_left_out(path: Path) -> bool:
    """Whether what concerns every test of a file, its marks, fixtures and helpers, leaves tests out."""
    tests = [function for name, function in _functions(path).items() if name.startswith("test_")]
    return any(_leaves_out(node) for node in _parsed(path).body if node not in tests)


def _leaves_out(part: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in LEFT_OUT
        and ast.unparse(node.value) in ("pytest", "pytest.mark")
        for node in ast.walk(part)
    )


def _last_name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
