"""A release is whole or not there, the same bytes everywhere, and fixed once it is released."""

from __future__ import annotations

import errno
import json
import os
import re
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from generator import __version__
from generator.errors import UserError
from generator.release import (
    MANIFEST,
    changes,
    digest,
    folder_of,
    mark_released,
    read_manifest,
    replace,
    staged,
    verify,
    verify_released,
)
from generator.rendering import render
from generator.roots import ROOTS
from generator.stacks import STACKS


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return render()


@pytest.fixture
def release(tmp_path: Path, files: dict[str, str]) -> Path:
    folder = folder_of(tmp_path)
    write(folder, files)
    return folder


def write(folder: Path, files: dict[str, str]) -> None:
    with staged(folder, files) as staging:
        replace(folder, staging)


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_every_stack_and_root_has_a_template(files: dict[str, str]) -> None:
    names = {module.__name__.rpartition(".")[2] for module in (*STACKS, *ROOTS)}
    assert files.keys() == {f"{name}.yaml" for name in names} | {MANIFEST}


def test_rendering_twice_gives_the_same_bytes(files: dict[str, str]) -> None:
    assert render() == files


def test_the_committed_release_is_what_the_sources_say(files: dict[str, str]) -> None:
    """Whoever changes a stack runs `make templates` and commits the result."""
    committed = folder_of(Path(__file__).parents[1] / "templates_out")
    assert changes(committed, files) == {}
    verify(committed)


def test_each_template_names_its_source(files: dict[str, str]) -> None:
    for name, text in files.items():
        if name != MANIFEST:
            source = text.splitlines()[0].split(" from ")[1].split(". ")[0]
            assert (Path(__file__).parents[1] / source).is_file()


def test_the_manifest_has_versions_and_digests(files: dict[str, str]) -> None:
    manifest = json.loads(files[MANIFEST])
    assert (manifest["version"], manifest["released"]) == (__version__, False)
    assert manifest["libraries"].keys() == {"awacs", "cfn-lint", "pyyaml", "troposphere"}
    assert manifest["templates"]["network.yaml"] == {"root": False, "sha256": digest(files["network.yaml"].encode())}
    assert [name for name, entry in manifest["templates"].items() if entry["root"]] == [
        "audit_trail.yaml",
        "boundaries.yaml",
        "deployment_policies.yaml",
        "deployment_policies_services.yaml",
        "global_edge.yaml",
        "pipeline.yaml",
        "platform.yaml",
        "recovery_region.yaml",
        "target_account.yaml",
        "tools_account.yaml",
    ]


def test_a_written_release_is_what_was_rendered(release: Path, files: dict[str, str]) -> None:
    assert content(release) == files
    assert changes(release, files) == {}
    assert list(release.parent.iterdir()) == [release]


def test_changes_are_named(release: Path, files: dict[str, str]) -> None:
    after = {name: text for name, text in files.items() if name != "egress.yaml"}
    after |= {"network.yaml": "changed", "new.yaml": "new"}
    expected = {"network.yaml": "changed", "new.yaml": "added", "egress.yaml": "removed"}
    assert changes(release, after) == expected


def test_an_error_while_staged_leaves_the_former_release(release: Path, files: dict[str, str]) -> None:
    with pytest.raises(RuntimeError), staged(release, {**files, "network.yaml": "broken"}):
        raise RuntimeError
    assert content(release) == files
    assert list(release.parent.iterdir()) == [release]


def test_a_full_disk_leaves_the_former_release(
    release: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text = Path.write_text

    def full(self: Path, *arguments: object, **options: object) -> int:
        if self.name == "network.yaml":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_text(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", full)
    with (
        pytest.raises(UserError, match=rf"v{re.escape(__version__)}: cannot be written: No space left"),
        staged(release, {**files, "network.yaml": "new"}),
    ):
        pass
    assert content(release) == files
    assert list(release.parent.iterdir()) == [release]


@pytest.mark.parametrize(
    ("failure", "seen"),
    [
        (OSError(errno.EROFS, "Read-only file system"), pytest.raises(UserError, match="Read-only")),
        (KeyboardInterrupt(), pytest.raises(KeyboardInterrupt)),
    ],
    ids=["no writing", "Ctrl-C"],
)
def test_a_failed_swap_brings_the_former_release_back(
    release: Path,
    files: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
    seen: AbstractContextManager[object],
) -> None:
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if target == release and not self.name.endswith("-former"):
            raise failure
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with seen, staged(release, {**files, "network.yaml": "new"}) as staging:
        replace(release, staging)
    assert content(release) == files
    assert list(release.parent.iterdir()) == [release]


def test_a_former_release_that_cannot_be_removed_does_not_undo_the_new_one(
    release: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "rmdir", failing)
    after = {**files, "network.yaml": "new"}
    with staged(release, after) as staging:
        replace(release, staging)
    assert content(release) == after


def test_a_release_that_cannot_have_a_folder_is_a_clear_error(tmp_path: Path, files: dict[str, str]) -> None:
    (tmp_path / "templates_out").write_text("a file")
    with pytest.raises(UserError, match="cannot be written"):
        write(folder_of(tmp_path / "templates_out"), files)


def test_a_released_version_cannot_change(release: Path, files: dict[str, str]) -> None:
    mark_released(release)
    assert read_manifest(release)["released"] is True
    with pytest.raises(UserError, match=rf"v{re.escape(__version__)} is released and cannot change; raise __version__"):
        write(release, {**files, "network.yaml": "changed"})
    assert content(release)["network.yaml"] == files["network.yaml"]


def test_a_released_version_that_is_rendered_alike_has_not_changed(release: Path, files: dict[str, str]) -> None:
    mark_released(release)
    assert changes(release, files) == {}


def test_releasing_twice_is_refused(release: Path) -> None:
    mark_released(release)
    with pytest.raises(UserError, match="released already"):
        mark_released(release)


@pytest.mark.parametrize("tamper", ["edit", "garble", "remove", "add"])
def test_a_tampered_release_is_found(release: Path, tamper: str) -> None:
    mark_released(release)
    if tamper == "edit":
        (release / "network.yaml").write_text("edited")
    elif tamper == "garble":
        (release / "network.yaml").write_bytes(b"\xff\xfe")
    elif tamper == "remove":
        (release / "network.yaml").unlink()
    else:
        (release / "stranger.yaml").write_text("new")
    with pytest.raises(UserError, match="stranger" if tamper == "add" else "network"):
        verify_released(release.parent)


def test_an_unreleased_version_may_be_changed_by_hand(release: Path) -> None:
    (release / "network.yaml").write_text("edited")
    verify_released(release.parent)


WITHOUT_DIGEST = '{"version": "1.1.0", "released": false, "templates": {"network.yaml": {"root": false}}}'


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": "1.0.0"}', "{", WITHOUT_DIGEST])
def test_a_broken_manifest_is_a_clear_error(release: Path, text: str) -> None:
    (release / MANIFEST).write_text(text)
    with pytest.raises(UserError, match=r"manifest\.json: is not a manifest; restore it from git"):
        read_manifest(release)


def test_a_missing_manifest_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run make templates"):
        read_manifest(tmp_path)
