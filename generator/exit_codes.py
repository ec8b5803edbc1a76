"""How a command ends, for whoever called it: shells, make, the pipeline's build."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DONE, FAILED, WRONG_USE, CHANGES, INTERRUPTED = 0, 1, 2, 3, 130
"""`INTERRUPTED` is what shells report of a program that SIGINT has ended: 128 and the signal's number."""

MEANINGS: Mapping[int, str] = MappingProxyType(
    {
        DONE: "done, nothing to do, or everything is as it should be",
        FAILED: "failed: what was asked is not so, or something must be mended first; the message says what",
        WRONG_USE: "wrong use: no such command, option or value",
        CHANGES: "something changes, and may: only where `--exit-code` asks for it",
        INTERRUPTED: "interrupted with Ctrl-C; nothing is left half-written",
    }
)
