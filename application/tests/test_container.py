"""What a container does itself where nginx does it on a web server: TLS, limits, logs, and a file system left alone."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import pytest
from surroundings import PYTHON, ROOT, Platform, Server, unpacked, unverified_tls

from generator.origin import ORIGIN_HEADER
from generator.preview import TEST_HEADER
from generator.rehearsal.image_build import build

NGINX = (ROOT / "generator/user_data/nginx_configuration.sh").read_text(encoding="utf-8")
AT_ONCE = int(re.findall(r"limit_conn application (\d+);", NGINX)[0])
"""Requests under way in the application of one web server."""

REFUSED = 12
CLIENT_SECONDS = 15
SECONDS = 60.0
STUB = """
import os, time
from flask import Flask, jsonify, request

def create_app():
    app = Flask("stub")
    app.config["MAX_CONTENT_LENGTH"] = 8 * 1024

    @app.get("/healthz")
    def health():
        return "ok"

    @app.get("/api/echo")
    def echo():
        return jsonify(headers=dict(request.headers), client=request.remote_addr)

    @app.get("/api/slow")
    def slow():
        while not os.path.exists(os.environ["RELEASED"]):
            time.sleep(0.01)
        return "done"

    @app.put("/api/body")
    def body():
        return str(len(request.get_data()))

    return app
"""


def kept(root: Path) -> dict[str, tuple[int, str]]:
    """Return mode and digest of everything below a folder."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mode, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files}


@pytest.fixture(scope="module")
def stub_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with the front of the application and another application behind it."""
    folder = tmp_path_factory.mktemp("stub")
    shutil.copytree(ROOT / "application", folder / "application", ignore=shutil.ignore_patterns("tests"))
    (folder / "application/shop/web.py").write_text(STUB)
    front = folder / "application/shop/front.py"
    front.write_text(front.read_text().replace(f"CLIENT_SECONDS = {CLIENT_SECONDS}\n", "CLIENT_SECONDS = 1\n"))
    return unpacked(build(folder / "application", PYTHON), folder / "root")


@pytest.fixture(scope="module")
def stub(platform: Platform, stub_root: Path) -> Iterator[tuple[Server, Path]]:
    """A container of that image, and the file that lets its slow requests go on."""
    released = platform.folder / "released"
    with platform.container(stub_root, RELEASED=str(released)) as started:
        yield started, released


def access_line(container: Server, request_id: str) -> dict[str, Any]:
    """Return what the log says of a request. It is written when the answer has been sent, perhaps after we look."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        whole_lines = container.log.read_text().rpartition("\n")[0].splitlines()
        for line in map(json.loads, whole_lines):
            if line["logger"] == "shop.access" and line["request_id"] == request_id:
                return dict(line)
        time.sleep(0.01)
    raise AssertionError(f"{request_id} is not in the log")


def asked_with(container: Server, context: ssl.SSLContext) -> int:
    return Server(container.port, container.log, context).ask("GET", "/healthz").status


