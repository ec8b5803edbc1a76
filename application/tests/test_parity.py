"""A container answers what a web server answers: the same questions, asked of nginx with the archive and of the image.

What differs is in `DIFFERENCES`, each with its reason, and is tested to differ, so that the list cannot grow old.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import NamedTuple

import pytest
from surroundings import PYTHON, Platform, Server, unverified_tls

from generator.rehearsal.running_programs import HOST
from generator.rehearsal.web_servers import APPLICATION_SERVICE, NGINX_CONFIGURATION, Surroundings, UserData, WebServer
from generator.user_data import joined

SETTINGS = {
    "ENVIRONMENT_NAME": "dev",
    "REGION": "eu-west-1",
    "TARGET_PROTOCOL": "HTTPS",
    "RELEASE_BUCKET": "releases",
    "ARCHIVE_KEY": "application.tar.gz",
    "SESSION_TABLE": "sessions",
    "PARAMETER_PATH": "/web-platform/dev",
    "METRIC_NAMESPACE": "web-platform",
    "TRACE_SHARE": "0.1",
}
FROM_THE_LOAD_BALANCER = {
    "X-Forwarded-For": "203.0.113.9, 198.51.100.7",
    "X-Amzn-Trace-Id": "Root=1-67891233-abcdef012345678912345678",
    "User-Agent": "a browser",
}


class Question(NamedTuple):
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join((self.method, self.target, *(f"{name}={value}" for name, value in self.headers)))


GZIP, PART = ("Accept-Encoding", "gzip"), ("Range", "bytes=5-19")
STYLES = "/assets/{css}"
QUESTIONS = [
    Question("GET", "/"),
    Question("GET", "/", (GZIP,)),
    Question("HEAD", "/"),
    Question("GET", "/?q=secret"),
    Question("GET", "/index.html"),
    Question("GET", "/404.html"),
    Question("GET", "/unavailable.html"),
    Question("GET", "/robots.txt"),
    Question("GET", "/site.json"),
    Question("GET", "/cart/7"),
    Question("GET", "/a.b/c"),
    Question("GET", "/caf%C3%A9/%20"),
    Question("GET", "/missing.txt"),
    Question("HEAD", "/missing.txt"),
    Question("GET", "/.git/config"),
    Question("GET", "/assets/"),
    Question("GET", "/assets/none"),
    Question("GET", "/assets/none.js"),
    Question("GET", STYLES),
    Question("GET", STYLES, (GZIP,)),
    Question("GET", STYLES, (PART,)),
    Question("HEAD", STYLES),
    Question("GET", "/assets/{js}", (GZIP,)),
    Question("GET", "/assets/{svg}"),
    Question("GET", "/healthz"),
    Question("GET", "/healthz/"),
    Question("GET", "/api/products"),
    Question("GET", "/api/products/99"),
    Question("GET", "/api/nothing"),
    Question("GET", "/api/cart"),
    Question("PUT", "/api/cart"),
    Question("DELETE", "/api/cart"),
    Question("GET", "/product-images/harbour-mug.svg"),
    Question("GET", "/product-images/harbour-mug.svg", (PART,)),
    Question("GET", "/product-images/none.svg"),
    Question("GET", "/product-images/../application.tar.gz"),
    Question("GET", "/product-images"),
]
DIFFERENCES = {
    Question("GET", "/api"): "nginx leads on to /api/",
    Question("GET", "/api/products", (GZIP,)): "neither answers of the application nor product images are compressed",
    Question("GET", "/product-images/"): "a folder is not there, and not forbidden",
    Question("POST", "/"): "a refusal has no page of nginx",
    Question("GET", "/../etc/passwd"): "a path is taken as it is written; this one is a page of the storefront",
}
"""Question → why the answers differ."""

KEPT = (
    "Cache-Control",
    "Content-Encoding",
    "Content-Range",
    "Referrer-Policy",
    "Retry-After",
)
VALIDATED = (200, 206)
"""Answers that a browser may ask about later, by their ETag. nginx has one for pages of errors too."""


@pytest.fixture(scope="module")
def web_server(platform: Platform, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    settings = "".join(f"readonly {name}='{value}'\n" for name, value in SETTINGS.items())
    data = UserData(f"#!/bin/bash\n{settings}{joined((NGINX_CONFIGURATION, APPLICATION_SERVICE))}")
    packed = (archive / "application.tar.gz").read_bytes()
    surroundings = Surroundings(platform.images, PYTHON, lambda bucket, key: packed, lambda: platform.variables)
    made = WebServer("i-1", data, tmp_path_factory.mktemp("web-server") / "i-1", surroundings)
    try:
        made.boot()
        yield made
    finally:
        made.kill()


@pytest.fixture(scope="module")
def assets(archive: Path) -> dict[str, str]:
    """Extension → the asset's name, with its digest."""
    return {path.suffix[1:]: path.name for path in (archive / "public/assets").iterdir()}


def answer(connection: HTTPConnection, question: Question, assets: dict[str, str]) -> dict[str, object]:
    """Return what a visitor can see of an answer. Ids and validators differ, so that only their number counts."""
    connection.request(
        question.method, question.target.format(**assets), headers=FROM_THE_LOAD_BALANCER | dict(question.headers)
    )
    response = connection.getresponse()
    body = response.read()
    connection.close()
    seen: dict[str, object] = {name: response.headers.get_all(name) for name in KEPT}
    seen["X-Request-Id"] = len(response.headers.get_all("X-Request-Id", []))
    seen["ETag"] = response.status in VALIDATED and len(response.headers.get_all("ETag", []))
    seen["Allow"] = set(response.headers.get("Allow", "").split(", "))
    packed = response.headers["Content-Encoding"] == "gzip"
    return {
        "status": response.status,
        "type": response.headers["Content-Type"],
        "body": gzip.decompress(body) if packed else body,
        **seen,
    }


def both(web_server: WebServer, container: Server, question: Question, assets: dict[str, str]) -> list[object]:
    to_nginx = HTTPSConnection(HOST, web_server.port, context=unverified_tls())
    return [answer(connection, question, assets) for connection in (to_nginx, container.connection())]


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_d2_a_container_answers_as_a_web_server_does(
    web_server: WebServer, container: Server, assets: dict[str, str], question: Question
) -> None:
    of_nginx, of_the_container = both(web_server, container, question, assets)
    assert of_the_container == of_nginx


@pytest.mark.parametrize("question", DIFFERENCES, ids=str)
def test_what_is_named_as_different_is_different(
    web_server: WebServer, container: Server, assets: dict[str, str], question: Question
) -> None:
    of_nginx, of_the_container = both(web_server, container, question, assets)
    assert of_the_container != of_nginx
