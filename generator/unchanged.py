"""Whether anything has changed since the release was last written and found valid: asked before all else.

A run of `templates` that ends well leaves a stamp: what it said, and of every file and folder that it depends on the
SHA-256 and what the file system says of it (times, size, inode). As long as all of that is so, running again could say
nothing else, and is left out. This module imports next to nothing, so that

    python -S -c 'from generator.unchanged import main; main()'

answers within the time that Python takes to start, and runs again where something has changed or nothing is known.

As in git's index, what the file system says is only the short way to the same answer: a file of which it says something
else is read, and its content decides; of a folder the names in it decide, so that what is added is seen without listing
every folder. It is not relied on for what had been changed within `COARSEST_CLOCK` when it was asked.
https://git-scm.com/docs/racy-git
"""

# Importing pathlib would take longer than all that is done here.
# ruff: noqa: PTH103, PTH105, PTH109, PTH112, PTH116, PTH118, PTH120, PTH123, PTH208

import os
import sys
import time

STAMP = os.path.join(".cache", "templates.stamp")
TREES = ("generator", "params")
"""Folders of which every file is covered, but for those of `READERS`."""

READERS = frozenset(
    os.path.join("generator", *name.split("/"))
    for name in (
        "checks/exposure",
        "checks/permissions",
        "checks/rule_sets",
        "checks/tools",
        "cost",
        "delivery",
        "diagram",
        "rehearsal",
        "reports",
        "restore",
        "runbook",
        "scaling",
    )
)
"""What reads releases: no template depends on it (`tests/test_layout.py`, `tests/test_unchanged.py`)."""

RELEASES = "templates_out"
"""Of the releases, the files of each version are covered."""

FILES = ("requirements.lock",)
LIBRARIES = ("awacs", "troposphere", "yaml")
"""The installed packages of which every loaded file is covered: templates are made of them. Of all others, such as
cfn-lint, the version is, which stands in the name of a folder beside them."""

COARSEST_CLOCK = 2_000_000_000
"""Nanoseconds between two times that a file system can tell apart, at most: FAT counts in steps of two seconds."""


class Survey:
    """What the file system says of each covered file or folder by its path, and when it was asked, in nanoseconds.

    Raises `OSError` where a folder cannot be read.
    """

    def __init__(self, libraries: list[str]) -> None:
        self.at = time.time_ns()
        self.sources: dict[str, str] = {}
        self.folders: dict[str, str] = {}
        for path in (*TREES, RELEASES, *FILES):
            self._add(path)
        self.libraries = {path: _status(path) for path in libraries}

    @property
    def all(self) -> dict[str, str]:
        """The files and folders in the project, by a relative path, and the libraries."""
        return self.sources | self.folders | self.libraries

    def _add(self, path: str) -> None:
        if not os.path.isdir(path):
            self.sources[path] = _status(path)
            return
        self.folders[path] = _status(path)  # before its names: what is added from here on, the status tells
        for name in _names(path):
            self._add(os.path.join(path, name))


def verdict() -> str | None:
    """Return what the last run said, where running again could say nothing else."""
    try:
        with open(STAMP, encoding="utf-8", errors="surrogateescape") as file:
            said, premises, *columns, end = file.read().split("\n")
        paths, statuses, digests = (column.split("\0") for column in columns)
        if said != end or premises != _premises():
            return None
        at = time.time_ns()
        now = [_status(path) for path in paths]
        if now == statuses:
            return said
        for path, status, recorded, digest in zip(paths, now, statuses, digests, strict=True):
            if status != recorded and _digest(path) != digest:
                return None
        _write(said, at, dict(zip(paths, now, strict=True)), digests)
    except (OSError, ValueError):
        return None
    return said


def begin() -> Survey | None:
    """Return what there is before a run, for `remember`; nothing where it cannot be read."""
    try:
        return Survey([])
    except OSError:
        return None


def remember(said: str, before: Survey | None, written: dict[str, str]) -> None:
    """Leave a stamp for a run that ended well, unless something was changed while it ran.

    `said` is what it says of a release in which nothing changes, `before` the survey at its beginning, and `written`
    the SHA-256 of each file of the current release as its sources make it, by its path. Raises `OSError`.
    """
    if before is None:
        return
    digests = {path: _digest(path) for path in Survey(loaded_libraries()).all}
    after = Survey(loaded_libraries())  # after the digests: whatever is changed from here on, its status tells
    inputs_then, inputs_now = ({p: s for p, s in each.sources.items() if p not in written} for each in (before, after))
    libraries_rest = all(_changed_at(status) < before.at for status in after.libraries.values())
    as_written = all(digests.get(path) == digest for path, digest in written.items())
    if inputs_then == inputs_now and libraries_rest and as_written and digests.keys() == after.all.keys():
        _write(said, after.at, after.all, [digests[path] for path in after.all])


def loaded_libraries() -> list[str]:
    """Return the files of `LIBRARIES` that this process has loaded, and the folders in which packages are installed."""
    folders = {path for path in sys.path if os.path.isdir(path) and path != os.getcwd()}
    loaded = [module for name, module in sys.modules.items() if name.partition(".")[0] in LIBRARIES]
    return sorted(folders | {module.__file__ for module in loaded if module.__file__})


def _names(folder: str) -> list[str]:
    """Return the names in a folder that count, sorted. Beside the versions of a release, a run stages the next one."""
    if folder == RELEASES:
        return sorted(name for name in os.listdir(folder) if name.startswith("v"))
    return sorted(
        name for name in os.listdir(folder) if name != "__pycache__" and os.path.join(folder, name) not in READERS
    )


def _status(path: str) -> str:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return "0 0"
    return f"{found.st_mtime_ns} {found.st_ctime_ns} {found.st_size} {found.st_ino}"


def _changed_at(status: str) -> int:
    """Return the later of the two times in a status: content can be changed and its time set back, but not both."""
    modified, changed = status.split()[:2]
    return max(int(modified), int(changed))


def _digest(path: str) -> str:
    """Return the SHA-256 of a file's content, or of the names in a folder."""
    import hashlib

    if os.path.isdir(path):
        return hashlib.sha256(os.fsencode("\0".join(_names(path)))).hexdigest()
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return "missing"


def _write(said: str, at: int, statuses: dict[str, str], digests: list[str]) -> None:
    """Write the stamp, whole or not at all: columns of paths, of statuses as they were at a time, and of digests."""
    trusted = at - COARSEST_CLOCK
    reliable = [status if _changed_at(status) < trusted else "changed lately" for status in statuses.values()]
    columns = ("\0".join(column) for column in (statuses, reliable, digests))
    os.makedirs(os.path.dirname(STAMP), exist_ok=True)
    aside = f"{STAMP}.{os.getpid()}"
    with open(aside, "w", encoding="utf-8", errors="surrogateescape") as file:
        # What is said stands there again: where both are the same, the file is whole, and this is what was written.
        file.write("\n".join((said, _premises(), *columns, said)))
    os.replace(aside, STAMP)


def _premises() -> str:
    """Return what else counts: the interpreter, and the modules beside the generator, which Python would find first."""
    beside = sorted(name for name in os.listdir() if name.endswith((".py", ".so")) or "." not in name)
    return f"{sys.executable} {sys.version!r} {os.environ.get('PYTHONPATH')!r} {beside!r}"


def main() -> None:
    """Say what the last run said and end, or run again in the place of this process."""
    if (said := verdict()) is None:
        os.execv(sys.executable, (sys.executable, "-m", "generator", "templates"))
    print(said, flush=True)
    os._exit(0)  # nothing is left to be done; a sixth of the time would go into taking the interpreter down
