"""Publishing a release: its templates to S3, its AMI pinned in SSM, and `dist/`, which the deploying stages work from.

The key prefix holds a digest of the templates. CloudFormation compares URLs, not bodies: the same URL with another
template behind it would be "no updates"; and a rollback needs the former templates where they were.

Publishing may be repeated after a failure at any point, and by two at once: an object that lies there already is left
alone, the manifest comes last, so that its presence says that the rest is there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from generator import bill_of_materials
from generator.delivery.images import NO_IMAGES
from generator.delivery.objects import Upload, put
from generator.delivery.session import explained
from generator.environment import load_all
from generator.naming import PLATFORM, PROJECT, template_file, web_server_image_path
from generator.release import MANIFEST, digest, read_manifest, replace, staged, to_json, verify

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

PUBLIC_IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
"""The public SSM parameter that names the newest Amazon Linux 2023 AMI.
https://docs.aws.amazon.com/linux/al2023/ug/ec2.html"""

DIGEST_LENGTH = 12
LOCK = Path(__file__).parents[2] / "requirements.lock"
"""What the environment is made from in which a release is published."""


def publish(
    s3: S3Client,
    ssm: SSMClient,
    release: Path,
    params: Path,
    bucket: str,
    dist: Path,
    images: Mapping[str, str] = NO_IMAGES,
) -> dict[str, str]:
    """Publish a release and write `dist`; return what `dist/release.json` says, the root's parameters of the release.

    `images` are its images by digest, where it has any (`images.pinned`). `dist` is written whole or not at all. Raises
    `UserError` where release or settings are not sound, and where AWS refuses.
    """
    verify(release)
    configurations = load_all(params)
    with explained(f"publishing {release.name} to bucket {bucket}"):
        prefix = upload(s3, release, bucket)
    with explained(f"pinning the AMI of {release.name}"):
        image = pin_image(ssm, release)
    published = {"TemplateBucketName": bucket, "TemplateKeyPrefix": prefix, "WebServerImageId": image, **images}
    smoke_test = Path(__file__).with_name("smoke_test.py")
    sources = [release / template_file(PLATFORM), smoke_test, *(each.source for each in configurations)]
    _write(dist, {"release.json": to_json(published), **{path.name: path.read_text("utf-8") for path in sources}})
    return published


def key_prefix(release: Path) -> str:
    """Return the folder of a release in its bucket, such as `web-platform/v1.1.0-5f2c9a0b1d3e/`."""
    manifest = read_manifest(release)
    content = digest(json.dumps(manifest["templates"], sort_keys=True).encode())[:DIGEST_LENGTH]
    return f"{PROJECT}/v{manifest['version']}-{content}/"


def upload(s3: S3Client, release: Path, bucket: str) -> str:
    """Copy a release to a bucket, as far as it is not there yet, and return the key prefix under which it lies."""
    prefix = key_prefix(release)
    # The manifest last: where it is, everything is.
    manifest = read_manifest(release)
    bill = bill_of_materials.bill_of_materials(LOCK, manifest["version"]).encode()
    templates = {name: (release / name).read_bytes() for name in manifest["templates"]}
    for name, body in {**templates, bill_of_materials.FILE: bill, MANIFEST: (release / MANIFEST).read_bytes()}.items():
        put(s3, bucket, Upload(prefix + name, body, "text/yaml" if name in templates else "application/json"))
    return prefix


def pin_image(ssm: SSMClient, release: Path) -> str:
    """Pin the newest AMI for a release in this account and region, unless it has one; return the AMI's id.

    Whoever deploys the release later gets the image that it was tested with, however new the newest has become.
    """
    path = web_server_image_path(read_manifest(release)["version"])
    try:
        return _parameter(ssm, path)
    except ssm.exceptions.ParameterNotFound:
        image = _parameter(ssm, PUBLIC_IMAGE)
    try:
        ssm.put_parameter(Name=path, Value=image, Type="String", DataType="aws:ec2:image")
        return image
    except ssm.exceptions.ParameterAlreadyExists:
        return _parameter(ssm, path)  # another publisher came first


def _parameter(ssm: SSMClient, name: str) -> str:
    return ssm.get_parameter(Name=name)["Parameter"]["Value"]


def _write(dist: Path, files: Mapping[str, str]) -> None:
    with staged(dist, files) as staging:
        replace(dist, staging)
