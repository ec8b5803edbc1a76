"""Visits the platform as a customer does: the home page, what it needs, the health check and the interface.

Runs as a canary of CloudWatch Synthetics, and anywhere else: it needs the standard library and these variables.
ADDRESS             where the platform answers, such as https://shop.example.com/
API_PATH            a path of the application's interface that answers JSON, or empty where no application is released
VERIFY_CERTIFICATE  true, or false where the platform has a self-signed certificate
The first thing that a customer would not put up with ends the visit with an exception, whose text says what it was.
"""

import json
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from urllib.parse import urljoin

SLOW_SECONDS = 10.0
USER_AGENT = "Mozilla/5.0 (compatible; web-platform-canary)"  # AWS WAF's common rules refuse a request without one
ASSET = re.compile(r"""(?:src|href)=["'](/assets/[^"']+)["']""")


class Answer:
    """What the platform answered."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, seconds: float) -> None:
        self.status, self.headers, self.body, self.seconds = status, headers, body, seconds

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A page that sends visitors elsewhere is not the page."""

    def redirect_request(self, *_: object) -> None:
        return None


class Visitor:
    """Asks one platform for one thing after the other, and writes down how long each took."""

    def __init__(self, address: str, verify: bool) -> None:
        self._address = address
        context = ssl.create_default_context()
        if not verify:
            # The load balancer's self-signed certificate (W5): nobody could tell it from another's.
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), NoRedirect())

    def get(self, path: str) -> Answer:
        """Return the answer of 200 to a path, or say what came instead."""
        url = urljoin(self._address, path)
        request = urllib.request.Request(url, headers={"User-Agent": USER_AGENT})
        began = time.monotonic()
        try:
            with self._opener.open(request, timeout=SLOW_SECONDS) as response:
                answer = Answer(response.status, response.headers, response.read(), time.monotonic() - began)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: answered {error.code} instead of 200") from error
        except OSError as error:
            raise RuntimeError(f"{path}: no answer: {error}") from error
        print(f"{path}: {answer.status}, {len(answer.body)} bytes in {answer.seconds:.3f} s")
        require(answer.status == 200, f"{path}: answered {answer.status} instead of 200")
        require(answer.seconds < SLOW_SECONDS, f"{path}: took {answer.seconds:.1f} s")
        return answer


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)


def is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def visit(visitor: Visitor, api_path: str) -> None:
    """Do what a customer's browser does."""
    home = visitor.get("/")
    require("<title>" in home.text, "/: is no page with a title")
    require("no-cache" in home.headers.get("Cache-Control", ""), "/: may be kept by browsers, and become stale")
    for asset in sorted(set(ASSET.findall(home.text))):
        require(bool(visitor.get(asset).body), f"{asset}: is empty")
    require(visitor.get("/healthz").text.strip() == "ok", "/healthz: does not say ok")
    if api_path:
        require(is_json_object(visitor.get(api_path).text), f"{api_path}: is no JSON object")


def handler(event: object, context: object) -> str:
    """Visit once. What is returned is the run's result; an exception fails it."""
    visitor = Visitor(os.environ["ADDRESS"], os.environ["VERIFY_CERTIFICATE"] != "false")
    visit(visitor, os.environ["API_PATH"])
    return "visited"
