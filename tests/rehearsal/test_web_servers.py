"""A web server runs what its user data says, with nginx's own configuration, and says why when it does not come up."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from fault_proxy import wait_until

from generator.rehearsal.running_programs import HOST
from generator.rehearsal.target_requests import TargetAnswer, ask_target
from generator.rehearsal.web_servers import (
    APPLICATION_SERVICE,
    NGINX_CONFIGURATION,
    BootError,
    Surroundings,
    UserData,
    WebServer,
)
from generator.user_data import joined

SETTINGS = {
    "ENVIRONMENT_NAME": "dev",
    "REGION": "eu-west-1",
    "TARGET_PROTOCOL": "HTTPS",
    "RELEASE_BUCKET": "releases",
    "ARCHIVE_KEY": "",
    "SESSION_TABLE": "sessions",
    "PARAMETER_PATH": "/web-platform/dev",
    "METRIC_NAMESPACE": "web-platform",
    "TRACE_SHARE": "0.5",
}
APPLICATION = """#!/bin/sh
exec python3 -c '
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        told = [os.environ[name] for name in ("SESSION_TABLE", "CREDENTIAL", "PRODUCT_IMAGES")]
        self.wfile.write(" ".join((self.path, *told)).encode())
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
'
"""


def user_data(**changed: str) -> UserData:
    settings = "".join(f"readonly {name}='{value}'\n" for name, value in {**SETTINGS, **changed}.items())
    text = f"#!/bin/bash\n{settings}\n{joined((NGINX_CONFIGURATION, APPLICATION_SERVICE))}readonly LATER=1\n"
    return UserData.decoded(base64.b64encode(text.encode()).decode())


def archive(**files: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as packed:
        for name, text in {"public/index.html": "<p>A page", **files}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text.encode()), 0o755
            packed.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


@contextmanager
def server(folder: Path, objects: Mapping[str, bytes], **settings: str) -> Iterator[WebServer]:
    images = folder / "images"
    images.mkdir(exist_ok=True)

    def fetch(bucket: str, key: str) -> bytes:
        assert bucket == SETTINGS["RELEASE_BUCKET"]
        return objects[key]

    surroundings = Surroundings(images, Path("python3"), fetch, lambda: {"CREDENTIAL": "of-the-role"})
    made = WebServer("i-1", user_data(**settings), folder / "i-1", surroundings)
    try:
        yield made
    finally:
        made.kill()


def ask(web_server: WebServer, path: str) -> TargetAnswer:
    return ask_target(web_server.protocol, (HOST, web_server.port), "GET", path)


def test_settings_are_those_at_the_head() -> None:
    assert user_data().settings == SETTINGS


def test_a_release_that_configures_otherwise_is_told_apart() -> None:
    assert user_data().configures_as_here
    assert not UserData(user_data().text.replace("server_tokens off", "server_tokens on")).configures_as_here


@pytest.mark.parametrize("protocol", ["HTTPS", "HTTP"])
def test_without_an_archive_it_is_healthy_and_welcomes(tmp_path: Path, protocol: str) -> None:
    with server(tmp_path, {}, TARGET_PROTOCOL=protocol) as web_server:
        web_server.boot()
        assert ask(web_server, "/healthz").body == b"ok\n"
        page = ask(web_server, "/any/page")
        assert b"No application has been released yet." in page.body
        request_id = dict(page.headers)["X-Request-Id"]
        wait_until(lambda: web_server.has_answered(request_id))
        assert not web_server.has_answered(request_id[:-1])


def test_the_archive_is_run_with_the_environment_of_its_service(tmp_path: Path) -> None:
    migrate = '#!/bin/sh\necho migrated >>"$PRODUCT_IMAGES/log"\n[ $(wc -l <"$PRODUCT_IMAGES/log") -ge 2 ]\n'
    objects = {"a.tar.gz": archive(start=APPLICATION, migrate=migrate)}
    with server(tmp_path, objects, ARCHIVE_KEY="a.tar.gz") as web_server:
        web_server.boot()
        said = f"/api/things sessions of-the-role {tmp_path / 'images'}"
        assert ask(web_server, "/api/things").body.decode() == said
        assert ask(web_server, "/").body == b"<p>A page"
        while not web_server.is_migrated:
            pass
        assert (tmp_path / "images/log").read_text() == "migrated\nmigrated\n", "again until it succeeds"


def test_it_can_be_lost_and_come_back(tmp_path: Path) -> None:
    with server(tmp_path, {}) as web_server:
        web_server.boot()
        web_server.kill()
        with pytest.raises(OSError, match="refused"):
            ask(web_server, "/healthz")
        web_server.restart()
        assert ask(web_server, "/healthz").status == 200
        web_server.shut_down()
        with pytest.raises(OSError, match="refused"):
            ask(web_server, "/healthz")


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ({}, r"s3://releases/a\.tar\.gz cannot be fetched or unpacked: 'a\.tar\.gz'"),
        ({"a.tar.gz": b"no archive"}, r"s3://releases/a\.tar\.gz cannot be fetched or unpacked"),
        ({"a.tar.gz": archive(start="#!/bin/sh\necho broken\nexit 1\n")}, r"application ended\. Its log:\nbroken"),
    ],
)
def test_why_a_server_does_not_come_up_is_said(tmp_path: Path, objects: dict[str, bytes], message: str) -> None:
    with (
        server(tmp_path, objects, ARCHIVE_KEY="a.tar.gz") as web_server,
        pytest.raises(BootError, match=f"^i-1: {message}"),
    ):
        web_server.boot()


def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    objects = {"a.tar.gz": archive(**{"../../escaped": "x"})}
    with (
        server(tmp_path, objects, ARCHIVE_KEY="a.tar.gz") as web_server,
        pytest.raises(BootError, match="cannot be fetched or unpacked"),
    ):
        web_server.boot()
    assert not (tmp_path / "escaped").exists()


def test_access_is_logged_as_json(tmp_path: Path) -> None:
    with server(tmp_path, {}) as web_server:
        web_server.boot()
        ask(web_server, "/a?secret=1")
        log = tmp_path / "i-1/access.log"
        wait_until(lambda: log.read_text().endswith("\n"))  # nginx writes it after it has answered
    [line] = log.read_text().splitlines()
    assert json.loads(line)["path"] == "/a"
    assert "secret" not in line
