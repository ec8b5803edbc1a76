"""Somebody who asks without a pause while something is deployed, and keeps account of who answered and what failed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self

from generator.errors import UserError
from generator.rehearsal.requests_client import Answer, Client, NoAnswerError

WAIT_SECONDS = 60.0
REQUEST_ID = "x-request-id"
PAUSE_SECONDS = 0.1
"""Between two requests that nobody waits for, so that what is deployed gets on, too."""


@dataclass(frozen=True)
class Asked:
    """One request and what came of it: an answer, or the reason why there was none."""

    answer: Answer | None
    failure: str = ""

    @property
    def request_id(self) -> str:
        """By which logs know the request; nothing where none of the application's programs answered."""
        return self.answer.fact(REQUEST_ID) if self.answer else ""

    def fact(self, name: str) -> str:
        """Return `status`, `body`, or a header of the answer; nothing where there was none."""
        return self.answer.fact(name) if self.answer else ""


class SteadyRequests:
    """Asks for one URL, again and again and one at a time, for the time of a `with` block. Nothing is tried twice."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url
        self._asked: list[Asked] = []
        self._awaited = 0
        self._more = threading.Condition()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="steady requests", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()

    @property
    def asked(self) -> Sequence[Asked]:
        """All requests so far."""
        with self._more:
            return tuple(self._asked)

    @property
    def failed(self) -> Sequence[Asked]:
        """The requests that a visitor would call failed: without an answer, or with a server's error."""
        return [each for each in self.asked if each.failure]

    @property
    def account(self) -> str:
        """How many requests failed, of how many; with the first failure where there is one."""
        failed = self.failed
        why = f" ({failed[0].failure})" if failed else ""
        return f"{len(failed)} of {len(self.asked)} failed{why}"

    def next(self, count: int) -> Sequence[Asked]:
        """Wait for so many requests that begin from now on; return them. Raises `UserError` where they do not come."""
        with self._more:
            first = len(self._asked) + 1  # one is under way
            self._awaited = first + count
            if not self._more.wait_for(lambda: len(self._asked) >= first + count, WAIT_SECONDS):
                raise UserError(f"{self._url}: fewer than {count} requests were answered in {WAIT_SECONDS:.0f} seconds")
            return tuple(self._asked[first : first + count])

    def _ask(self) -> None:
        while not self._ending.wait(PAUSE_SECONDS if len(self._asked) >= self._awaited else 0):
            try:
                answer = self._client.send("GET", self._url)
                failed = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
                asked = Asked(answer, f"answered {answer.status}" if failed else "")
            except NoAnswerError as error:
                asked = Asked(None, str(error))
            with self._more:
                self._asked.append(asked)
                self._more.notify_all()
