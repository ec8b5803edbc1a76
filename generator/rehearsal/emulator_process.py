"""What runs in the emulator's own process: ministack with our patches and resource types.

Started by `generator.rehearsal.emulator`, never by hand. It ends when the pipe at its standard input closes, which
happens whenever the process at the other end is gone.
"""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import signal
import sys
import threading
from importlib import import_module
from typing import Any

PR_SET_PDEATHSIG = 1


def main() -> None:
    _end_with_the_parent()
    from generator.rehearsal import emulator_patches, emulator_types

    emulator_patches.apply()
    emulator_types.register()

    # ministack parses the command line.
    sys.argv = sys.argv[:1]
    ministack: Any = import_module("ministack.app")
    _keep_what_is_loaded()
    ministack.main()


def _keep_what_is_loaded() -> None:
    """Tell the garbage collector that all modules stay, and that answers to requests leave little behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _end_with_the_parent() -> None:
    signal.signal(signal.SIGHUP, lambda *_: _abandon())
    threading.Thread(target=_abandon_at_end_of_input, daemon=True).start()
    parent = os.environ.pop("REHEARSAL_PARENT", "")
    if sys.platform == "linux" and parent:
        # A forked worker of the parent may hold the pipe open for longer than the parent lives.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGHUP)
        if os.getppid() != int(parent):
            _abandon()


def _abandon_at_end_of_input() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    _abandon()


def _abandon() -> None:
    """End at once, with every process started here; there is nobody left to clean up after us."""
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
