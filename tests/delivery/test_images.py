"""Images of a release: what they are called by, and by which digest the release names them (D15)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.delivery.images import NO_IMAGES, Image, needed, pinned, source_tag
from generator.errors import UserError
from generator.naming import APPLICATION_REPOSITORY, COLLECTOR_REPOSITORY
from generator.parameter_types import ImageUri
from generator.roots.pipeline_stages import OF_THE_RELEASE
from tests.delivery.conftest import ROOT, Account

APPLICATION = ROOT / "application"
FILES = {"Dockerfile": "FROM scratch\n", ".dockerignore": "*\n!start\n!shop\n**/*.pyc\n", "start": "#!/bin/sh\n"}


def folder_with(path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


def with_repositories(account: Account) -> Any:
    ecr = account.client("ecr")
    for name in (APPLICATION_REPOSITORY, COLLECTOR_REPOSITORY):
        ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    return ecr


def put(ecr: Any, image: Image, content: str = "") -> str:
    manifest = json.dumps({"schemaVersion": 2, "annotations": {"content": content}})
    found: str = ecr.put_image(repositoryName=image.repository, imageTag=image.tag, imageManifest=manifest)["image"][
        "imageId"
    ]["imageDigest"]
    return found


# What an image is called by


def test_the_tag_is_that_of_the_sources(tmp_path: Path) -> None:
    one, same, other = (folder_with(tmp_path / name, FILES) for name in ("one", "same", "other"))
    (other / "start").write_text("#!/bin/sh\nexec true\n")
    assert source_tag(one) == source_tag(same)
    assert source_tag(one) != source_tag(other)


@pytest.mark.parametrize("name", ["README.md", "tests/test_shop.py", "shop/__pycache__/x.pyc"])
def test_what_docker_does_not_get_does_not_count(tmp_path: Path, name: str) -> None:
    before = source_tag(folder_with(tmp_path, FILES))
    assert source_tag(folder_with(tmp_path, {name: "another"})) == before


@pytest.mark.parametrize("name", ["shop/web.py", "Dockerfile"])
def test_what_docker_gets_counts(tmp_path: Path, name: str) -> None:
    before = source_tag(folder_with(tmp_path, FILES))
    assert source_tag(folder_with(tmp_path, {name: "FROM another\n"})) != before


def test_a_program_that_cannot_be_run_is_another_source(tmp_path: Path) -> None:
    before = source_tag(folder_with(tmp_path, FILES))
    (tmp_path / "start").chmod(0o755)
    assert source_tag(tmp_path) != before


@given(
    names=st.lists(st.text("ab", min_size=1, max_size=3), min_size=2, max_size=2, unique=True),
    text=st.text("ab", min_size=1),
)
def test_content_counts_where_it_stands(tmp_path_factory: pytest.TempPathFactory, names: list[str], text: str) -> None:
    one, other = names
    tags = {
        source_tag(folder_with(tmp_path_factory.mktemp("sources"), {"Dockerfile": "FROM scratch\n", **files}))
        for files in ({one: text, other: "c"}, {one: "c", other: text}, {one: text + "c", other: ""})
    }
    assert len(tags) == 3


def test_a_folder_without_dockerfile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no Dockerfile; an image is built from a folder that has one"):
        source_tag(tmp_path)


def test_the_release_needs_the_application_and_a_collector_by_its_digest() -> None:
    application, collector = needed(APPLICATION)
    assert (application.repository, application.origin) == (APPLICATION_REPOSITORY, APPLICATION)
    assert application.tag == source_tag(APPLICATION)
    name, _, digest = str(collector.origin).partition("@sha256:")
    assert (name, len(digest)) == ("public.ecr.aws/aws-observability/aws-otel-collector", 64)
    assert collector.tag.rpartition("-")[2] == digest[:16], "another image has another tag"


def test_every_image_is_a_parameter_that_the_pipeline_hands_on() -> None:
    assert [image.parameter for image in needed(APPLICATION)] == list(NO_IMAGES)
    assert set(NO_IMAGES) <= set(OF_THE_RELEASE)


# What the release names


def test_images_are_named_by_digest(account: Account) -> None:
    ecr, images = with_repositories(account), needed(APPLICATION)
    digests = [put(ecr, image, image.repository) for image in images]
    found = pinned(ecr, images)
    registry = f"{account.account_id}.dkr.ecr.eu-west-1.amazonaws.com"
    assert found == {
        image.parameter: f"{registry}/{image.repository}@{digest}"
        for image, digest in zip(images, digests, strict=True)
    }


def test_what_a_release_names_is_what_the_root_takes(account: Account) -> None:
    ecr, images = with_repositories(account), needed(APPLICATION)
    for image in images:
        put(ecr, image)
    for value in (*pinned(ecr, images).values(), *NO_IMAGES.values()):
        assert re.fullmatch(str(ImageUri.allowed_pattern), value), value


def test_a_release_does_not_name_an_image_that_is_not_there(account: Account) -> None:
    ecr, images = with_repositories(account), needed(APPLICATION)
    put(ecr, images[0])
    with pytest.raises(UserError, match=r"web-platform/collector:v.*: is not in the registry; .*ContainerImages=true"):
        pinned(ecr, images)


def test_an_account_without_repositories_is_told_what_to_do(account: Account) -> None:
    with pytest.raises(UserError, match="bootstrap the tools account with this release first"):
        pinned(account.client("ecr"), needed(APPLICATION))
