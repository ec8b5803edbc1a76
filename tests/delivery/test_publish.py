"""A release is published under a prefix of its own, and its AMI is pinned once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from generator import __version__
from generator.delivery.publish import PUBLIC_IMAGE, key_prefix, pin_image, upload
from generator.naming import web_server_image_path
from generator.release import folder_of, mark_released, read_manifest

ROOT = Path(__file__).parents[2]
PINNED = web_server_image_path()


class ParameterNotFoundError(Exception):
    pass


class FakeSsm:
    """SSM's parameter store, as far as pinning needs it. The rehearsal uses the emulator's."""

    class exceptions:  # noqa: N801
        ParameterNotFound = ParameterNotFoundError

    def __init__(self, **values: str) -> None:
        self.values = values

    def get_parameter(self, Name: str) -> dict[str, Any]:  # noqa: N803
        if Name not in self.values:
            raise ParameterNotFoundError(Name)
        return {"Parameter": {"Value": self.values[Name]}}

    def put_parameter(self, Name: str, Value: str, Type: str, DataType: str) -> None:  # noqa: N803
        assert (Type, DataType) == ("String", "aws:ec2:image")
        self.values[Name] = Value


class FakeS3:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        self.objects[f"{Bucket}/{Key}"] = Body


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = folder_of(tmp_path)
    shutil.copytree(folder_of(ROOT / "templates_out"), folder)
    return folder


def test_the_prefix_is_of_the_form_that_the_root_accepts(release: Path) -> None:
    prefix = key_prefix(release)
    assert prefix.startswith(f"web-platform/v{__version__}-")
    assert prefix.endswith("/")


def test_marking_a_release_does_not_move_it(release: Path) -> None:
    before = key_prefix(release)
    mark_released(release)
    assert key_prefix(release) == before


def test_another_content_has_another_prefix(release: Path) -> None:
    before = key_prefix(release)
    manifest = release / "manifest.json"
    digest = read_manifest(release)["templates"]["network.yaml"]["sha256"]
    manifest.write_text(manifest.read_text().replace(digest, "0" * 64))
    assert key_prefix(release) != before


def test_every_template_is_uploaded_as_it_is(release: Path) -> None:
    s3 = FakeS3()
    prefix = upload(s3, release, "bucket")  # type: ignore[arg-type]
    names = {path.name for path in release.glob("*.yaml")}
    assert s3.objects == {f"bucket/{prefix}{name}": (release / name).read_bytes() for name in names}


def test_the_newest_image_is_pinned_once(release: Path) -> None:
    ssm = FakeSsm(**{PUBLIC_IMAGE: "ami-1"})
    assert pin_image(ssm, release) == "ami-1"  # type: ignore[arg-type]
    ssm.values[PUBLIC_IMAGE] = "ami-2"
    assert pin_image(ssm, release) == "ami-1"  # type: ignore[arg-type]
    assert ssm.values[PINNED] == "ami-1"
