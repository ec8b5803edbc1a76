"""An application is published once, assets before pages, each object with the headers that visitors need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from generator.delivery import application_archive
from generator.delivery.application import content_type, describe, destination, publish_application
from generator.delivery.application_archive import ApplicationArchive
from generator.errors import UserError
from generator.parameter_types import ArchiveKey
from tests.delivery.archives import GOOD, Member, packed
from tests.delivery.conftest import REGION, Account
from tests.delivery.observed_s3 import Interrupted, Observed

NOT_FOUND = Member("public/404.html", b"<h1>Nothing here</h1>")
LOGO = Member("public/assets/logo.00aa11bb.svg", b"<svg/>")
SETTINGS = Member("public/site.json", b'{"application": ""}\n')
SITE = (*GOOD, NOT_FOUND, LOGO, SETTINGS)
URL = "https://balancer.eu-west-1.elb.amazonaws.com/"


@pytest.fixture
def buckets(account: Account) -> tuple[str, str]:
    """A release bucket and a website bucket."""
    names = (f"releases-{account.account_id}", f"website-{account.account_id}")
    for name in names:
        account.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return names


@pytest.fixture
def archive(tmp_path: Path) -> ApplicationArchive:
    return application_archive.read(packed(tmp_path / "application.tar.gz", SITE))


def in_bucket(account: Account, bucket: str) -> dict[str, Any]:
    s3 = account.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key) for key in keys}


def test_the_archive_lies_under_a_key_that_the_settings_accept(
    account: Account, archive: ApplicationArchive, buckets: tuple[str, str]
) -> None:
    published = publish_application(account.client("s3"), archive, *buckets)
    assert ArchiveKey.parse(published.key).literal == published.key
    [(key, found)] = in_bucket(account, buckets[0]).items()
    assert (key, found["Body"].read()) == (published.key, archive.content)


def test_pages_are_asked_for_each_time_and_assets_kept_for_a_year(
    account: Account, archive: ApplicationArchive, buckets: tuple[str, str]
) -> None:
    publish_application(account.client("s3"), archive, *buckets)
    site = in_bucket(account, buckets[1])
    assert {key: (found["CacheControl"], found["ContentType"]) for key, found in site.items()} == {
        "404.html": ("no-cache", "text/html; charset=utf-8"),
        "assets/logo.00aa11bb.svg": ("public, max-age=31536000, immutable", "image/svg+xml; charset=utf-8"),
        "assets/shop.3f9a1c2b.css": ("public, max-age=31536000, immutable", "text/css; charset=utf-8"),
        "index.html": ("no-cache", "text/html; charset=utf-8"),
        "site.json": ("no-cache", "application/json; charset=utf-8"),
    }
    contents = {key: found["Body"].read() for key, found in site.items()}
    assert contents == {m.name.removeprefix("public/"): m.content for m in SITE if m.name.startswith("public/")}


def test_what_was_done_is_named(account: Account, archive: ApplicationArchive, buckets: tuple[str, str]) -> None:
    first = publish_application(account.client("s3"), archive, *buckets)
    second = publish_application(account.client("s3"), archive, *buckets)
    assert first.unchanged == second.uploaded == ()
    assert first.uploaded == second.unchanged
    assert first.uploaded[0] == f"s3://{buckets[0]}/{first.key}"
    assert len(first.uploaded) == 6
    lines = list(describe(second, "dev"))
    assert lines[0] == "0 objects uploaded, 6 unchanged"
    assert "params/dev.json" in lines[1]
    assert lines[2] == f'  "ApplicationArchiveKey": "{first.key}"'


def test_a_publication_that_was_stopped_anywhere_leaves_no_page_without_its_assets(
    account: Account, archive: ApplicationArchive, buckets: tuple[str, str]
) -> None:
    s3 = account.client("s3")
    for stop_at in range(6):
        stopped = Observed(s3, stop_at=1 if stop_at else 0)
        with pytest.raises(Interrupted):
            publish_application(stopped, archive, *buckets)  # type: ignore[arg-type]
        there = set(in_bucket(account, buckets[1]))
        assert len(in_bucket(account, buckets[0])) + len(there) == stop_at
        assert "index.html" not in there or {"assets/logo.00aa11bb.svg", "assets/shop.3f9a1c2b.css"} <= there
    rest = Observed(s3)
    publish_application(rest, archive, *buckets)  # type: ignore[arg-type]
    assert rest.put == ["site.json"]


def test_another_content_has_another_key_and_nothing_is_deleted(
    account: Account, archive: ApplicationArchive, buckets: tuple[str, str], tmp_path: Path
) -> None:
    s3 = account.client("s3")
    first = publish_application(s3, archive, *buckets)
    style = Member("public/assets/shop.11111111.css", b"body { margin: 1em }")
    page = Member("public/index.html", b"<!doctype html><title>Sale</title>")
    newer = application_archive.read(packed(tmp_path / "newer.tar.gz", [GOOD[0], page, style]))
    second = publish_application(s3, newer, *buckets)
    assert set(in_bucket(account, buckets[0])) == {first.key, second.key}
    site = in_bucket(account, buckets[1])
    assert {"assets/shop.3f9a1c2b.css", "assets/shop.11111111.css", "404.html"} <= set(site)
    assert site["index.html"]["Body"].read() == page.content


def test_the_pages_are_told_where_an_application_is_that_is_not_behind_cloudfront(
    account: Account, archive: ApplicationArchive, buckets: tuple[str, str]
) -> None:
    s3 = account.client("s3")
    publish_application(s3, archive, *buckets, application_url=URL)
    assert in_bucket(account, buckets[1])["site.json"]["Body"].read() == b'{"application": "' + URL.encode() + b'"}\n'


def test_an_application_that_does_not_ask_is_told_nothing(
    account: Account, buckets: tuple[str, str], tmp_path: Path
) -> None:
    other = application_archive.read(packed(tmp_path / "a.tar.gz"))
    publish_application(account.client("s3"), other, *buckets, application_url=URL)
    assert "site.json" not in in_bucket(account, buckets[1])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.webmanifest", "application/manifest+json; charset=utf-8"),
        ("a.xml", "text/xml; charset=utf-8"),
        ("A.PNG", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a.woff2", "font/woff2"),
        ("a.ico", "image/x-icon"),
        ("a.pdf", "application/pdf"),
        (".well-known/security.txt", "text/plain; charset=utf-8"),
        ("no-extension", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
    ],
)
def test_types_are_those_that_browsers_expect(name: str, expected: str) -> None:
    """With `nosniff`, a script of another type is not run."""
    assert content_type(name) == expected


ROOT_STACK = """
Resources: {Topic: {Type: 'AWS::SNS::Topic'}}
Outputs:
  ReleaseBucketName: {Value: the-releases}
  ApplicationUrl: {Value: 'https://host/'}
"""


def deployed(account: Account, template: str) -> None:
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(StackName="web-platform-dev", TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="web-platform-dev", WaiterConfig={"Delay": 1})


def test_the_buckets_are_those_of_the_environments_stack(account: Account) -> None:
    deployed(account, f"{ROOT_STACK}  WebsiteBucketName: {{Value: the-website}}\n")
    found = destination(account.client("cloudformation"), "dev")
    assert (found.release_bucket, found.website_bucket, found.application_url) == (
        "the-releases",
        "the-website",
        "https://host/",
    )


def test_an_environment_that_is_not_deployed_here_is_named(account: Account) -> None:
    with pytest.raises(UserError, match=r"no stack web-platform-dev in this account in eu-west-1"):
        destination(account.client("cloudformation"), "dev")


def test_an_environment_of_an_older_release_is_named(account: Account) -> None:
    deployed(account, ROOT_STACK)
    with pytest.raises(UserError, match="no output WebsiteBucketName: it is of an older release"):
        destination(account.client("cloudformation"), "dev")
