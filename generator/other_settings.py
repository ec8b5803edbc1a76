"""Settings that a command tries out in the place of those in params: `--set NAME=VALUE`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_type_hints

from generator.environment import Environment
from generator.errors import UserError
from generator.naming import pascal_case


def parse(given: Sequence[str]) -> dict[str, str]:
    """Return what `--set` says, by setting. Raises `UserError` for an unknown setting and for a value it refuses."""
    known = {pascal_case(name): kind for name, kind in get_type_hints(Environment).items()}
    settings = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--set {pair!r}: must be NAME=VALUE")
        if name not in known:
            raise UserError(f"--set {name}: is no setting; allowed: {', '.join(known)}")
        try:
            settings[name] = known[name].parse(value).literal
        except ValueError as error:
            raise UserError(f"--set {name}: {error}") from error
    return settings
