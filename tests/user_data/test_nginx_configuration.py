"""nginx's configuration, by what a real nginx answers with it (D4, D17, W4, W6)."""

from __future__ import annotations

import ssl
import string
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.origin import ORIGIN_HEADER
from generator.preview import TEST_HEADER
from generator.response_headers import REFERRER_POLICY
from generator.stacks.edge_policies import APPLICATION_PATHS, IMMUTABLE
from tests.user_data.running_nginx import STARTS_WITHIN_SECONDS, Answer, Application, Nginx, running_nginx

A_DAY = "public, max-age=86400, must-revalidate"
FILES = {
    "application/public/index.html": "<!doctype html><title>Shop</title>",
    "application/public/404.html": "<!doctype html><title>Not here</title>",
    "application/public/site.json": "{}",
    "application/public/assets/shop.3f9a1c.js": "// " + "x" * 3000,
    "application/public/assets/mark.77ab01.svg": "<svg/>",
    "images/cup.svg": "<svg/>",
    "outside.txt": "not public",
}
SECRETS = {ORIGIN_HEADER: "secret", TEST_HEADER: "secret"}
ONE_WORKER = ("worker_processes auto;", "worker_processes 1;")
"""Each of nginx's workers keeps connections of its own."""

LOAD_BALANCER_HEADERS = {
    "X-Forwarded-For": "203.0.113.9, 198.51.100.7",
    "X-Forwarded-Proto": "https",
    "X-Amzn-Trace-Id": "Root=1-67891233-abcdef012345678912345678",
}


@pytest.fixture(scope="module")
def nginx() -> Iterator[Nginx]:
    with running_nginx(FILES, Application()) as running:
        yield running


@pytest.fixture(scope="module")
def without_application() -> Iterator[Nginx]:
    with running_nginx(FILES, None) as running:
        yield running


def as_seen(answer: Answer) -> tuple[int, str | None, str | None]:
    return answer.status, answer.headers.get("Content-Type"), answer.headers.get("Cache-Control")


HTML, NO_CACHE = "text/html; charset=utf-8", "no-cache"
ANSWERS = {
    "/": (200, HTML, NO_CACHE),
    "/index.html": (200, HTML, NO_CACHE),
    "/products/3": (200, HTML, NO_CACHE),
    "/cart?from=mail": (200, HTML, NO_CACHE),
    "/site.json": (200, "application/json", NO_CACHE),
    "/assets/shop.3f9a1c.js": (200, "text/javascript; charset=utf-8", IMMUTABLE),
    "/assets/mark.77ab01.svg": (200, "image/svg+xml", IMMUTABLE),
    "/product-images/cup.svg": (200, "image/svg+xml", A_DAY),
    "/assets/shop.000000.js": (404, HTML, NO_CACHE),
    "/assets/": (404, HTML, NO_CACHE),
    "/assets/shop": (404, HTML, NO_CACHE),
    "/product-images/none.svg": (404, HTML, NO_CACHE),
    "/favicon.ico": (404, HTML, NO_CACHE),
    "/../outside.txt": (400, HTML, NO_CACHE),
    "/product-images../outside.txt": (404, HTML, NO_CACHE),
}


@pytest.mark.parametrize(("target", "expected"), ANSWERS.items(), ids=ANSWERS.keys())
def test_files_are_served_with_the_right_type_and_kept_as_long_as_they_last(
    nginx: Nginx, target: str, expected: tuple[int, str, str]
) -> None:
    assert as_seen(nginx.get(target)) == expected


@pytest.mark.parametrize("path", APPLICATION_PATHS)
def test_what_cloudfront_sends_to_the_application_is_never_the_storefront(nginx: Nginx, path: str) -> None:
    assert nginx.get(path.replace("*", "none")).text != FILES["application/public/index.html"]


def test_a_page_that_is_not_there_has_the_applications_own_words(nginx: Nginx) -> None:
    assert nginx.get("/none.html").text == FILES["application/public/404.html"]


@given(st.text(string.ascii_letters + string.digits + "-_~. /%é☕", min_size=1, max_size=40))
def test_whatever_is_asked_for_nothing_is_broken_or_kept_by_mistake(nginx: Nginx, path: str) -> None:
    """Every path is the application's page, a 404, or a request that nobody should have sent."""
    answer = nginx.get("/" + quote(path))
    assert answer.status in (200, 400, 404)
    assert answer.headers.get("Cache-Control") not in (IMMUTABLE, A_DAY)


def test_what_went_wrong_is_not_kept(nginx: Nginx) -> None:
    refused = nginx.get("/assets/shop.3f9a1c.js", method="POST", body=b"{}")
    assert (refused.status, refused.headers["Cache-Control"]) == (405, NO_CACHE)


