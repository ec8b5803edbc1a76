"""An artifact arrives as it was handed on: the same files, modes and times; and source is what git would push."""

from __future__ import annotations

import os
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from conftest import Account
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import UserError
from generator.rehearsal.pipeline_artifacts import ArtifactStore, files_below, pack, read_file, unpack

# ---------------------------------------------------------------------------------------------------------------------
# Packing
# ---------------------------------------------------------------------------------------------------------------------

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..") and len(name.encode()) <= 80
)
"""A file's name may be anything but the way to a folder."""

FILES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map(tuple),
    st.tuples(
        st.binary(max_size=200),
        st.sampled_from([0o400, 0o600, 0o644, 0o700, 0o755, 0o777]),
        st.integers(315_619_200, 4_354_732_799),
    ),
    max_size=5,
).filter(lambda files: not any(a != b and a == b[: len(a)] for a in files for b in files))
"""Path → content, mode and time: any second from 1980 to 2107, which is what a ZIP can hold."""


@given(FILES)
def test_files_come_out_as_they_went_in(files: dict[tuple[str, ...], tuple[bytes, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "in")
        folder.mkdir()
        for path, (content, mode, seconds) in files.items():
            file = folder.joinpath(*path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(mode)
            os.utime(file, (seconds, seconds))
        out = unpack(pack(folder, files_below(folder)), Path(place, "deep", "out"))
        found = {path.relative_to(out).parts: path for path in files_below(out)}
        assert found.keys() == files.keys()
        for path, (content, mode, seconds) in files.items():
            assert found[path].read_bytes() == content
            assert found[path].stat().st_mode & 0o777 == mode
            assert found[path].stat().st_mtime == seconds - seconds % 2


@given(FILES)
def test_one_file_can_be_read_from_an_artifact(files: dict[tuple[str, ...], tuple[bytes, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        for path, (content, _, _) in files.items():
            file = Path(place).joinpath(*path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        packed = pack(Path(place), files_below(Path(place)))
    for path, (content, _, _) in files.items():
        assert read_file(packed, "/".join(path)) == content
    with pytest.raises(KeyError):
        read_file(packed, "no/such/file")


def test_only_the_files_given_are_packed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    assert zipfile.ZipFile(BytesIO(pack(tmp_path, [tmp_path / "b"]))).namelist() == ["b"]


def test_times_that_a_zip_cannot_hold_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    os.utime(tmp_path / "old", (0, 0))
    out = unpack(pack(tmp_path, [tmp_path / "old"]), tmp_path / "out")
    assert (out / "old").read_text() == "old"


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9")
    file.write_text("text")
    with pytest.raises(UserError, match=r"caf\\xe9': the file's name is not UTF-8; rename the file"):
        pack(tmp_path, [file])


def test_nothing_is_written_outside_of_the_folder(tmp_path: Path) -> None:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../outside", "text")
        archive.writestr("/absolute", "text")
    out = unpack(content.getvalue(), tmp_path / "out")
    assert files_below(tmp_path) == [out / "absolute", out / "outside"]


def test_files_of_other_systems_are_readable(tmp_path: Path) -> None:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.mkdir("folder")
        entry = zipfile.ZipInfo("folder/file")
        entry.external_attr = 0x20  # as Windows writes it: "archive", and nothing of Unix
        archive.writestr(entry, "text")
    out = unpack(content.getvalue(), tmp_path / "out")
    assert (out / "folder/file").stat().st_mode & 0o777 == 0o644
    assert (out / "folder").stat().st_mode & 0o700 == 0o700


# ---------------------------------------------------------------------------------------------------------------------
# Source
# ---------------------------------------------------------------------------------------------------------------------


# ---------------------------------------------------------------------------------------------------------------------
# The bucket
# ---------------------------------------------------------------------------------------------------------------------


def test_artifacts_are_stored_under_names_cut_as_codepipeline_cuts_them(development: Account) -> None:
    s3 = development.client("s3")
    s3.create_bucket(Bucket="trial-artifacts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    store = ArtifactStore(s3, "trial-artifacts", "a-pipeline-with-a-long-name")
    keys = [store.put("ReleaseOfToday", content) for content in (b"one", b"two")]
    assert {key.rpartition("/")[0] for key in keys} == {"a-pipeline-with-a-lo/ReleaseOfT"}
    assert [store.get(key) for key in keys] == [b"one", b"two"]
