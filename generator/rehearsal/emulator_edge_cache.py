"""CloudFront keeps what it fetched and compresses what it sends; ministack 1.5.33 does neither.

What a cache policy says becomes visible: `X-Cache` tells a hit from a miss, `Age` how old an answer is, and an
invalidation ends it. Left out: Brotli, errors that are kept, and the revalidation of what has grown old.
"""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

from generator.rehearsal.emulator_guards import Response, guarded, replace_function
from generator.rehearsal.emulator_viewer_requests import CLOUDFRONT

Answer = tuple[int, str, dict[str, Any], bytes]
"""Status, reason, headers and body of an origin's answer."""

A_DAY, A_YEAR = 86_400, 31_536_000
SMALLEST, LARGEST = 1_000, 10_000_000
"""Bytes of what CloudFront compresses.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ServingCompressedFiles.html"""

COMPRESSED = re.compile(
    r"text/(css|csv|html|js|javascript|plain|richtext|xml)|image/svg\+xml|font/(eot|otf|ttf)"
    r"|application/(javascript|json|x-javascript|xml|wasm|vnd\.ms-fontobject|rss\+xml|xhtml\+xml)"
)

VIEWER_REQUEST = (
    "dist",
    "method",
    "path",
    "raw_uri",
    "raw_query_string",
    "headers",
    "body",
    "query_params",
    "client_ip",
)
ORIGIN_FETCH = (
    "origin",
    "method",
    "uri",
    "query_string",
    "headers",
    "body",
    "viewer_is_https",
    "client_ip",
    "viewer_xff",
    "dist_arn",
)


@dataclass
class _Viewer:
    """A request of a viewer that is under way."""

    distribution_id: str
    behavior: Mapping[str, Any]
    policy: Mapping[str, Any]
    """The cache policy's configuration; empty where the behavior has none."""
    fetched: int = 0
    hit: bool = False


@dataclass(frozen=True)
class _Kept:
    """An answer of an origin in the cache."""

    answer: Answer
    until: float
    since: float = field(default_factory=time.monotonic)


Key = tuple[Any, ...]
_viewer: ContextVar[_Viewer | None] = ContextVar("rehearsal_viewer", default=None)


def edge_cache() -> None:
    """An answer is kept as long as the cache policy and its own headers say, or until an invalidation.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html
    """
    kept: dict[Key, _Kept] = {}
    guarded(CLOUDFRONT, "parse_distribution_dataplane_config", "dist")
    guarded(CLOUDFRONT, "_match_behavior", "parsed", "path")
    replace_function(CLOUDFRONT, "_dataplane_behavior", ("behavior_el", "path_pattern"), _with_compression)
    replace_function(CLOUDFRONT, "handle_viewer_request", VIEWER_REQUEST, _answered)
    replace_function(CLOUDFRONT, "_fetch_from_origin", ORIGIN_FETCH, lambda original: _cached(original, kept))
    replace_function(
        CLOUDFRONT, "_create_invalidation", ("dist_id", "body"), lambda original: _forgetting(original, kept)
    )


def _with_compression(original: Any) -> Any:
    def behavior(behavior_el: Any, path_pattern: str | None = None) -> dict[str, Any]:
        compress = import_module(CLOUDFRONT)._text(behavior_el, "Compress") == "true"
        return {**original(behavior_el, path_pattern), "compress": compress}

    guarded(CLOUDFRONT, "_text", "el", "tag", "default")
    return behavior


# ---------------------------------------------------------------------------------------------------------------------
# Viewers
# ---------------------------------------------------------------------------------------------------------------------


def _answered(original: Any) -> Any:
    cloudfront: Any = import_module(CLOUDFRONT)

    async def handle(
        dist: dict[str, Any], method: str, path: str, uri: str, query: str, headers: dict[str, Any], *rest: Any
    ) -> Response:
        parsed = cloudfront.parse_distribution_dataplane_config(dist)
        behavior = cloudfront._match_behavior(parsed, path) or {}
        viewer = _Viewer(dist["Id"], behavior, _cache_policy(behavior.get("cache_policy_id")))
        token = _viewer.set(viewer)
        try:
            status, answered, body = await original(dist, method, path, uri, query, headers, *rest)
        finally:
            _viewer.reset(token)
        if viewer.hit:
            answered["X-Cache"] = "Hit from cloudfront"
        elif status >= 400:
            answered["X-Cache"] = "Error from cloudfront"
        elif not viewer.fetched and "Location" in answered:
            answered["X-Cache"] = "Redirect from cloudfront"
        return _compressed(viewer, str(headers.get("accept-encoding", "")), (status, answered, body))

    return handle


def _cache_policy(policy_id: str | None) -> Mapping[str, Any]:
    cloudfront: Any = import_module(CLOUDFRONT)
    policy = cloudfront._cache_policies.get(policy_id) or cloudfront._MANAGED_CACHE_POLICIES.get(policy_id)
    config: Mapping[str, Any] = policy["Config"] if policy else {}
    return config


