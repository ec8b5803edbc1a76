"""An archive that would not work on a web server is refused before it gets there, with everything that is wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generator.delivery.application_archive import read
from generator.errors import UserError
from tests.delivery.archives import GOOD, INDEX, START, STYLE, Member, packed

FOLDER = Member("public/", type=tarfile.DIRTYPE, mode=0o755)


def problems(file: Path) -> list[str]:
    """Return what is said about an archive that is refused."""
    with pytest.raises(UserError) as caught:
        read(file)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{file}: ") for line in lines)
    return [line.removeprefix(f"{file}: ") for line in lines]


def test_its_site_is_what_is_below_public(tmp_path: Path) -> None:
    file = packed(tmp_path / "a.tar.gz", [FOLDER, *GOOD, Member("lib/app.py", b"x"), Member("migrate", b"", 0o755)])
    found = read(file)
    assert found.content == file.read_bytes()
    assert dict(found.site) == {"index.html": INDEX.content, "assets/shop.3f9a1c2b.css": STYLE.content}


def test_names_may_begin_with_a_dot_and_a_slash(tmp_path: Path) -> None:
    """As `tar --create .` writes them."""
    dotted = [dataclasses.replace(member, name=f"./{member.name}") for member in GOOD]
    file = packed(tmp_path / "a.tar.gz", [Member(".", type=tarfile.DIRTYPE, mode=0o755), *dotted])
    assert sorted(read(file).site) == ["assets/shop.3f9a1c2b.css", "index.html"]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([START, STYLE], "public/index.html is missing"),
        ([INDEX, STYLE], "start is missing"),
        ([INDEX, Member("start", mode=0o644)], "start: is not executable"),
        ([*GOOD, Member("migrate", mode=0o600)], "migrate: is not executable"),
        ([*GOOD, Member("/etc/passwd")], "/etc/passwd: leads out of the folder"),
        ([*GOOD, Member("../up")], "../up: leads out of the folder"),
        ([*GOOD, Member("public/../../up")], "public/../../up: leads out of the folder"),
        ([*GOOD, Member("lib", type=tarfile.SYMTYPE, target="/usr/lib")], "lib: is a link, to /usr/lib"),
        ([*GOOD, Member("copy", type=tarfile.LNKTYPE, target="start")], "copy: is a link, to start"),
        ([*GOOD, Member("pipe", type=tarfile.FIFOTYPE)], "pipe: is neither a file nor a folder"),
        ([*GOOD, Member("disk", type=tarfile.BLKTYPE)], "disk: is neither a file nor a folder"),
        ([*GOOD, Member("./start", mode=0o755)], "./start: is there twice"),
        ([*GOOD, Member("public/assets/shop.css")], "public/assets/shop.css: browsers keep it for a year"),
        ([INDEX, Member("start", type=tarfile.SYMTYPE, target="lib/start")], "start: is a link, to lib/start"),
        ([INDEX, Member("start/", type=tarfile.DIRTYPE, mode=0o755)], "start is missing"),
    ],
    ids=str,
)
def test_what_breaks_the_contract_is_named(tmp_path: Path, members: list[Member], message: str) -> None:
    assert any(problem.startswith(message) for problem in problems(packed(tmp_path / "a.tar.gz", members)))


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    broken = [Member("/x"), Member("public/assets/x.js"), Member("y", type=tarfile.SYMTYPE, target="z")]
    found = problems(packed(tmp_path / "a.tar.gz", broken))
    assert len(found) == 5, found


@pytest.mark.parametrize("name", ["x.js", "x.min.js", "logo.v2.svg", "3f9a1c2b.js", "x.3f9a1c2.js", "x.3F9A1C2B.js"])
def test_an_asset_that_could_change_under_its_name_is_refused(tmp_path: Path, name: str) -> None:
    assert problems(packed(tmp_path / "a.tar.gz", [*GOOD, Member(f"public/assets/{name}")]))


@pytest.mark.parametrize(
    "name", ["x.3f9a1c2b.js", "x.3f9a1c2b.js.map", "fonts/x.3f9a1c2b3f9a1c2b.woff2", "a.b.00000000.c"]
)
def test_an_asset_with_a_digest_in_its_name_is_taken(tmp_path: Path, name: str) -> None:
    assert f"assets/{name}" in read(packed(tmp_path / "a.tar.gz", [*GOOD, Member(f"public/assets/{name}")])).site


def test_a_file_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.tar.gz") == ["cannot be read: No such file or directory"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_no_archive_is_said_in_words(tmp_path: Path, data: st.DataObject) -> None:
    """Cut anywhere, or changed in a byte, an archive is refused, or is as good as it was; nothing else happens."""
    file = packed(tmp_path / "a.tar.gz")
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    broken = whole[:at] if data.draw(st.booleans()) else whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
    file.write_bytes(broken)
    with contextlib.suppress(UserError):
        assert read(file).site["index.html"] == INDEX.content


def test_a_change_in_a_page_is_noticed(tmp_path: Path) -> None:
    """The members come before the checksum: a reader that stops after the last one would not see it."""
    file = packed(tmp_path / "a.tar.gz")
    whole = bytearray(file.read_bytes())
    whole[-8] ^= 0xFF
    file.write_bytes(whole)
    [problem] = problems(file)
    assert "CRC check failed" in problem


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04"])
def test_another_kind_of_file_is_no_archive(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.tar.gz"
    file.write_bytes(content)
    [problem] = problems(file)
    assert "is no .tar.gz archive" in problem
