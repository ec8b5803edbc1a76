"""The archive: the same bytes each time, names that follow from contents, and only what the contract has."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from surroundings import PYTHON, ROOT

BUILDER = ROOT / "application/build_archive.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_archive", BUILDER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build_archive = load()


def built(folder: Path) -> bytes:
    """Build from a copy of the sources in a folder, whose files have other times and come in another order."""
    copy = folder / "application"
    shutil.copytree(ROOT / "application", copy, copy_function=shutil.copyfile)
    for index, path in enumerate(sorted(copy.rglob("*"), reverse=True)):
        os.utime(path, (index, index))
    output = folder / "out/application.tar.gz"
    command = [PYTHON, copy / "build_archive.py", "--output", output, "--without-dependencies"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return output.read_bytes()


def test_d7_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    assert built(tmp_path / "one") == built(tmp_path / "two")


def test_the_archive_holds_what_the_contract_says(archive: Path) -> None:
    with tarfile.open(archive / "application.tar.gz") as tar:
        members = {each.name: each for each in tar.getmembers()}
    assert {"start", "migrate", "public/index.html", "public/404.html", "public/unavailable.html"} <= members.keys()
    assert all(each.isfile() for each in members.values())
    executable = {name for name, each in members.items() if each.mode & 0o111}
    assert executable == {"start", "migrate"}
    assert {(each.uid, each.gid) for each in members.values()} == {(0, 0)}
    assert not any("test" in name or name.endswith((".lock", ".pyc")) for name in members)


@given(st.sets(st.binary(max_size=8), min_size=2, max_size=8))
def test_d4_nginx_tells_two_versions_of_a_page_apart(versions: set[bytes]) -> None:
    """By time and size: a page whose assets have other digests in their names is as long as it was before."""
    times = set()
    for content in versions:
        with tarfile.open(fileobj=io.BytesIO(build_archive.archive({"public/index.html": content}))) as tar:
            times.add(tar.getmember("public/index.html").mtime)
    assert len(times) == len(versions)


def test_d4_pages_refer_only_to_files_that_are_there(archive: Path) -> None:
    public = archive / "public"
    for page in public.glob("*.html"):
        referred = re.findall(r'(?:src|href)="(/[^"]*)"', page.read_text())
        files = [each for each in referred if Path(each).suffix]
        assert len(files) >= 2, page.name
        assert all((public / each.lstrip("/")).is_file() for each in files), page.name
        assert not re.search(r"<script(?! src)|<style|style=|\son\w+=", page.read_text()), f"inline code in {page.name}"


def test_d4_names_of_assets_change_with_their_contents(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "application/site", tmp_path / "site")
    before = build_archive.site(tmp_path / "site")
    with (tmp_path / "site/assets/shop.css").open("a") as file:
        file.write("\n")
    after = build_archive.site(tmp_path / "site")
    (old,) = before.keys() - after.keys()
    (new,) = after.keys() - before.keys()
    assert re.fullmatch(r"assets/shop\.[0-9a-f]{16}\.css", new)
    assert old.encode() in before["index.html"]
    assert new.encode() in after["index.html"]


def test_an_asset_that_refers_to_another_is_refused(tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "a.css").write_text("body { background: url(/assets/b.svg) }")
    (assets / "b.svg").write_text("<svg/>")
    with pytest.raises(SystemExit, match=r"site/assets/a\.css refers to an asset"):
        build_archive.site(tmp_path)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True), st.binary(max_size=50), min_size=1))
def test_whatever_is_packed_comes_out_again(content: dict[str, bytes]) -> None:
    packed = build_archive.archive(content)
    assert packed == build_archive.archive(dict(reversed(content.items())))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.getnames() == sorted(content)
        assert {name: tar.extractfile(name).read() for name in content} == content  # type: ignore[union-attr]


def test_the_image_is_made_of_what_the_archive_is_made_of(archive: Path) -> None:
    copied = re.findall(r"^COPY ([^-].+) \S+$", (ROOT / "application/Dockerfile").read_text(), re.MULTILINE)
    let_in = re.findall(r"^!(.+)$", (ROOT / "application/.dockerignore").read_text(), re.MULTILINE)
    assert {name for line in copied for name in line.split()} == set(let_in)
    packed = {each.name for each in archive.iterdir()} - {"public", "start", "application.tar.gz"}
    of_an_image = {"requirements.lock", "build_archive.py", "site", "serve", "migrate-until-done", "check-health"}
    assert set(let_in) == packed | of_an_image
