"""A release: one folder `templates_out/v<version>/` with every template and a manifest.

The folder of the current version is a snapshot under test and is rewritten whenever the sources change. Once a release
is marked as released in its manifest, its bytes are fixed for ever: environments run it, and rolling back needs it.

    templates_out/v1.1.0/manifest.json
        {"version": "1.1.0", "released": false, "libraries": {"troposphere": "4.11.1", …},
         "templates": {"network.yaml": {"root": false, "sha256": "…"}, …}}
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from generator import __version__
from generator.errors import UserError

MANIFEST = "manifest.json"


def folder_of(templates_out: Path, version: str = __version__) -> Path:
    """Return the folder of a release below `templates_out`."""
    return templates_out / f"v{version}"


def newest_released(templates_out: Path, but: Path) -> Path:
    """Return the folder of the newest release that is marked as released, other than the one given.

    Raises `UserError` where there is none.
    """
    released = [
        folder
        for folder in templates_out.glob("v*")
        if folder != but and (folder / MANIFEST).exists() and read_manifest(folder)["released"]
    ]
    if not released:
        raise UserError(f"{templates_out}: no other release is marked as released, so there is nothing to compare with")
    return max(released, key=lambda folder: [int(number) for number in folder.name[1:].split(".")])


def read_manifest(release: Path) -> dict[str, Any]:
    """Return the manifest of a release folder. Raises `UserError` where there is none or it is broken."""
    path = release / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        templates = {
            name: {"root": entry["root"], "sha256": entry["sha256"]} for name, entry in manifest["templates"].items()
        }
        return {**manifest, "version": manifest["version"], "released": manifest["released"], "templates": templates}
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; run make templates") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: is not a manifest; restore it from git") from error


def verify(release: Path) -> None:
    """Raise `UserError` unless the folder holds exactly what its manifest says."""
    manifest = read_manifest(release)
    for name, entry in manifest["templates"].items():
        path = release / name
        if not path.is_file() or digest(path.read_bytes()) != entry["sha256"]:
            raise UserError(f"{path}: is not what {release.name} was written with; restore it from git")
    strangers = {path.name for path in release.iterdir()} - {MANIFEST, *manifest["templates"]}
    if strangers:
        raise UserError(f"{release / min(strangers)}: does not belong to {release.name}; remove it")


def verify_released(templates_out: Path) -> None:
    """Raise `UserError` where any release that is marked as released has been changed."""
    for release in sorted(templates_out.glob("v*")):
        if (release / MANIFEST).exists() and read_manifest(release)["released"]:
            verify(release)


@contextlib.contextmanager
def staged(release: Path, files: Mapping[str, str]) -> Iterator[Path]:
    """Write the files to a temporary folder beside the release, for checks; it is removed afterwards.

    Raises `UserError` where nothing can be written there: a full disk, a read-only folder.
    """
    staging: Path | None = None
    try:
        with _writing(release):
            release.parent.mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(prefix=f".{release.name}-", dir=release.parent))
            staging.chmod(0o755)
            for name, text in files.items():
                (staging / name).write_text(text, encoding="utf-8", newline="\n")
        yield staging
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


def changes(release: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Return what putting these files in place would change: file name → `added`, `changed` or `removed`."""
    before = _read(release)
    after = as_marked(release, files)
    added_or_changed = {
        name: "changed" if name in before else "added" for name, text in after.items() if before.get(name) != text
    }
    return added_or_changed | {name: "removed" for name in before if name not in after}


def as_marked(release: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Return the files with a manifest that is marked as released where the same one in the folder is."""
    manifest = _as_released(files[MANIFEST])
    marked = (release / MANIFEST).is_file() and (release / MANIFEST).read_bytes() == manifest.encode()
    return {**files, MANIFEST: manifest} if marked else dict(files)


def replace(release: Path, staging: Path) -> None:
    """Put a staged folder in the place of the release, whole or not at all.

    Raises `UserError` where the release is marked as released, or nothing can be written there.
    """
    if (release / MANIFEST).exists() and read_manifest(release)["released"]:
        raise UserError(
            f"{release}: {release.name} is released and cannot change; raise __version__ in generator/__init__.py"
        )
    with _writing(release):
        if not release.exists():
            staging.rename(release)
            return
        former = staging.with_name(staging.name + "-former")
        try:
            release.rename(former)
            staging.rename(release)
        finally:
            if not release.exists():
                former.rename(release)
            shutil.rmtree(former, ignore_errors=True)


def mark_released(release: Path) -> None:
    """Mark a release as released. Raises `UserError` unless the folder is whole and unchanged since it was written."""
    verify(release)
    manifest = read_manifest(release)
    if manifest["released"]:
        raise UserError(f"{release}: {release.name} is released already")
    with _writing(release):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=release.parent, delete=False) as file:
            file.write(_as_released(to_json(manifest)))
        Path(file.name).chmod(0o644)
        Path(file.name).replace(release / MANIFEST)


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def to_json(content: Mapping[str, Any]) -> str:
    """Return a manifest's text."""
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _as_released(manifest: str) -> str:
    return to_json({**json.loads(manifest), "released": True})


def _read(release: Path) -> dict[str, str]:
    if not release.is_dir():
        return {}
    return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in sorted(release.iterdir())}


@contextlib.contextmanager
def _writing(release: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{release}: cannot be written: {error.strerror}; the former content is untouched") from error
