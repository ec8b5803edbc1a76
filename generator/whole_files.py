"""Files of the documentation and the project are written whole or not at all: no interrupt or full disk halves one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from generator.errors import UserError


def write_whole(target: Path, content: str | bytes) -> bool:
    """Let a file have this content, in a folder that is made where there is none; return whether anything changed.

    Raises `UserError` where it cannot be written; it is as it was then.
    """
    data = content.encode() if isinstance(content, str) else content
    place = target.resolve()
    if place.is_file() and place.read_bytes() == data:
        return False
    aside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(data)
        aside.replace(place)
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error.strerror}; it is as it was") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()
    return True
