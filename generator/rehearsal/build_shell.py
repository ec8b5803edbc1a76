"""The one shell in which a rehearsed build runs all of its commands, so that `cd`, `export` and functions last.

A command that ends the shell (`exit 1`) fails its phase only; what runs later gets a new shell with the variables and
the directory that the former left. Output comes line by line. When the block is left, in whichever way, nothing that
was started inside stays behind; when this process dies, a watcher ends the build for it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shlex
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

POLL_SECONDS = 0.2
GRACE_SECONDS = 2.0
"""How long commands may tidy up after SIGTERM."""

SIGNAL_BASE = 128
"""A shell's exit status for a command ended by a signal is this plus the signal's number."""

OF_THE_SHELL = ("_", "PWD", "OLDPWD", "SHLVL")
"""Variables that every shell sets by itself."""

DRIVER = """\
_rehearsal_report() {{
  {env} -0 >{environment}
  pwd >{directory}
  printf '%s %s %s\\n' {mark} "$1" "$2" >&9
}}
exec 9>&1
trap '_rehearsal_report $? ended' EXIT
while IFS= read -r _rehearsal_command; do
  . "$_rehearsal_command" </dev/null
  _rehearsal_report $? running
done
trap - EXIT
"""
"""Reads paths of command files from its input, runs each, and tells after each how it ended."""

WATCHER = 'read -r _; kill -s KILL -- "-$1"'
"""Waits until its input is closed, which the kernel does when this process dies, and ends a process group."""


class BuildTimeoutError(Exception):
    """The build has used up its time."""


class BuildShell:
    """A shell for the time of a `with` block.

    `program` is `sh` or `bash`, `folder` a place for its files, `deadline` a moment of `time.monotonic()`.
    """

    def __init__(
        self,
        program: str,
        folder: Path,
        directory: Path,
        environment: Mapping[str, str],
        on_line: Callable[[str], None],
        deadline: float,
    ) -> None:
        self._program, self._folder, self._first_directory = program, folder, directory
        self._first_environment, self._on_line, self._deadline = dict(environment), on_line, deadline
        self._mark = uuid.uuid4().hex
        self._commands = 0
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._shells: list[subprocess.Popen[str]] = []
        self._watchers: list[subprocess.Popen[str]] = []
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._signal(signal.SIGTERM)
            end = time.monotonic() + GRACE_SECONDS
            while any(_group_lives(shell) for shell in self._shells) and time.monotonic() < end:
                time.sleep(POLL_SECONDS / 10)
        finally:
            # Also after a second Ctrl-C: nothing may stay behind.
            self._signal(signal.SIGKILL)
            for watcher in self._watchers:
                watcher.kill()
            for process in (*self._shells, *self._watchers):
                process.wait()
            for reader in self._readers:
                reader.join(GRACE_SECONDS)
            for process in (*self._shells, *self._watchers):
                _close(process)

    def run(self, command: str) -> int:
        """Run one command, hand on its output, and return its exit status. Raises `BuildTimeoutError`."""
        if self._process is None:
            self._process = self._start()
        self._commands += 1
        file = self._folder / f"command-{self._commands}.sh"
        file.write_text(command + "\n", encoding="utf-8")
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{file}\n")
            self._process.stdin.flush()
        return self._wait()

    def variables(self) -> dict[str, str]:
        """Return the exported variables as the last command left them."""
        try:
            pairs = self._environment_file.read_bytes().decode(errors="replace").split("\0")
        except FileNotFoundError:
            return dict(self._first_environment)
        found = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        return {name: value for name, value in found.items() if name not in OF_THE_SHELL}

    @property
    def _environment_file(self) -> Path:
        return self._folder / "environment"

    @property
    def _directory_file(self) -> Path:
        return self._folder / "directory"

    def _start(self) -> subprocess.Popen[str]:
        driver = self._folder / "driver.sh"
        driver.write_text(
            DRIVER.format(
                env=shlex.quote(shutil.which("env") or "env"),
                environment=shlex.quote(str(self._environment_file)),
                directory=shlex.quote(str(self._directory_file)),
                mark=self._mark,
            ),
            encoding="utf-8",
        )
        self._lines = queue.Queue()
        process = subprocess.Popen(
            [self._program, str(driver)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._directory(),
            env=self.variables(),
            encoding="utf-8",
            errors="replace",
            # A group of its own, which ends as a whole; Ctrl-C reaches it through this process alone.
            start_new_session=True,
        )
        self._shells.append(process)
        self._watchers.append(
            subprocess.Popen(
                ["sh", "-c", WATCHER, "sh", str(process.pid)], stdin=subprocess.PIPE, start_new_session=True, text=True
            )
        )
        self._readers.append(threading.Thread(target=_read, args=(process, self._lines), daemon=True))
        self._readers[-1].start()
        return process

    def _directory(self) -> Path:
        with contextlib.suppress(FileNotFoundError):
            directory = Path(self._directory_file.read_text(encoding="utf-8").removesuffix("\n"))
            if directory.is_dir():
                return directory
        return self._first_directory

    def _signal(self, number: signal.Signals) -> None:
        for shell in self._shells:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(shell.pid, number)

    def _wait(self) -> int:
        """Hand on lines until the running command has ended, or the shell with it; return the exit status."""
        assert self._process is not None
        while time.monotonic() < self._deadline:
            try:
                line = self._lines.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if self._process.poll() is None:
                    continue
                line = None
            if line is None:  # ended without a word: killed, or replaced by exec
                status = self._process.wait()
                self._process = None
                return status if status >= 0 else SIGNAL_BASE - status
            text, mark, report = line.partition(self._mark)
            if not mark or text:
                self._on_line(text)
            if mark:
                status_text, state = report.split()
                if state == "ended":
                    self._process = None
                return int(status_text)
        raise BuildTimeoutError


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    with contextlib.suppress(ValueError):  # closed while reading: the build is over
        for line in process.stdout:
            lines.put(line.removesuffix("\n"))
    lines.put(None)


def _group_lives(process: subprocess.Popen[str]) -> bool:
    process.poll()  # a zombie would count as alive
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _close(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
