"""The program that stands in for `docker`: the commands of the build of images, and no others."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import DEVELOPMENT, REGION

from generator.rehearsal.docker_stand_in import STANDS_FOR, WRONG_USE, install
from generator.rehearsal.emulator import Emulator

REGISTRY = f"{DEVELOPMENT}.dkr.ecr.{REGION}.amazonaws.com"
REPOSITORY = "stand-in/application"
PUBLIC = f"public.ecr.aws/somebody/collector@sha256:{'0' * 64}"
LOG_IN = ("login", "--username", "AWS", "--password-stdin", REGISTRY)


class Build:
    """A build: its own home, the stand-in on its PATH, and the emulator as AWS."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        install(folder / "bin", Path("python3"))
        (folder / "context").mkdir()
        (folder / "context/Dockerfile").write_text("FROM scratch\nCOPY a /a\nARG VERSION\nLABEL version=${VERSION}\n")
        (folder / "context/a").write_text("content")
        self.environment = {
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": DEVELOPMENT,
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_ENDPOINT_URL": emulator.endpoint_url,
        }

    def docker(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", *words],
            env=self.environment,
            cwd=self.folder,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    def make(self, tag: str, version: str = "1") -> subprocess.CompletedProcess[str]:
        given = ("--platform", "linux/amd64", "--build-arg", f"VERSION={version}")
        return self.docker("build", *given, "--tag", f"{REGISTRY}/{REPOSITORY}:{tag}", str(self.folder / "context"))


@pytest.fixture(scope="module")
def ecr(emulator: Emulator) -> Any:
    client = emulator.client("ecr", DEVELOPMENT, REGION)
    client.create_repository(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
    return client


@pytest.fixture
def a_build(tmp_path: Path, emulator: Emulator) -> Build:
    return Build(tmp_path, emulator)


def test_d7_an_image_is_built_and_pushed(a_build: Build, ecr: Any) -> None:
    assert a_build.docker(*LOG_IN, given="a password").returncode == 0
    made = a_build.make("one")
    assert "not run: FROM scratch" in made.stdout
    pushed = a_build.docker("push", f"{REGISTRY}/{REPOSITORY}:one")
    assert (pushed.returncode, pushed.stderr) == (0, "")
    [found] = ecr.describe_images(repositoryName=REPOSITORY, imageIds=[{"imageTag": "one"}])["imageDetails"]
    assert found["imageDigest"] in pushed.stdout
    assert found["imageDigest"] in made.stdout
    [image] = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "one"}])["images"]
    assert json.loads(image["imageManifest"])["layers"]


def test_a_public_image_is_not_pulled_and_what_stands_in_says_so(a_build: Build, ecr: Any) -> None:
    a_build.docker(*LOG_IN, given="a password")
    assert "not pulled" in a_build.docker("pull", "--platform", "linux/amd64", PUBLIC).stdout
    name = f"{REGISTRY}/{REPOSITORY}:collector"
    assert a_build.docker("tag", PUBLIC, name).returncode == 0
    assert a_build.docker("push", name).returncode == 0
    [image] = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "collector"}])["images"]
    digest = json.loads(image["imageManifest"])["config"]["digest"]
    kept = a_build.folder / ".docker/stand-in/blobs" / digest.removeprefix("sha256:")
    assert json.loads(kept.read_text())["config"]["Labels"] == {STANDS_FOR: PUBLIC}


def test_a_tag_that_is_there_is_not_moved(a_build: Build, ecr: Any) -> None:
    a_build.docker(*LOG_IN, given="a password")
    name = f"{REGISTRY}/{REPOSITORY}:fixed"
    a_build.make("fixed", "1")
    assert a_build.docker("push", name).returncode == 0
    a_build.make("fixed", "2")
    again = a_build.docker("push", name)
    assert again.returncode == 1
    assert "AlreadyExists" in again.stderr


def test_nobody_pushes_without_having_logged_in_nor_what_is_not_there(a_build: Build, ecr: Any) -> None:
    a_build.make("two")
    refused = a_build.docker("push", f"{REGISTRY}/{REPOSITORY}:two")
    assert refused.returncode == 1
    assert "log in first" in refused.stderr
    a_build.docker(*LOG_IN, given="a password")
    missing = a_build.docker("push", f"{REGISTRY}/{REPOSITORY}:three")
    assert missing.returncode == 1
    assert "there is no such image" in missing.stderr


def test_an_empty_password_is_refused(a_build: Build) -> None:
    assert a_build.docker(*LOG_IN).returncode == 1


@pytest.mark.parametrize(
    "words",
    [
        "",
        "run image",
        "build .",
        "build --platform linux/arm64 --tag a:b .",
        "build --platform linux/amd64 --tag a:b --no-cache .",
        "login --username somebody --password-stdin registry",
        "push",
    ],
)
def test_what_no_build_of_images_asks_for_is_wrong_use(a_build: Build, words: str) -> None:
    done = a_build.docker(*words.split())
    assert done.returncode == WRONG_USE
    assert done.stderr.startswith("docker stand-in: ")
