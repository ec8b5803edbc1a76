"""`python -m tests.visitors.shoppers`: shoppers who browse, look at products and fill carts, many at once (locust).

The first line of standard input is the job: `site`, `shoppers` (how many), `at_most` (requests), `retry_after` (health
checks), `seed`. Each further line says that the load balancer has looked at its targets once more; where the input
ends, the shoppers go home. Every attempt is a line of JSON on standard output.
"""

from __future__ import annotations

import locust  # isort: skip  # First: it replaces blocking functions by those of gevent, before others keep them.

import itertools
import json
import random
import re
import sys
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent.event import Event
from gevent.fileobject import FileObject
from locust.env import Environment
from locust.exception import StopUser
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from tests.visitors.site import LOOPBACK, Site

ASSET = re.compile(r'(?:src|href)="(/assets/[^"]+)"')
THINKING_SECONDS = (0.1, 0.5)
"""How long a shopper looks at what was answered. People take far longer: a few of these stand for many of those."""
FOUND = frozenset({HTTPStatus.OK})
CHANGED = frozenset({HTTPStatus.OK, HTTPStatus.PRECONDITION_FAILED})
LOOK_SECONDS = 1.0
ANSWER_SECONDS = 10.0
"""How long a shopper waits for an answer."""


class Loopback(HTTPAdapter):
    """Connects to this machine whatever the name, and verifies the certificate for the name all the same."""

    def __init__(self, site: Site) -> None:
        self._site = site
        super().__init__()

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """Return where a connection leads to, and what is special about it."""
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        name = pool["server_hostname"] = host["host"]
        return {**host, "host": LOOPBACK, "port": self._site.ports[name]}, pool

    def send(self, request: PreparedRequest, *arguments: Any, **options: Any) -> Response:
        """Send a request under the name that was asked for."""
        assert isinstance(request.url, str)
        request.headers["Host"] = urlsplit(request.url).netloc
        return super().send(request, *arguments, **options)


class HealthChecks:
    """The load balancer's looks at its targets, for who wants to wait for some."""

    def __init__(self) -> None:
        self._done = 0
        self._another = Event()

    def add(self) -> None:
        """Say that it has looked once more."""
        self._done += 1
        self._another.set()
        self._another = Event()

    def wait_for(self, more: int) -> None:
        """Wait until it has looked so many times more."""
        until = self._done + more
        while self._done < until:
            self._another.wait()


@dataclass
class Shop:
    """What all shoppers share."""

    site: Site
    retry_after: int
    at_most: int
    seeds: Iterator[int]
    checks: HealthChecks = field(default_factory=HealthChecks)
    closed: Event = field(default_factory=Event)
    attempts: int = 0

    def tell(
        self,
        request_type: str,
        name: str,
        start_time: float,
        response_time: float,
        exception: Exception | None,
        response: Response,
        context: dict[str, Any],
        **_: Any,
    ) -> None:
        """Write down an attempt of which Locust tells, and close the shop after so many."""
        attempt = {
            "at": start_time,
            "seconds": response_time / 1000,
            "what": f"{request_type} {name}",
            "status": response.status_code,
            "error": str(exception or ""),
            "number": context["number"],
        }
        sys.stdout.write(json.dumps(attempt) + "\n")
        sys.stdout.flush()
        self.attempts += 1
        if self.attempts >= self.at_most:
            self.closed.set()