def _compressed(viewer: _Viewer, accepted: str, answer: Response) -> Response:
    """Return an answer as the viewer gets it, compressed where viewer, behavior, policy and content allow it."""
    status, headers, body = answer
    wanted = viewer.behavior.get("compress") and viewer.policy.get("Parameters", {}).get("EnableAcceptEncodingGzip")
    suits = COMPRESSED.match(headers.get("Content-Type", "")) and "Content-Encoding" not in headers
    takes_it = re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", accepted)
    if not (wanted and suits and takes_it and status in (200, 403, 404) and SMALLEST <= len(body) <= LARGEST):
        return answer
    packed = gzip.compress(body, mtime=0)
    changed = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding", "Content-Length": str(len(packed))}
    if "Etag" in headers:
        # What is equal in meaning only is tagged as weak.
        changed["Etag"] = f"W/{headers['Etag'].removeprefix('W/')}"
    return status, {**headers, **changed}, packed


# ---------------------------------------------------------------------------------------------------------------------
# The cache
# ---------------------------------------------------------------------------------------------------------------------


def _cached(original: Any, kept: dict[Key, _Kept]) -> Any:
    async def fetch(
        origin: dict[str, Any], method: str, uri: str, query: str, headers: dict[str, Any], *rest: Any
    ) -> Answer:
        viewer = _viewer.get()
        if viewer is not None:
            viewer.fetched += 1
        # The second fetch for a viewer is that of an error page.
        if viewer is None or viewer.fetched > 1 or method not in ("GET", "HEAD") or "range" in headers:
            answer: Answer = await original(origin, method, uri, query, headers, *rest)
            return answer
        key = _key(viewer, origin, uri, query, headers)
        found = kept.get(key)
        if found is not None and time.monotonic() < found.until:
            viewer.hit = True
            return _from_cache(found, method, headers)
        answer = await original(origin, method, uri, query, headers, *rest)
        seconds = time_to_live(viewer.policy, answer[2])
        if answer[0] == 200 and method == "GET" and seconds > 0:
            kept[key] = _Kept(answer, until=time.monotonic() + seconds)
        return answer

    return fetch


def _key(viewer: _Viewer, origin: Mapping[str, Any], uri: str, query: str, headers: Mapping[str, Any]) -> Key:
    """Return what tells an object in the cache from others: its address, and what the cache policy names besides."""
    parameters = viewer.policy.get("Parameters", {})
    cookies = [each.strip().partition("=") for each in str(headers.get("cookie", "")).split(";") if each.strip()]
    named = (
        ("HeaderBehavior", "Headers", [(name.lower(), value) for name, value in headers.items() if name != "cookie"]),
        ("CookieBehavior", "Cookies", [(name, value) for name, _, value in cookies]),
        ("QueryStringBehavior", "QueryStrings", parse_qsl(query, keep_blank_values=True)),
    )
    parts = [
        tuple(
            sorted(
                (name, str(value))
                for name, value in given
                if _counts(name, str(parameters.get(behavior, "none")), parameters.get(names, ()))
            )
        )
        for behavior, names, given in named
    ]
    return viewer.distribution_id, origin["id"], uri, *parts


def _counts(name: str, behavior: str, names: Any) -> bool:
    named = name.lower() in {each.lower() for each in names}
    return behavior == "all" or (behavior == "whitelist" and named) or (behavior == "allExcept" and not named)


def _from_cache(found: _Kept, method: str, headers: Mapping[str, Any]) -> Answer:
    status, reason, kept_headers, body = found.answer
    aged = {**kept_headers, "age": str(int(time.monotonic() - found.since))}
    asked = {each.strip().removeprefix("W/") for each in str(headers.get("if-none-match", "")).split(",")}
    if str(aged.get("etag", "")).removeprefix("W/") in asked - {""}:
        gone = ("content-length", "content-type", "content-encoding")
        return 304, "Not Modified", {name: value for name, value in aged.items() if name not in gone}, b""
    return status, reason, aged, b"" if method == "HEAD" else body


def time_to_live(policy: Mapping[str, Any], headers: Mapping[str, Any]) -> int:
    """Return for how many seconds CloudFront keeps an answer with these headers under a cache policy.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html#ExpirationDownloadDist
    """
    least = int(policy.get("MinTTL", 0))
    most, unsaid = int(policy.get("MaxTTL", A_YEAR)), int(policy.get("DefaultTTL", A_DAY))
    said = str(headers.get("cache-control", "")).lower()
    if not policy or re.search(r"\b(no-cache|no-store|private)\b", said):
        return least
    found = re.search(r"\bs-maxage=(\d+)", said) or re.search(r"\bmax-age=(\d+)", said)
    return min(max(int(found[1]), least), most) if found else max(least, unsaid)


def _forgetting(original: Any, kept: dict[Key, _Kept]) -> Any:
    def create_invalidation(dist_id: str, body: bytes) -> Response:
        answer: Response = original(dist_id, body)
        made = import_module(CLOUDFRONT)._invalidations.get(dist_id) or ()
        if answer[0] == 201 and made:
            paths = made[-1]["InvalidationBatch"]["Paths"]["Items"]
            for key in [key for key in kept if key[0] == dist_id and any(fnmatchcase(key[2], path) for path in paths)]:
                del kept[key]
        return answer

    return create_invalidation


EDGE_CACHE = (edge_cache,)