def test_a_browser_that_has_the_file_does_not_get_it_again(nginx: Nginx) -> None:
    first = nginx.get("/assets/shop.3f9a1c.js", {"Accept-Encoding": "gzip"})
    assert first.headers["Content-Encoding"] == "gzip"
    assert first.text == FILES["application/public/assets/shop.3f9a1c.js"]
    assert first.headers["Vary"] == "Accept-Encoding"
    again = nginx.get("/assets/shop.3f9a1c.js", {"Accept-Encoding": "gzip", "If-None-Match": first.headers["ETag"]})
    assert (again.status, again.headers["Cache-Control"]) == (304, IMMUTABLE)


def test_text_is_compressed_for_cloudfront_too(nginx: Nginx) -> None:
    headers = {"Accept-Encoding": "gzip", "Via": "2.0 0123.cloudfront.net (CloudFront)"}
    assert nginx.get("/assets/shop.3f9a1c.js", headers).headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("target", ["/", "/api/products", "/assets/none.js", "/healthz"])
def test_every_answer_has_the_headers_that_are_nginxs_to_set_once(nginx: Nginx, target: str) -> None:
    answer = nginx.get(target)
    assert answer.headers.get_all("Referrer-Policy") == [REFERRER_POLICY]
    assert len(answer.headers.get_all("X-Request-Id", [])) == 1
    assert len(answer.headers["X-Request-Id"]) == 32
    assert answer.headers["Server"] == "nginx"  # and no version


def test_the_load_balancers_headers_are_left_to_it(nginx: Nginx) -> None:
    of_the_load_balancer = {"Strict-Transport-Security", "Content-Security-Policy", "X-Frame-Options"}
    assert not of_the_load_balancer & set(nginx.get("/").headers)


def test_the_application_learns_who_asked_and_never_the_secret(nginx: Nginx) -> None:
    answer = nginx.get("/api/products?page=2", {**LOAD_BALANCER_HEADERS, **SECRETS})
    assert as_seen(answer) == (200, "application/json", "no-store")
    assert '"target": "/api/products?page=2"' in answer.text
    assert '"Host": "shop.example.com"' in answer.text
    assert '"X-Forwarded-For": "198.51.100.7"' in answer.text  # the one that the load balancer saw
    assert '"X-Forwarded-Proto": "https"' in answer.text
    assert LOAD_BALANCER_HEADERS["X-Amzn-Trace-Id"] in answer.text
    assert f'"X-Request-Id": "{answer.headers["X-Request-Id"]}"' in answer.text
    assert "secret" not in answer.text


def test_nobody_but_the_load_balancer_says_who_asked() -> None:
    with running_nginx(FILES, Application(), TRUSTED_PROXIES="10.10.0.0/16") as nginx:
        answer = nginx.get("/api/products", LOAD_BALANCER_HEADERS)
        assert '"X-Forwarded-For": "unix:"' in answer.text


def test_the_log_has_an_object_a_request_and_no_query(nginx: Nginx) -> None:
    answer = nginx.get("/cart?token=secret", {**LOAD_BALANCER_HEADERS, "User-Agent": 'a "quoted" name'})
    assert nginx.logged(answer.headers["X-Request-Id"]) | {"time": "", "seconds": 0} == {
        "time": "",
        "request_id": answer.headers["X-Request-Id"],
        "trace_id": LOAD_BALANCER_HEADERS["X-Amzn-Trace-Id"],
        "client": "198.51.100.7",
        "forwarded_for": LOAD_BALANCER_HEADERS["X-Forwarded-For"],
        "method": "GET",
        "host": "shop.example.com",
        "path": "/cart",
        "status": 200,
        "bytes": len(answer.body),
        "seconds": 0,
        "application_seconds": "",
        "user_agent": 'a "quoted" name',
    }


def test_health_checks_do_not_fill_the_log(nginx: Nginx) -> None:
    answer = nginx.get("/healthz")
    assert answer.status == 200
    assert '"target": "/healthz"' in answer.text  # it is the application that says so
    later = nginx.get("/cart")
    assert nginx.logged(later.headers["X-Request-Id"])["path"] == "/cart"
    assert not nginx.has_logged(answer.headers["X-Request-Id"])


def test_a_server_whose_application_is_down_is_not_healthy() -> None:
    application = Application()
    with running_nginx(FILES, application) as nginx:
        application.shutdown()
        application.server_close()
        assert nginx.get("/healthz").status == 502
        assert nginx.get("/").status == 200


def test_a_connection_that_the_application_has_closed_costs_no_request() -> None:
    application = Application(once=True)
    with running_nginx(FILES, application) as nginx:
        assert [nginx.get("/api/products").status for _ in range(20)] == [200] * 20
        assert application.connections == 20


