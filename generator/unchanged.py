"""Whether anything has changed since the release was last written and found valid: asked before all else.

A run of `templates` that ends well leaves a stamp: what it said, and of every file that it depends on the SHA-256 and
what the file system says of it (times, size, inode). As long as all of that is so, running again could say nothing
else, and is left out. This module imports next to nothing, so that

    python -S -c 'from generator.unchanged import main; main()'

answers within the time that Python takes to start, with exit code 1 where something has changed or nothing is known.

As in git's index, what the file system says is only the short way to the same answer: a file of which it says something
else is read, and its content decides. It is not relied on for a file that had been changed within `COARSEST_CLOCK`
when it was asked. https://git-scm.com/docs/racy-git
"""

# Importing pathlib would take longer than all that is done here.
# ruff: noqa: PTH103, PTH105, PTH109, PTH112, PTH116, PTH117, PTH118, PTH120, PTH123, PTH208

import os
import sys
import time

STAMP = os.path.join(".cache", "templates.stamp")
TREES = ("generator", "params")
"""Folders of which every file is covered, but for those of `READERS`."""

READERS = frozenset(
    os.path.join("generator", name)
    for name in ("cost", "delivery", "diagram", "rehearsal", "reports", "restore", "runbook", "scaling")
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
        for tree in TREES:
            if os.path.isdir(tree):
                self._add_tree(tree)
        if os.path.isdir(RELEASES):
            for entry in os.scandir(RELEASES):
                if entry.name.startswith("v") and entry.is_dir():
                    self.sources |= {each.path: _status(each) for each in os.scandir(entry.path)}
        self.sources |= {path: _status(path) for path in FILES}
        self.libraries = {path: _status(path) for path in libraries}

    @property
    def files(self) -> dict[str, str]:
        """All of them: what is in the project, by a relative path, and the libraries."""
        return self.sources | self.libraries

    def _add_tree(self, folder: str) -> None:
        for entry in os.scandir(folder):
            if not entry.is_dir():
                self.sources[entry.path] = _status(entry)
            elif entry.name != "__pycache__" and entry.path not in READERS:
                self._add_tree(entry.path)


def verdict() -> str | None:
    """Return what the last run said, where running again could say nothing else."""
    try:
        with open(STAMP, encoding="utf-8", errors="surrogateescape") as file:
            said, premises, *lines, end = file.read().split("\n")
        if said != end or premises != _premises():
            return None
        recorded = {path: (status, digest) for status, digest, path in (line.split("\t", 2) for line in lines)}
        now = Survey([path for path in recorded if os.path.isabs(path)])
        if now.files.keys() != recorded.keys():
            return None
        doubtful = [path for path, status in now.files.items() if status != recorded[path][0]]
        if any(_digest(path) != recorded[path][1] for path in doubtful):
            return None
        if doubtful:
            _write(said, now, {path: digest for path, (_, digest) in recorded.items()})
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
    digests = {path: _digest(path) for path in Survey(loaded_libraries()).files}
    after = Survey(loaded_libraries())  # after the digests: whatever is changed from here on, its status tells
    inputs_then, inputs_now = ({p: s for p, s in each.sources.items() if p not in written} for each in (before, after))
    libraries_rest = all(_changed_at(status) < before.at for status in after.libraries.values())
    as_written = all(digests.get(path) == digest for path, digest in written.items())
    if inputs_then == inputs_now and libraries_rest and as_written and digests.keys() == after.files.keys():
        _write(said, after, digests)


def loaded_libraries() -> list[str]:
    """Return the files of `LIBRARIES` that this process has loaded, and the folders in which packages are installed."""
    folders = {path for path in sys.path if os.path.isdir(path) and path != os.getcwd()}
    loaded = [module for name, module in sys.modules.items() if name.partition(".")[0] in LIBRARIES]
    return sorted(folders | {module.__file__ for module in loaded if module.__file__})


def _status(file: str | os.DirEntry[str]) -> str:
    try:
        found = os.stat(file)
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
        return hashlib.sha256(os.fsencode("\0".join(sorted(os.listdir(path))))).hexdigest()
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return "missing"


def _write(said: str, survey: Survey, digests: dict[str, str]) -> None:
    """Write the stamp, whole or not at all."""
    lines = [said, _premises()]
    for path, status in survey.files.items():
        reliable = _changed_at(status) < survey.at - COARSEST_CLOCK
        lines.append(f"{status if reliable else 'changed lately'}\t{digests[path]}\t{path}")
    lines.append(said)  # again: where both are the same, the file is whole, and what is said is what was written
    os.makedirs(os.path.dirname(STAMP), exist_ok=True)
    aside = f"{STAMP}.{os.getpid()}"
    with open(aside, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\n".join(lines))
    os.replace(aside, STAMP)


def _premises() -> str:
    """Return what else counts: the interpreter, and the modules beside the generator, which Python would find first."""
    beside = sorted(name for name in os.listdir() if name.endswith((".py", ".so")) or "." not in name)
    return f"{sys.executable} {sys.version!r} {os.environ.get('PYTHONPATH')!r} {beside!r}"


def main() -> None:
    """Say what the last run said, or end with exit code 1 where it has to run again."""
    if (said := verdict()) is None:
        sys.exit(1)
    print(said)
