"""Publishing an application: its archive to the release bucket, its pages to the website bucket (D4, E7).

Both may be repeated after a failure at any point, and by two at once. The archive's key holds a digest of its content:
an archive never changes under its key, what runs is what `ApplicationArchiveKey` names, and a rollback finds the former
one. Of the site, assets come first: no visitor gets a page whose assets are not there yet. Nothing is deleted, so that
the assets of a page that somebody still has open stay where they are.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from generator.delivery.application_archive import ASSETS, ApplicationArchive
from generator.delivery.deploy import find_deployed
from generator.delivery.objects import Upload, put
from generator.errors import UserError
from generator.naming import root_stack_name

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client

DIGEST_LENGTH = 12
ARCHIVE_TYPE = "application/gzip"

FOR_A_YEAR = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "no-cache"
"""Browsers and CloudFront keep it, and ask before each use whether it is still the newest.
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Cache-Control"""

SITE_SETTINGS = "site.json"
"""What the pages read to know where the application is, where the archive has it: `{"application": ""}` says, at the
address of the page itself."""

TYPES = {
    ".avif": "image/avif",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
"""What Python's list lacks or gives an outdated name. https://www.iana.org/assignments/media-types/media-types.xhtml"""

TEXTS = ("application/json", "application/manifest+json", "application/xml", "image/svg+xml")
"""Types that are texts although their names do not begin with `text/`."""


@dataclass(frozen=True)
class Published:
    """What publishing has done. Objects are named as `s3://bucket/key`."""

    key: str
    """The archive's key in the release bucket: the value for `ApplicationArchiveKey`."""
    uploaded: tuple[str, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True)
class Destination:
    """Where an environment keeps applications: outputs of its root stack."""

    release_bucket: str
    website_bucket: str
    application_url: str


def publish_application(
    s3: S3Client,
    application: ApplicationArchive,
    release_bucket: str,
    website_bucket: str,
    application_url: str = "",
) -> Published:
    """Upload an application as far as it is not there yet.

    `application_url` is where pages find the application that is not behind CloudFront.
    """
    key = f"application/{application.digest[:DIGEST_LENGTH]}.tar.gz"
    site = dict(application.site)
    if application_url and SITE_SETTINGS in site:
        site[SITE_SETTINGS] = json.dumps({"application": application_url}).encode() + b"\n"
    pages_last = sorted(site, key=lambda path: (not path.startswith(ASSETS), path))
    uploads = [(release_bucket, Upload(key, application.content, ARCHIVE_TYPE))]
    uploads += [(website_bucket, _upload(path, site[path])) for path in pages_last]
    done = {f"s3://{bucket}/{upload.key}": put(s3, bucket, upload) for bucket, upload in uploads}
    return Published(
        key,
        uploaded=tuple(name for name, was_uploaded in done.items() if was_uploaded),
        unchanged=tuple(name for name, was_uploaded in done.items() if not was_uploaded),
    )


def destination(cloudformation: CloudFormationClient, environment_name: str) -> Destination:
    """Return where a deployed environment keeps applications. Raises `UserError` where it is not deployed here."""
    stack_name, region = root_stack_name(environment_name), cloudformation.meta.region_name
    stack = find_deployed(cloudformation, stack_name)
    if stack is None:
        raise UserError(
            f"there is no stack {stack_name} in this account in {region}: deploy the environment first, or use the "
            "credentials of its account"
        )
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    wanted = ("ReleaseBucketName", "WebsiteBucketName", "ApplicationUrl")
    if missing := [name for name in wanted if name not in outputs]:
        raise UserError(
            f"stack {stack_name} has no output {missing[0]}: it is of an older release; deploy this one first"
        )
    return Destination(*(outputs[name] for name in wanted))


def describe(published: Published, environment_name: str) -> Iterator[str]:
    """Yield what was done, and what is left to do, in words."""
    yield from (f"uploaded  {name}" for name in published.uploaded)
    yield f"{len(published.uploaded)} objects uploaded, {len(published.unchanged)} unchanged"
    yield f"To let the web servers run it, set in params/{environment_name}.json, and deploy:"
    yield f'  "ApplicationArchiveKey": "{published.key}"'


def _upload(path: str, body: bytes) -> Upload:
    return Upload(path, body, content_type(path), FOR_A_YEAR if path.startswith(ASSETS) else ASK_EACH_TIME)


def content_type(path: str) -> str:
    """Return the media type of a file by the end of its name, with the character set where it is text."""
    # Not the lists of this machine: the same file has the same type wherever it is published from.
    known = mimetypes.MimeTypes(filenames=())
    suffix = Path(path).suffix.lower()
    found = TYPES.get(suffix) or known.guess_type(f"file{suffix}")[0] or "application/octet-stream"
    is_text = found.startswith("text/") or found in TEXTS
    return f"{found}; charset=utf-8" if is_text else found