def test_a_request_that_changes_something_is_never_repeated() -> None:
    application = Application(once=True)
    with running_nginx(FILES, application, broken=ONE_WORKER) as nginx:
        statuses = [nginx.get("/api/orders", method="POST", body=b"{}").status for _ in range(2)]
        assert statuses == [200, 502]


def test_connections_to_the_application_are_kept() -> None:
    application = Application()
    with running_nginx(FILES, application, broken=ONE_WORKER) as nginx:
        assert [nginx.get("/api/products").status for _ in range(20)] == [200] * 20
        assert application.connections == 1


def test_a_body_may_have_eight_megabytes(nginx: Nginx) -> None:
    assert nginx.get("/api/products/1/image", method="PUT", body=bytes(7_000_000)).status == 200
    too_much = {"Content-Length": str(9 * 1024 * 1024)}
    assert nginx.get("/api/products/1/image", too_much, method="PUT").status == 413


def test_without_an_application_nginx_itself_is_the_server(without_application: Nginx) -> None:
    healthy = without_application.get("/healthz")
    assert (healthy.status, healthy.text) == (200, "ok\n")
    assert without_application.get("/api/products").status == 404
    assert without_application.get("/products/3").status == 200


OLD_VERSIONS = [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1]


def with_versions(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # as the load balancer, which does not validate a server's certificate
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")  # else it is the client that refuses what is too old
    context.minimum_version = context.maximum_version = version
    return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("certificates")
    key_and_certificate = ["-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt")]
    algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=server"]
    subprocess.run(["openssl", "req", "-x509", *algorithm, *key_and_certificate], check=True, capture_output=True)
    return str(folder)


@pytest.fixture(scope="module")
def over_tls(certificates: str) -> Iterator[Nginx]:
    with running_nginx(FILES, Application(), TARGET_PROTOCOL="HTTPS", CERTIFICATES=certificates) as running:
        yield running


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_as_new_as_the_load_balancer_speaks_it_is_accepted(over_tls: Nginx, version: ssl.TLSVersion) -> None:
    assert over_tls.get("/healthz", context=with_versions(version)).status == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_tls_that_is_older_is_refused(over_tls: Nginx, version: ssl.TLSVersion) -> None:
    """It is the server that refuses: it answers with an alert (W4)."""
    with pytest.raises(ssl.SSLError, match="ALERT"):
        over_tls.get("/healthz", context=with_versions(version))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_a_server_that_allowed_them_would_be_found_out(certificates: str, version: ssl.TLSVersion) -> None:
    broken = (
        "ssl_protocols TLSv1.2 TLSv1.3;\n        ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;",
        "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;",
    )
    encrypted = {"TARGET_PROTOCOL": "HTTPS", "CERTIFICATES": certificates}
    with running_nginx(FILES, None, broken=broken, **encrypted) as nginx:
        assert nginx.get("/healthz", context=with_versions(version)).status == 200


def test_a_cipher_without_forward_secrecy_is_refused(over_tls: Nginx) -> None:
    context = with_versions(ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("AES128-GCM-SHA256:AES256-SHA:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="ALERT"):
        over_tls.get("/healthz", context=context)


def test_plain_http_gets_nothing_from_a_port_that_speaks_tls(over_tls: Nginx) -> None:
    assert over_tls.get("/healthz").status == 400


AT_ONCE = 48
"""Requests under way in the application of one server."""


@contextmanager
def as_many_as_it_takes(nginx: Nginx, application: Application) -> Iterator[list[Future[Answer]]]:
    """Ask for so many answers at once that the application gets no more, and keep them waiting for the `with` block."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        under_way = [pool.submit(nginx.get, "/api/slow") for _ in range(AT_ONCE)]
        try:
            for _ in under_way:
                assert application.waiting.acquire(timeout=STARTS_WITHIN_SECONDS), "a request has not come through"
            yield under_way
        finally:
            application.released.set()


def test_w7_a_busy_server_says_so_at_once_and_stays_healthy() -> None:
    """Requests that queue would make the health check queue, and the load balancer give up servers that answer."""
    application = Application()
    with running_nginx(FILES, application) as nginx, as_many_as_it_takes(nginx, application) as under_way:
        assert nginx.get("/api/one-too-many").status == 503
        assert nginx.get("/healthz").status == 200
        assert nginx.get("/assets/mark.77ab01.svg").status == 200
        assert not application.waiting.acquire(blocking=False), "what is refused does not reach the application"
        application.released.set()
        assert {each.result().status for each in under_way} == {200}
        assert nginx.get("/api/again").status == 200


def test_w7_the_limit_is_what_refuses() -> None:
    application = Application()
    without = ("limit_conn application 48;", "")
    with (
        running_nginx(FILES, application, broken=without) as nginx,
        as_many_as_it_takes(nginx, application),
    ):
        assert nginx.get("/api/one-more").status == 200
