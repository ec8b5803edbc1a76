"""How a program ends that somebody has interrupted: with an exit code that says so, and never by a signal."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import NoReturn

from generator.exit_codes import INTERRUPTED


def end_interrupted() -> NoReturn:
    """End this process with `INTERRUPTED`. To be called when everything is cleaned up: nothing after it is executed.

    `sys.exit` would not do. Where the interrupt came while Python executed a string, as the making of a dataclass or a
    namedtuple does, Python remembers it even though it was caught, and `python -m` then ends by SIGINT instead of the
    exit code. https://github.com/python/cpython/blob/3.11/Modules/main.c (`Py_RunMain`)
    """
    for stream in (sys.stdout, sys.stderr):
        # Whoever read it may have been interrupted too.
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(INTERRUPTED)
