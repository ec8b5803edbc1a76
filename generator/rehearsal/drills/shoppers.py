"""Visitors of a drill: somebody with a cart, and a stream of people who browse while something happens."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from generator.rehearsal.requests_client import Answer, NoAnswerError
from generator.rehearsal.requests_scenarios import JSON, SERVER_ERROR, LiveEnvironment

CART = "/api/cart"
PATHS = ("/healthz", "/api/products", CART, "/")


class Shopper:
    """Somebody who puts something into a cart, and looks for it later."""

    def __init__(self, live: LiveEnvironment) -> None:
        self._live = live
        self._cookie = ""
        self.chosen: Mapping[str, int] = {}

    def fill(self, **quantities: int) -> Self:
        """Put products into a new cart, by their ids (`_1=2`). Raises `NoAnswerError` where that is refused."""
        self.chosen = {name.removeprefix("_"): count for name, count in quantities.items()}
        answer = self._send("PUT", {"If-Match": '"0"', **JSON}, json.dumps({"quantities": self.chosen}))
        if answer.status >= 400:
            raise NoAnswerError(f"PUT {CART}: answered {answer.status}: {answer.text}")
        self._cookie = answer.fact("set-cookie").partition(";")[0]
        return self

    @property
    def has_cart(self) -> bool:
        """Whether the cart is what was put into it."""
        try:
            answer = self._send("GET", {})
        except NoAnswerError:
            return False
        return answer.status == 200 and json.loads(answer.text)["quantities"] == dict(self.chosen)

    def _send(self, method: str, headers: Mapping[str, str], body: str = "") -> Answer:
        cookie = {"Cookie": self._cookie} if self._cookie else {}
        return self._live.client.send(method, self._live.url("application", CART), {**headers, **cookie}, body)


def get(live: LiveEnvironment, name: str, path: str) -> Answer | None:
    """Return the answer to a request without a cart, or nothing where there is none."""
    try:
        return live.client.send("GET", live.url(name, path))
    except NoAnswerError:
        return None


def products(live: LiveEnvironment) -> set[str] | None:
    """Return the names of the products that visitors are shown; nothing where they are shown an error."""
    answer = get(live, "application", "/api/products")
    if answer is None or answer.status != 200:
        return None
    found: list[dict[str, Any]] = json.loads(answer.text)["products"]
    return {each["name"] for each in found}


class Traffic:
    """People who browse, one request after the other, for the time of a `with` block; each tries once more."""

    def __init__(self, live: LiveEnvironment) -> None:
        self._live = live
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._browse, daemon=True)
        self.sent = self.failed_at_first = self.lost = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()

    def _browse(self) -> None:
        while not self._ending.is_set():
            for path in PATHS:
                self._ask(path)

    def _ask(self, path: str) -> None:
        self.sent += 1
        if self._answered(path):
            return
        self.failed_at_first += 1
        self.lost += not self._answered(path)

    def _answered(self, path: str) -> bool:
        answer = get(self._live, "application", path)
        return answer is not None and answer.status < SERVER_ERROR