class Shopper(locust.HttpUser):
    """Somebody with a browser, a session of their own, and the patience to try once more."""

    abstract = True
    host = "https://shop.invalid"  # Locust wants one; every request names its own.
    wait_time = locust.between(*THINKING_SECONDS)
    shop: Shop

    def on_start(self) -> None:
        """Come in."""
        self.client.mount("https://", Loopback(self.shop.site))
        self.client.verify = self.shop.site.certificates
        self.client.trust_env = False
        self.random = random.Random(next(self.shop.seeds))
        self.products: list[dict[str, Any]] = []

    @locust.task(4)
    def open_the_website(self) -> None:
        """Read the start page and all that it asks for, as a browser without a cache does."""
        page = self._website("/", "page").text
        for asset in sorted(set(ASSET.findall(page))):
            self._website(asset, "asset")
        self.products = self._application("GET", "/api/products").json()["products"]

    @locust.task(3)
    def look_at_a_product(self) -> None:
        """Read about a product and look at its picture."""
        product = self._one_of_the_products()
        self._application("GET", f"/api/products/{product['id']}", "/api/products/<id>")
        self._application("GET", product["image"], "/product-images/<name>")

    @locust.task(3)
    def fill_the_cart(self) -> None:
        """Put something into the cart, and find it there, whichever server is asked."""
        wanted = {str(self._one_of_the_products()["id"]): self.random.randint(1, 3)}
        before = self._application("GET", "/api/cart")
        # Where the answer to the first attempt was lost, the retry is told that the cart has changed. It has.
        options = {"json": {"quantities": wanted}, "headers": {"If-Match": before.headers["ETag"]}}
        self._application("PUT", "/api/cart", statuses=CHANGED, **options)
        self._application("GET", "/api/cart", accept=lambda answer: answer.json()["quantities"] == wanted)

    @locust.task(1)
    def ask_for_health(self) -> None:
        """Do what an outside monitor does."""
        self._application("GET", "/healthz")

    def _one_of_the_products(self) -> dict[str, Any]:
        if not self.products:
            self.open_the_website()
        return self.random.choice(self.products)

    def _website(self, path: str, name: str) -> Response:
        return self._ask("GET", f"{self.shop.site.website}{path}", name)

    def _application(self, method: str, path: str, name: str = "", **options: Any) -> Response:
        return self._ask(method, f"{self.shop.site.application}{path}", name or path, **options)

    def _ask(self, method: str, url: str, name: str, **options: Any) -> Response:
        """Return the answer to a request, or to its retry. Who gets no good answer then goes home."""
        answer = self._attempt(1, method, url, name, **options)
        if answer is None:
            self.shop.checks.wait_for(self.shop.retry_after)
            answer = self._attempt(2, method, url, name, **options)
        if answer is None:
            raise StopUser
        return answer

    def _attempt(
        self,
        number: int,
        method: str,
        url: str,
        name: str,
        statuses: Container[int] = FOUND,
        accept: Callable[[Response], bool] = bool,
        **options: Any,
    ) -> Response | None:
        options |= {"timeout": ANSWER_SECONDS, "allow_redirects": False, "context": {"number": number}}
        with self.client.request(method, url, name, catch_response=True, **options) as answer:
            if answer.status_code not in statuses:
                answer.failure(f"{answer.status_code} {answer.error or answer.reason}")
                return None
            if answer.ok and not accept(answer):
                answer.failure("not the content that it should have")
                return None
            answer.success()
            return answer


def main() -> None:
    """Let them shop until the input ends, there were enough requests, or nobody is left."""
    lines = FileObject(sys.stdin.buffer, "r")
    job = json.loads(lines.readline())
    shop = Shop(Site(**job["site"]), job["retry_after"], job["at_most"], itertools.count(job["seed"]))

    def listen() -> None:
        for _ in lines:
            shop.checks.add()
        shop.closed.set()

    environment = Environment(user_classes=[type("ShopperHere", (Shopper,), {"abstract": False, "shop": shop})])
    environment.stop_timeout = ANSWER_SECONDS
    environment.events.request.add_listener(shop.tell)
    runner = environment.create_local_runner()
    runner.start(job["shoppers"], spawn_rate=job["shoppers"])
    runner.spawning_greenlet.join()
    gevent.spawn(listen)
    # Where all have gone home, nobody would ever close the shop.
    while not shop.closed.wait(LOOK_SECONDS) and runner.user_count:
        pass
    runner.quit()


if __name__ == "__main__":
    main()
