"""Images are built without an engine: the files and the configuration that Docker would make, and what was not run."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import UserError
from generator.rehearsal.image_build import build
from generator.rehearsal.oci_images import File, Image, image_of, read_image, write_image

APPLICATION = Path(__file__).parents[2] / "application"
PYTHON = Path(sys.executable)
BASE = "FROM base@sha256:0 AS base\n"


def built(folder: Path, dockerfile: str, files: dict[str, str] | None = None, **arguments: str) -> Image:
    for name, text in {"Dockerfile": dockerfile, **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return build(folder, PYTHON, arguments)


def files_of(image: Image) -> dict[str, tuple[int, bytes]]:
    """Return mode and content of an image's files by their paths."""
    found = {}
    for layer in image.layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            for member in tar.getmembers():
                if opened := tar.extractfile(member):
                    found[member.name] = (member.mode, opened.read())
    return found


def test_d5_the_applications_image_is_what_its_task_expects() -> None:
    """Everything is root's and read-only, and the process is nobody in particular."""
    python = APPLICATION.parent / ".venv-application/bin/python"
    image = build(APPLICATION, python, {"VERSION": "7"})
    assert image.config["User"] == "1001:1001"
    assert image.config["Volumes"] == {"/tmp": {}}
    assert image.config["Cmd"] == ["./serve"]
    assert image.config["Healthcheck"]["Test"] == ["CMD", "/srv/application/check-health"]
    assert image.config["Labels"]["org.opencontainers.image.version"] == "7"
    files = files_of(image)
    programs = {"serve", "migrate", "migrate-until-done", "check-health"}
    assert {name for name, (mode, _) in files.items() if mode & 0o111} == {
        f"srv/application/{name}" for name in programs
    }
    assert {mode for mode, _ in files.values()} == {0o444, 0o555}
    assert [name for name in files if name.startswith("srv/application/public/assets/shop.")]
    not_run = [instruction.split()[0] for instruction in image.not_run]
    assert sorted(not_run) == ["ADD", "FROM", "RUN", "RUN", "RUN"]
    assert not [each for each in image.not_run if "build_archive" in each or "compileall" in each]


def test_d7_the_same_sources_give_the_same_digest_and_a_version_changes_no_layer() -> None:
    python = APPLICATION.parent / ".venv-application/bin/python"
    one, again, other = (build(APPLICATION, python, {"VERSION": version}) for version in ("1", "1", "2"))
    assert one == again
    assert one.digest != other.digest
    assert one.layers == other.layers


def test_files_are_copied_as_docker_copies_them(tmp_path: Path) -> None:
    text = f"{BASE}WORKDIR /srv\nCOPY one two.txt ./\nCOPY one /top/renamed\nCOPY sub ./inner\nCOPY . /all/\n"
    image = built(tmp_path, text, {"one": "1", "two.txt": "2", "sub/a": "a", "sub/deep/b": "b"})
    names = set(files_of(image))
    assert {"srv/one", "srv/two.txt", "top/renamed", "srv/inner/a", "srv/inner/deep/b"} <= names
    assert {"all/one", "all/sub/deep/b", "all/Dockerfile"} <= names


def test_a_stage_takes_from_another_and_begins_where_its_base_ends(tmp_path: Path) -> None:
    text = (
        f"{BASE}ENV COLOUR=blue\nFROM base AS build\nWORKDIR /w\nCOPY a ./out/\n"
        "FROM base\nCOPY --from=build --chmod=400 /w/out /kept/\nENV SHADE=${COLOUR}-dark\n"
    )
    image = built(tmp_path, text, {"a": "content"})
    assert files_of(image) == {"kept/a": (0o400, b"content")}
    assert image.config["Env"] == ["COLOUR=blue", "SHADE=blue-dark"]


def test_a_command_of_python_on_the_stages_own_files_is_run(tmp_path: Path) -> None:
    runs = 'RUN ["python3.11", "make.py", "out"]\nRUN ["chmod", "a-w", "out"]\n'
    text = f"{BASE}WORKDIR /w\nCOPY make.py ./\nENV WORD=said\n{runs}"
    script = "import os, sys\nopen(sys.argv[1], 'w').write(os.environ['WORD'])\nos.remove('make.py')\n"
    image = built(tmp_path, text, {"make.py": script})
    assert files_of(image) == {"w/out": (0o444, b"said")}
    assert image.not_run == ("FROM base@sha256:0 AS base",)


@pytest.mark.parametrize(
    "instruction",
    [
        'RUN ["python3.11", "-m", "pip", "install", "x"]',
        'RUN ["useradd", "x"]',
        'RUN ["python3.11", "/etc/x.py"]',
        'RUN ["chmod", "-R", "a-w", "../outside"]',
        "RUN rm -rf /",
        "ADD https://example.com/file /file",
    ],
)
def test_what_needs_the_base_the_system_or_the_internet_is_not_run_and_named(tmp_path: Path, instruction: str) -> None:
    image = built(tmp_path, f"{BASE}{instruction}\n")
    assert image.not_run == ("FROM base@sha256:0 AS base", instruction)
    assert files_of(image) == {}


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("COPY none ./", {}, "line 2: there is no none"),
        ("COPY --link a ./", {}, "line 2: --link is not understood"),
        ("ONBUILD RUN x", {}, "line 2: ONBUILD is not understood"),
        ('RUN ["python3.11", "-c", "raise SystemExit(3)"]', {}, "line 2: RUN"),
        ("CMD x", {"VERSION": "7"}, "no ARG of its last stage is called VERSION"),
    ],
)
def test_what_cannot_be_built_is_refused_in_words(
    tmp_path: Path, text: str, arguments: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        built(tmp_path, f"{BASE}{text}\n", **arguments)


@given(st.dictionaries(st.from_regex(r"/[a-z]{1,5}(/[a-z]{1,5})?", fullmatch=True), st.binary(max_size=50), max_size=5))
def test_an_image_names_all_it_is_made_of_by_digest(contents: dict[str, bytes]) -> None:
    files = {f"{path}.file": File(content) for path, content in contents.items()}
    image = image_of({"Cmd": ["x"]}, files)
    manifest, configuration = json.loads(image.manifest), json.loads(image.configuration)
    for described in (manifest["config"], *manifest["layers"]):
        blob = image.blobs[described["digest"]]
        assert described["size"] == len(blob)
        assert described["digest"] == f"sha256:{hashlib.sha256(blob).hexdigest()}"
    unpacked = [f"sha256:{hashlib.sha256(gzip.decompress(layer)).hexdigest()}" for layer in image.layers]
    assert configuration["rootfs"]["diff_ids"] == unpacked
    assert len([step for step in configuration["history"] if not step.get("empty_layer")]) == len(image.layers)
    assert {f"/{name}": content for name, (_, content) in files_of(image).items()} == {
        path: file.content for path, file in files.items()
    }


def test_an_image_is_read_as_it_was_written(tmp_path: Path) -> None:
    image = image_of({}, {"/a": File(b"a")})
    write_image(image, tmp_path)
    assert read_image(tmp_path, image.digest) == image
