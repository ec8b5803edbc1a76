"""What CloudFront keeps, for how long, and what it compresses."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from edges import PAGE, SCRIPT, Edge, edge
from hypothesis import given
from hypothesis import strategies as st

from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_edge_cache import time_to_live

HIT, MISS = "Hit from cloudfront", "Miss from cloudfront"


@pytest.fixture(scope="module")
def deployed(emulator: Emulator) -> Edge:
    found = edge(emulator, "cached")
    assert found.deploy()["StackStatus"] == "CREATE_COMPLETE", found.account.failures("cached")
    found.upload("index.html", PAGE)
    return found


def test_an_asset_is_fetched_once(deployed: Edge) -> None:
    deployed.upload("assets/a.js", SCRIPT, "text/javascript")
    first, second = deployed.get("/assets/a.js"), deployed.get("/assets/a.js?other=query", Cookie="a=b")
    assert (first.headers["x-cache"], second.headers["x-cache"]) == (MISS, HIT)
    assert (first.body, second.body) == (SCRIPT, SCRIPT)
    assert int(second.headers["age"]) >= 0


def test_a_page_is_fetched_each_time(deployed: Edge) -> None:
    assert {deployed.get("/cart").headers["x-cache"] for _ in range(3)} == {MISS}


def test_what_is_kept_outlives_the_object_until_it_is_invalidated(deployed: Edge) -> None:
    deployed.upload("assets/b.js", b"old", "text/javascript")
    deployed.upload("assets/c.js", b"old", "text/javascript")
    for name in ("b", "c"):
        deployed.get(f"/assets/{name}.js")
        deployed.upload(f"assets/{name}.js", b"new", "text/javascript")
    assert deployed.get("/assets/b.js").body == b"old"
    batch = {"Paths": {"Quantity": 1, "Items": ["/assets/b*"]}, "CallerReference": "1"}
    cloudfront = deployed.client("cloudfront")
    cloudfront.create_invalidation(DistributionId=deployed.outputs["DistributionId"], InvalidationBatch=batch)
    assert deployed.get("/assets/b.js").body == b"new"
    assert deployed.get("/assets/c.js").body == b"old"


def test_an_error_is_not_kept(deployed: Edge) -> None:
    deployed.upload("404.html", b"not here")
    assert deployed.get("/assets/later.js").status == 404
    deployed.upload("assets/later.js", SCRIPT, "text/javascript")
    assert deployed.get("/assets/later.js").status == 200


def test_what_is_kept_is_validated_and_asked_for_by_head(deployed: Edge) -> None:
    deployed.upload("assets/d.js", SCRIPT, "text/javascript")
    tag = deployed.get("/assets/d.js").headers["etag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}'):
        answer = deployed.get("/assets/d.js", If_None_Match=sent)
        assert (answer.status, answer.headers["x-cache"]) == (304, HIT)
    assert deployed.get("/assets/d.js", If_None_Match='"other"').status == 200
    head = deployed.ask("HEAD", "/assets/d.js", X_Forwarded_Proto="https")
    assert (head.status, head.body, head.headers["x-cache"]) == (200, b"", HIT)


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("br, gzip;q=0.5", "gzip"), ("", None), ("br", None), ("gzip;q=0", None)],
)
def test_text_is_compressed_for_who_takes_it(deployed: Edge, accepted: str, encoding: str | None) -> None:
    for path, body in (("/", PAGE), ("/assets/a.js", SCRIPT)):
        answer = deployed.get(path, Accept_Encoding=accepted)
        assert answer.headers.get("content-encoding") == encoding
        assert (gzip.decompress(answer.body) if encoding else answer.body) == body
        assert len(answer.body) == int(answer.headers["content-length"])
        assert answer.headers["etag"].startswith("W/") == bool(encoding)


def test_a_compressed_page_is_validated_by_its_weak_tag(deployed: Edge) -> None:
    tag = deployed.get("/", Accept_Encoding="gzip").headers["etag"]
    assert deployed.get("/", Accept_Encoding="gzip", If_None_Match=tag).status == 304


@pytest.mark.parametrize(
    ("key", "body", "content_type", "others"),
    [
        ("assets/small.css", b"a{}", "text/css", {}),
        ("assets/picture.png", b"\0" * 2_000, "image/png", {}),
        ("assets/packed.js", gzip.compress(SCRIPT * 90), "text/javascript", {"ContentEncoding": "gzip"}),
    ],
    ids=["too small", "no text", "compressed before"],
)
def test_what_would_not_gain_is_sent_as_it_is(
    deployed: Edge, key: str, body: bytes, content_type: str, others: dict[str, Any]
) -> None:
    deployed.upload(key, body, content_type, **others)
    assert deployed.get(f"/{key}", Accept_Encoding="gzip").body == body


SECONDS = st.integers(0, 10**9)


@given(least=SECONDS, more=SECONDS, most=SECONDS, said=st.none() | SECONDS)
def test_time_to_live_stays_within_the_policy(least: int, more: int, most: int, said: int | None) -> None:
    policy = {"MinTTL": least, "DefaultTTL": least + more, "MaxTTL": least + more + most}
    headers = {} if said is None else {"cache-control": f"public, max-age={said}"}
    seconds = time_to_live(policy, headers)
    assert policy["MinTTL"] <= seconds <= policy["MaxTTL"]
    if said is None:
        assert seconds == policy["DefaultTTL"]
    elif policy["MinTTL"] <= said <= policy["MaxTTL"]:
        assert seconds == said


@pytest.mark.parametrize("said", ["no-store", "private, max-age=60", "no-cache", "max-age=60, no-store"])
def test_what_must_not_be_kept_is_kept_no_longer_than_the_least(said: str) -> None:
    assert time_to_live({"MinTTL": 0, "DefaultTTL": 86_400, "MaxTTL": 86_400}, {"cache-control": said}) == 0
    assert time_to_live({"MinTTL": 5, "DefaultTTL": 86_400, "MaxTTL": 86_400}, {"cache-control": said}) == 5


def test_the_shared_age_goes_before_the_private_one() -> None:
    policy = {"MinTTL": 0, "DefaultTTL": 0, "MaxTTL": 86_400}
    assert time_to_live(policy, {"cache-control": "max-age=1, s-maxage=7"}) == 7


def test_without_a_cache_policy_nothing_is_kept() -> None:
    assert time_to_live({}, {"cache-control": "max-age=60"}) == 0
