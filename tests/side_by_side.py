"""Commands one after the other, in several rows beside each other, up to the first that fails."""

from __future__ import annotations

import asyncio
import shlex
import signal
import subprocess
import tempfile
from asyncio.subprocess import Process
from collections.abc import Sequence
from pathlib import Path

Command = Sequence[str]


def run(rows: Sequence[Sequence[Command]], folder: Path) -> int:
    """Run rows of commands in a folder; return 0, or the exit code of the first that fails: the others are interrupted.

    What the first row says is shown at once, what any other says when its command has ended. Raises
    `KeyboardInterrupt` when all commands have ended after Ctrl-C, which reaches them all by itself.
    """
    return asyncio.run(_run(rows, folder))


async def _run(rows: Sequence[Sequence[Command]], folder: Path) -> int:
    running: set[Process] = set()
    failed = asyncio.Event()
    tasks = [asyncio.create_task(_row(row, folder, row is rows[0], running, failed)) for row in rows]
    code = 0
    try:
        for finished in asyncio.as_completed(tasks):
            code = code or await finished
            if code:
                break
    except asyncio.CancelledError:
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    failed.set()
    for process in running:
        process.send_signal(signal.SIGINT)
    await asyncio.gather(*tasks)
    return code


async def _row(row: Sequence[Command], folder: Path, shown: bool, running: set[Process], failed: asyncio.Event) -> int:
    for command in row:
        if failed.is_set():
            break
        with tempfile.TemporaryFile() as said:
            to = {} if shown else {"stdout": said, "stderr": subprocess.STDOUT}
            process = await asyncio.create_subprocess_exec(*command, cwd=folder, **to)
            if failed.is_set():
                process.send_signal(signal.SIGINT)
            running.add(process)
            code = await process.wait()
            running.remove(process)
            if not shown:
                said.seek(0)
                print(f"\n$ {shlex.join(command)}\n{said.read().decode(errors='replace')}", end="", flush=True)
        if code != 0:
            return code
    return 0