def of_version(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = unverified_tls()
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def test_d5_nothing_is_written_below_the_root_of_a_container(
    platform: Platform, container_root: Path, tmp_path: Path
) -> None:
    before = kept(container_root)
    with platform.container(container_root, TARGET_PROTOCOL="HTTPS", TMPDIR=str(tmp_path)) as started:
        for path in ("/", "/api/products", "/product-images/harbour-mug.svg"):
            assert started.ask("GET", path).status == 200
        certificates = tmp_path / "certificates"
        assert certificates.stat().st_mode & 0o077 == 0
        assert (certificates / "server.key").stat().st_mode & 0o077 == 0
    assert kept(container_root) == before
    assert {mode & 0o222 for mode, _ in before.values()} == {0}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_w4_tls_as_new_as_the_load_balancer_speaks_it_is_accepted(container: Server, version: ssl.TLSVersion) -> None:
    assert asked_with(container, of_version(version)) == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_w4_tls_that_is_older_is_refused(container: Server) -> None:
    with pytest.raises(ssl.SSLError):
        asked_with(container, of_version(ssl.TLSVersion.TLSv1_1))


def test_w4_a_cipher_without_forward_secrecy_is_refused(container: Server) -> None:
    context = of_version(ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("AES128-GCM-SHA256")
    with pytest.raises(ssl.SSLError):
        asked_with(container, context)


def test_w6_the_health_check_of_the_image_asks_where_the_application_is(
    platform: Platform, container: Server, container_root: Path
) -> None:
    program = container_root / "srv/application/check-health"
    where = {**platform.variables, "PORT": str(container.port), "TARGET_PROTOCOL": "HTTPS"}
    for expected, changed in ((0, {}), (1, {"TARGET_PROTOCOL": "HTTP"}), (1, {"PORT": "1"})):
        assert subprocess.run([program], env=where | changed, check=False).returncode == expected


def test_d15_each_answer_says_which_version_it_is_from(container: Server) -> None:
    for path in ("/", "/healthz", "/api/products", "/missing.txt"):
        assert container.ask("GET", path).headers.get_all("X-Application-Version") == ["7"], path


def test_d4_a_page_of_a_former_version_is_never_taken_for_this_one(container: Server) -> None:
    """Files of an image have one time, also in the next image: what tells them apart is what is in them."""
    page = container.ask("GET", "/")
    assert container.ask("GET", "/", If_None_Match=page.headers["ETag"]).status == 304
    assert container.ask("GET", "/", If_None_Match='W/"another"').status == 200
    for date in (page.headers["Last-Modified"], "Fri, 01 Jan 2038 00:00:00 GMT"):
        assert container.ask("GET", "/", If_Modified_Since=date).status == 200


def test_d4_what_is_compressed_says_so_to_caches(container: Server) -> None:
    assert container.ask("GET", "/", Accept_Encoding="gzip").headers["Content-Encoding"] == "gzip"
    assert container.ask("GET", "/").headers["Vary"] == "Accept-Encoding"


def test_d11_the_log_has_the_fields_of_nginxs_log_and_no_query(container: Server) -> None:
    headers = {"X_Forwarded_For": "203.0.113.9, 198.51.100.7", "User_Agent": "a browser", "X_Amzn_Trace_Id": "Root=1"}
    request_id = container.ask("GET", "/cart/7?q=secret", **headers).headers["X-Request-Id"]
    line = access_line(container, request_id)
    container.ask("GET", "/healthz")
    access_line(container, container.ask("GET", "/").headers["X-Request-Id"])
    expected = {
        "trace_id": "Root=1",
        "client": "198.51.100.7",
        "forwarded_for": "203.0.113.9, 198.51.100.7",
        "method": "GET",
        "path": "/cart/7",
        "status": 200,
        "user_agent": "a browser",
    }
    assert expected.items() <= line.items()
    assert line["bytes"] > 0
    assert line["seconds"] >= 0
    assert not [each for each in container.log_lines() if each.get("path") == "/healthz" or "secret" in str(each)]


def test_d11_the_application_logs_a_request_under_the_same_id(container: Server) -> None:
    request_id = container.ask("GET", "/api/products", X_Request_Id="chosen-by-a-client").headers["X-Request-Id"]
    assert request_id != "chosen-by-a-client"
    assert access_line(container, request_id)["status"] == 200
    assert [each for each in container.log_lines() if each.get("request_id") == request_id and each["logger"] == "shop"]


def test_w1_the_application_learns_who_asked_and_never_a_secret(stub: tuple[Server, Path]) -> None:
    secrets = {ORIGIN_HEADER: "of-cloudfront", TEST_HEADER: "of-testers"}
    told = stub[0].ask("GET", "/api/echo", X_Forwarded_For="10.0.0.1, 198.51.100.7", X_Request_Id="x", **secrets).json()
    assert told["client"] == told["headers"]["X-Forwarded-For"] == "198.51.100.7"
    assert told["headers"]["X-Request-Id"] != "x"
    assert not [value for value in told["headers"].values() if value in secrets.values()]


def test_w7_a_busy_container_says_so_at_once_and_stays_healthy(stub: tuple[Server, Path]) -> None:
    """Requests that queue would make the health check queue, and the load balancer give up what answers."""
    server, released = stub
    with ThreadPoolExecutor(AT_ONCE + REFUSED) as pool:
        asked = [pool.submit(server.ask, "GET", "/api/slow") for _ in range(AT_ONCE + REFUSED)]
        try:
            refused = [future.result() for _, future in zip(range(REFUSED), as_completed(asked, SECONDS), strict=False)]
            assert {answer.status for answer in refused} == {503}
            assert {answer.headers["Retry-After"] for answer in refused} == {"5"}
            assert server.ask("GET", "/healthz").status == 200
            assert server.ask("GET", "/robots.txt").status == 200
            assert sum(future.done() for future in asked) == REFUSED
        finally:
            released.touch()
        assert sorted(future.result().status for future in asked) == [200] * AT_ONCE + [503] * REFUSED
    assert server.ask("GET", "/api/echo").status == 200


def test_d16_a_client_that_falls_silent_is_given_up(stub: tuple[Server, Path]) -> None:
    connection = stub[0].connection()
    connection.putrequest("PUT", "/api/body")
    connection.putheader("Content-Length", "10")
    connection.endheaders(b"abc")
    assert connection.getresponse().status == 400
    connection.close()


def test_d15_what_is_under_way_is_answered_before_a_container_ends(stub_root: Path, platform: Platform) -> None:
    """ECS sends SIGTERM when the load balancer asks no more; a request may still be waiting for its answer."""
    released = platform.folder / "released-at-the-end"
    with ThreadPoolExecutor(2) as pool:
        with platform.container(stub_root, RELEASED=str(released)) as server:
            under_way = pool.submit(server.ask, "GET", "/api/slow")
            ends = pool.submit(_release_when_told_to_end, server, released)
        assert under_way.result(SECONDS).status == 200
        ends.result(SECONDS)


def _release_when_told_to_end(server: Server, released: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while "Handling signal: term" not in server.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    released.touch()


def test_a_migration_is_repeated_until_it_succeeds(tmp_path: Path) -> None:
    shutil.copy(ROOT / "application/migrate-until-done", tmp_path)
    (tmp_path / "migrate").write_text("#!/bin/sh\necho tried >>tries\n[ $(wc -l <tries) -ge 3 ]\n")
    (tmp_path / "migrate").chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "RETRY_SECONDS": "0"}
    subprocess.run([tmp_path / "migrate-until-done"], env=environment, cwd="/", check=True)
    assert (tmp_path / "tries").read_text() == "tried\n" * 3


def test_a_container_that_cannot_make_its_certificate_says_why(
    platform: Platform, container_root: Path, tmp_path: Path
) -> None:
    (tmp_path / "certificates").write_text("no folder")
    environment = platform.variables | {"PORT": "1", "TARGET_PROTOCOL": "HTTPS", "TMPDIR": str(tmp_path)}
    done = subprocess.run([container_root / "srv/application/serve"], env=environment, capture_output=True, check=False)
    assert done.returncode != 0
    assert b"certificates" in done.stdout + done.stderr


def test_the_shell_scripts_are_without_a_complaint() -> None:
    scripts = [
        ROOT / "application" / name for name in ("start", "serve", "migrate", "migrate-until-done", "check-health")
    ]
    checker = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([checker, "--severity=style", *scripts], capture_output=True, text=True, check=False)
    assert done.stdout == ""
