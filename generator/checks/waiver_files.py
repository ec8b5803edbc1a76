"""Files of waivers: YAML with one key, `waivers`, and a list. What an entry says, each kind of waiver knows itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from generator.errors import UserError

NOTHING: tuple[Any, ...] = (None, {}, {"waivers": None})
"""What an optional file may hold instead of a list."""


def read_entries(path: Path, problems_of: Callable[[Any], list[str]], *, optional: bool = False) -> list[Any]:
    """Return the entries of a file, none of which has a problem. An optional file may be absent, or hold no list.

    Raises `UserError` naming file and key, with all that is wrong.
    """
    content = _content(path, optional)
    if optional and content in NOTHING:
        return []
    if not isinstance(content, dict) or content.keys() != {"waivers"} or not isinstance(content["waivers"], list):
        raise UserError(
            f"{path}: must hold one key, waivers, with a list; write [] for none, see the comment at its top"
        )
    entries = content["waivers"]
    problems = [
        f"{path}: {key_of(number)}: {problem}" for number, entry in enumerate(entries) for problem in problems_of(entry)
    ]
    if problems:
        raise UserError("\n".join(problems))
    return entries


def key_of(number: int) -> str:
    """Return where in its file an entry stands."""
    return f"waivers[{number}]"


def _content(path: Path, optional: bool) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        if optional and isinstance(error, FileNotFoundError):
            return None
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: is not YAML: {' '.join(str(error).split())}") from error
