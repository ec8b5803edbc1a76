"""The emulator's connections, which outlive any number of requests."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_guards import PatchError

CONFIG = "hypercorn.config"
SETTING = "keep_alive_max_requests"
NO_LIMIT = 1_000_000_000


def connections_that_stay() -> None:
    """A connection serves as many requests as its client likes.

    The server under ministack closes one after a thousand, while the client may be sending the next request; AWS's
    clients would try again, the rehearsal's do not.
    """
    config: Any = import_module(CONFIG).Config
    if not isinstance(getattr(config, SETTING, None), int):
        raise PatchError(f"{CONFIG}.Config.{SETTING} is gone.")
    setattr(config, SETTING, NO_LIMIT)
