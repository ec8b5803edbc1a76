"""What a command line wishes to see rehearsed, as the command itself understands it, for a test that rehearses it.

Visitors are left out, who come in `test_rehearse.py` and `test_requests_rehearsal.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from generator import rehearse_command
from generator.rehearsal import rehearse
from generator.rehearsal.pipeline_actions import Approval
from generator.rehearsal.wishes import Wishes

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Wished:
    """What `rehearse` is called with by the command of the same name."""

    wishes: Wishes
    settings: Mapping[str, str]


class _CalledError(Exception):
    """The command has come to where it rehearses; with what it asks for."""


def wished(arguments: Sequence[str], approve: Callable[[str], Approval] | None = None) -> Wished:
    """Return what `python -m generator` asks for with these arguments, of which the first is `rehearse`.

    `approve` sits at the terminal where no option answers.
    """
    assert arguments[0] == "rehearse"
    signature = inspect.signature(rehearse.rehearse)

    def called(*given: object, **named: object) -> None:
        raise _CalledError(signature.bind(*given, **named).arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        patched.setattr(rehearse, "rehearse", called)
        if approve:
            patched.setattr("sys.stdin.isatty", lambda: True, raising=False)
        with pytest.raises(_CalledError) as reached:
            rehearse_command.rehearse.main(list(arguments[1:]), standalone_mode=False)
    asked = reached.value.args[0]
    wishes: Wishes = replace(asked["wishes"], visit=False)
    if approve:
        wishes = replace(wishes, approve=approve)
    if wishes.previous:
        wishes = replace(wishes, previous=ROOT / wishes.previous)
    return Wished(wishes, asked.get("settings", {}))
