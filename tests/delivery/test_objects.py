"""An object is uploaded where it is not there as it should be, and only there."""

from __future__ import annotations

import dataclasses

import pytest
from botocore.exceptions import ClientError

from generator.delivery.objects import Upload, put
from tests.delivery.conftest import Account

PAGE = Upload("index.html", b"<h1>Shop</h1>", "text/html; charset=utf-8", "no-cache")


def test_an_object_is_there_as_it_should_be(account: Account) -> None:
    s3, bucket = account.client("s3"), account.bucket()
    assert put(s3, bucket, PAGE)
    found = s3.get_object(Bucket=bucket, Key="index.html")
    assert found["Body"].read() == PAGE.body
    assert (found["ContentType"], found["CacheControl"]) == (PAGE.content_type, PAGE.cache_control)


def test_the_second_time_there_is_nothing_to_upload(account: Account) -> None:
    s3, bucket = account.client("s3"), account.bucket()
    silent = dataclasses.replace(PAGE, cache_control="")
    for upload in (PAGE, silent):
        assert [put(s3, bucket, upload), put(s3, bucket, upload)] == [True, False]


@pytest.mark.parametrize(
    "change", [{"body": b"<h1>Sale</h1>"}, {"content_type": "text/html"}, {"cache_control": "max-age=60"}], ids=str
)
def test_whatever_differs_is_put_right(account: Account, change: dict[str, str]) -> None:
    s3, bucket = account.client("s3"), account.bucket()
    put(s3, bucket, dataclasses.replace(PAGE, **change))
    assert put(s3, bucket, PAGE)
    assert not put(s3, bucket, PAGE)


def test_what_somebody_else_uploaded_is_put_right(account: Account) -> None:
    s3, bucket = account.client("s3"), account.bucket()
    s3.put_object(Bucket=bucket, Key=PAGE.key, Body=PAGE.body, ContentType=PAGE.content_type)
    assert put(s3, bucket, PAGE), "without the digest nobody knows what is in it"


def test_a_bucket_that_is_not_there_is_no_success(account: Account) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        put(account.client("s3"), "no-such-bucket", PAGE)
