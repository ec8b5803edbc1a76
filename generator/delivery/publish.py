"""Publishing a release: its templates to S3, and its AMI pinned in SSM. What a deployment needs to be there before it.

The key prefix holds a digest of the templates. CloudFormation compares URLs, not bodies: the same URL with another
template behind it would be "no updates"; and a rollback needs the former templates where they were.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from generator.naming import PROJECT, web_server_image_path
from generator.release import digest, read_manifest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

PUBLIC_IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
"""The public SSM parameter that names the newest Amazon Linux 2023 AMI.
https://docs.aws.amazon.com/linux/al2023/ug/ec2.html"""

DIGEST_LENGTH = 12


def key_prefix(release: Path) -> str:
    """Return the folder of a release in its bucket, such as `web-platform/v1.1.0-5f2c9a0b1d3e/`."""
    manifest = read_manifest(release)
    content = digest(json.dumps(manifest["templates"], sort_keys=True).encode())[:DIGEST_LENGTH]
    return f"{PROJECT}/v{manifest['version']}-{content}/"


def upload(s3: S3Client, release: Path, bucket: str) -> str:
    """Copy the templates of a release to a bucket and return the key prefix under which they lie."""
    prefix = key_prefix(release)
    for name in read_manifest(release)["templates"]:
        body = (release / name).read_bytes()
        s3.put_object(Bucket=bucket, Key=prefix + name, Body=body, ContentType="text/yaml")
    return prefix


def pin_image(ssm: SSMClient, release: Path) -> str:
    """Pin the newest AMI for a release in this account and region, unless it has one; return the AMI's id.

    Whoever deploys the release later gets the image that it was tested with, however new the newest has become.
    """
    path = web_server_image_path(read_manifest(release)["version"])
    try:
        return ssm.get_parameter(Name=path)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        image = ssm.get_parameter(Name=PUBLIC_IMAGE)["Parameter"]["Value"]
        ssm.put_parameter(Name=path, Value=image, Type="String", DataType="aws:ec2:image")
        return image
