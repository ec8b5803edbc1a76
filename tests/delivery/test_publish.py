"""A release is published under a prefix of its own, once, and its AMI is pinned once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from generator import __version__
from generator.bill_of_materials import FILE, bill_of_materials
from generator.delivery.publish import LOCK, PUBLIC_IMAGE, key_prefix, pin_image, publish, upload
from generator.errors import UserError
from generator.naming import web_server_image_path
from generator.release import MANIFEST, digest, mark_released, read_manifest
from tests.delivery.conftest import ROOT, Account
from tests.delivery.observed_s3 import Interrupted, Observed

PARAMS = ROOT / "params"
PINNED = web_server_image_path()


def objects(account: Account, bucket: str) -> dict[str, bytes]:
    s3 = account.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def of_folder(folder: Path, prefix: str = "") -> dict[str, bytes]:
    return {prefix + path.name: path.read_bytes() for path in folder.iterdir()}


def uploaded(release: Path, prefix: str) -> dict[str, bytes]:
    """Return what an upload puts into the bucket: the release, and what it was made with (D17)."""
    bill = bill_of_materials(LOCK, read_manifest(release)["version"])
    return {**of_folder(release, prefix), prefix + FILE: bill.encode()}


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
    manifest = release / MANIFEST
    sha256 = read_manifest(release)["templates"]["network.yaml"]["sha256"]
    manifest.write_text(manifest.read_text().replace(sha256, "0" * 64))
    assert key_prefix(release) != before


def test_templates_and_manifest_are_uploaded_as_they_are_the_manifest_last(account: Account, release: Path) -> None:
    bucket, s3 = account.bucket(), Observed(account.client("s3"))
    prefix = upload(s3, release, bucket)  # type: ignore[arg-type]
    assert objects(account, bucket) == uploaded(release, prefix)
    assert s3.put[-1] == MANIFEST


def test_what_is_there_is_left_alone(account: Account, release: Path) -> None:
    bucket, again = account.bucket(), Observed(account.client("s3"))
    upload(account.client("s3"), release, bucket)
    upload(again, release, bucket)  # type: ignore[arg-type]
    assert again.put == []


def test_what_is_there_with_another_content_is_put_right(account: Account, release: Path) -> None:
    bucket, again = account.bucket(), Observed(account.client("s3"))
    prefix = upload(account.client("s3"), release, bucket)
    account.client("s3").put_object(Bucket=bucket, Key=f"{prefix}network.yaml", Body=b"something else")
    upload(again, release, bucket)  # type: ignore[arg-type]
    assert again.put == ["network.yaml"]
    assert objects(account, bucket) == uploaded(release, prefix)


def test_an_upload_that_was_stopped_anywhere_is_completed_by_the_next(account: Account, release: Path) -> None:
    bucket, names = account.bucket(), [*read_manifest(release)["templates"], FILE, MANIFEST]
    for stop_at in range(1, len(names)):
        stopped = Observed(account.client("s3"), stop_at=1)
        with pytest.raises(Interrupted):
            upload(stopped, release, bucket)  # type: ignore[arg-type]
        there = objects(account, bucket)
        assert len(there) == stop_at
        assert not any(key.endswith(MANIFEST) for key in there)
    rest = Observed(account.client("s3"))
    prefix = upload(rest, release, bucket)  # type: ignore[arg-type]
    assert rest.put == [MANIFEST]
    assert objects(account, bucket) == uploaded(release, prefix)


def test_the_newest_image_is_pinned_once(account: Account, release: Path) -> None:
    ssm = account.client("ssm")
    pinned = pin_image(ssm, release)
    assert pinned.startswith("ami-")
    assert pinned == ssm.get_parameter(Name=PUBLIC_IMAGE)["Parameter"]["Value"]
    ssm.put_parameter(Name=PINNED, Value="ami-0123456789abcdef0", Type="String", Overwrite=True)
    assert pin_image(ssm, release) == "ami-0123456789abcdef0"


def test_of_two_that_pin_at_once_the_first_decides(account: Account, release: Path) -> None:
    ssm = account.client("ssm")

    class Late:
        """Looks before the other has pinned, and pins after."""

        exceptions = ssm.exceptions

        def get_parameter(self, Name: str) -> Any:  # noqa: N803
            found = ssm.get_parameter(Name=Name)
            if Name == PUBLIC_IMAGE:
                ssm.put_parameter(Name=PINNED, Value="ami-0123456789abcdef0", Type="String")
            return found

        def put_parameter(self, **request: Any) -> Any:
            return ssm.put_parameter(**request)

    assert pin_image(Late(), release) == "ami-0123456789abcdef0"  # type: ignore[arg-type]


def publish_to(account: Account, release: Path, bucket: str, dist: Path, params: Path = PARAMS) -> dict[str, str]:
    return publish(account.client("s3"), account.client("ssm"), release, params, bucket, dist)


def test_dist_holds_what_the_deploying_stages_work_from(account: Account, release: Path, tmp_path: Path) -> None:
    bucket, dist = account.bucket(), tmp_path / "dist"
    published = publish_to(account, release, bucket, dist)
    settings = {path.name: path.read_bytes() for path in PARAMS.glob("*.json")}
    assert of_folder(dist) == {
        "release.json": (dist / "release.json").read_bytes(),
        "platform.yaml": (release / "platform.yaml").read_bytes(),
        "smoke_test.py": (ROOT / "generator" / "delivery" / "smoke_test.py").read_bytes(),
        **settings,
    }
    assert json.loads((dist / "release.json").read_text()) == published
    assert published == {
        "TemplateBucketName": bucket,
        "TemplateKeyPrefix": key_prefix(release),
        "WebServerImageId": account.client("ssm").get_parameter(Name=PINNED)["Parameter"]["Value"],
        "ApplicationImage": "none",
        "CollectorImage": "none",
    }


def test_a_release_names_the_images_that_it_is_given(account: Account, release: Path, tmp_path: Path) -> None:
    bucket, images = account.bucket(), {"ApplicationImage": "an-image", "CollectorImage": "another"}
    s3, ssm = account.client("s3"), account.client("ssm")
    published = publish(s3, ssm, release, PARAMS, bucket, tmp_path / "dist", images)
    assert published.items() >= images.items()
    assert json.loads((tmp_path / "dist" / "release.json").read_text()) == published


def test_publishing_twice_gives_the_same_and_removes_what_is_stale(
    account: Account, release: Path, tmp_path: Path
) -> None:
    bucket, dist = account.bucket(), tmp_path / "dist"
    publish_to(account, release, bucket, dist)
    before = of_folder(dist)
    (dist / "stale").write_text("of an earlier release")
    publish_to(account, release, bucket, dist)
    assert of_folder(dist) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dist", "templates_out"]


def test_a_failed_publication_leaves_the_former_dist(account: Account, release: Path, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "former").write_text("former")
    with pytest.raises(UserError, match=r"publishing v.* to bucket no-such-bucket.*NoSuchBucket"):
        publish_to(account, release, "no-such-bucket", dist)
    assert of_folder(dist) == {"former": b"former"}


def test_a_changed_release_is_not_published(account: Account, release: Path, tmp_path: Path) -> None:
    bucket = account.bucket()
    (release / "network.yaml").write_text("Resources: {}\n")
    with pytest.raises(UserError, match=r"network\.yaml"):
        publish_to(account, release, bucket, tmp_path / "dist")
    assert objects(account, bucket) == {}
    assert not (tmp_path / "dist").exists()


def test_wrong_settings_are_refused_before_anything_is_published(
    account: Account, release: Path, tmp_path: Path
) -> None:
    bucket, params = account.bucket(), tmp_path / "params"
    params.mkdir()
    with pytest.raises(UserError, match=r"dev\.json"):
        publish_to(account, release, bucket, tmp_path / "dist", params)
    assert objects(account, bucket) == {}


def test_the_digest_of_an_object_is_of_its_content(account: Account, release: Path) -> None:
    bucket = account.bucket()
    prefix = upload(account.client("s3"), release, bucket)
    metadata = account.client("s3").head_object(Bucket=bucket, Key=prefix + MANIFEST)["Metadata"]
    assert metadata == {"sha256": digest((release / MANIFEST).read_bytes())}
