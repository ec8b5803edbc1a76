"""`make load`: shoppers keep a rehearsed platform busy while one of its web servers is killed and replaced.

What ends a phase is a number of requests, or what the load balancer and the Auto Scaling group do; never a time.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Protocol

from generator.errors import UserError
from tests.visitors import tools
from tests.visitors.measurements import Attempt, Events, Phase, lost, markdown, never_retried, phases, slices
from tests.visitors.site import Site

SHOPPERS = 8
"""Few enough that the emulator, one process, is not busy all the time: else latencies would be those of its queue."""
WARM_UP, BEFORE, AFTER = 200, 1500, 1500
"""Requests: until connections stand and caches are filled, then measured before the loss, and after it."""
AT_MOST = 10_000
"""Requests in all: where the replacement does not come, the run ends."""
SEED = 20
SHOPPERS_TOOL = "tests.visitors.shoppers"
CHECK_SECONDS = 0.5
"""Between two health checks. As much shorter as it is than on AWS, as much sooner is a loss noticed."""
SLICE_SECONDS = 2.0


class Ground(Protocol):
    """What a load run needs of the rehearsed platform: a place to visit, and power over its web servers."""

    @property
    def site(self) -> Site:
        """Where shoppers find it."""

    @property
    def unhealthy_after(self) -> int:
        """How many failed health checks take a web server out of service."""

    def kill(self) -> None:
        """End one of the web servers at once."""

    def check_health(self) -> None:
        """Let the load balancer look at each web server once, and the Auto Scaling group act on what it found."""

    def noticed(self) -> bool:
        """Whether the load balancer sends nothing to the killed web server any more."""

    def replaced(self) -> bool:
        """Whether as many web servers as there were are in service."""


@dataclass(frozen=True)
class Measured:
    """All that a run has to say."""

    attempts: Sequence[Attempt]
    events: Events

    @property
    def complaints(self) -> list[str]:
        """What must not be: in words, with the first examples."""
        failed = lost(self.attempts)
        found = [f"{len(failed)} requests failed after one retry"] if failed else []
        found += [f"  {attempt.what}: {attempt.error}" for attempt in failed[:3]]
        unknown = never_retried(self.attempts)
        return found + ([f"{unknown} failed requests were not retried"] if unknown else [])

    @property
    def phases(self) -> list[Phase]:
        """What was measured before the loss, during it and after it."""
        return phases(self.attempts, self.events)


def measure(ground: Ground, say: Callable[[str], None]) -> Measured:
    """Let shoppers in, kill a web server while they shop, and return what they met. Raises `UserError`."""
    job = {
        "site": ground.site.as_dict(),
        "shoppers": SHOPPERS,
        "at_most": AT_MOST,
        # A retry comes when the load balancer has had the time to notice: its checks may begin right after the failure.
        "retry_after": ground.unhealthy_after + 1,
        "seed": SEED,
    }
    with tools.started(SHOPPERS_TOOL, job) as process:
        run = _Run(ground, process)
        run.until_requests(WARM_UP)
        begun = time.time()
        run.until_requests(BEFORE)
        say(f"{BEFORE} requests are answered; a web server is killed")
        killed = time.time()
        ground.kill()
        noticed = run.until(ground.noticed, "the load balancer to notice the loss")
        say(f"the load balancer has noticed, {noticed - killed:.1f} s later")
        returned = run.until(ground.replaced, "the replacement to be in service")
        say(f"its replacement is in service, {returned - killed:.1f} s after the loss")
        ended = run.until_requests(AFTER)
        return Measured(run.finished(), Events(begun, killed, noticed, returned, ended))


def draw(measured: Measured, picture: Path) -> None:
    """Draw a run as a picture: latencies and requests per second over time, with what happened."""
    events = measured.events
    series = [asdict(each) for each in slices(measured.attempts, events, SLICE_SECONDS)]
    for each in series:
        # JSON has no number for what was not measured.
        each["latencies"] = [None if math.isnan(value) else value for value in each["latencies"]]
    # The time of the picture begins with the loss.
    marks = {name: at - events.killed for name, at in asdict(events).items()}
    job = {"slices": series, "seconds": SLICE_SECONDS, "marks": marks, "picture": str(picture.resolve())}
    tools.run("tests.visitors.picture", job)


def table(measured: Measured) -> str:
    """Return the run as a table for the documentation."""
    return markdown(measured.phases, machine())


def machine() -> str:
    """Return what a reader must know of this machine to read its figures."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores ({platform.machine()}, {platform.system()}, Python {platform.python_version()})"


class _Run:
    """Shoppers at work: what they have met so far, and the health checks that go on meanwhile."""

    def __init__(self, ground: Ground, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._ground = ground
        self._process = process
        self._attempts: list[Attempt] = []
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()

    def until_requests(self, more: int) -> float:
        """Go on for so many more attempts; return when that was, in seconds since the epoch."""
        wanted = len(self._attempts) + more
        return self.until(lambda: len(self._attempts) >= wanted, f"{more} more requests")

    def until(self, reached: Callable[[], bool], what: str) -> float:
        """Go on until something is reached; return when that was. Raises `UserError` where the shoppers stop before."""
        while not reached():
            if self._process.poll() is not None:
                raise UserError(self._stopped(what))
            self._ground.check_health()
            tools.tell(self._process.stdin, "checked")
            time.sleep(CHECK_SECONDS)
        return time.time()

    def finished(self) -> list[Attempt]:
        """Let the shoppers finish what they are at; return all that they met."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._process.wait() != 0:
            raise UserError(f"the shoppers ended with code {self._process.returncode}; see above")
        self._reader.join()
        return self._attempts

    def _stopped(self, what: str) -> str:
        self._reader.join()
        requests, code = f"{len(self._attempts)} requests ({AT_MOST} are the most)", self._process.returncode
        failed = [f"{attempt.what}: {attempt.error}" for attempt in self._attempts if attempt.failed]
        newest = f"; the last one that failed: {failed[-1]}" if failed else ""
        return f"the shoppers stopped after {requests}, with code {code}, while waiting for {what}{newest}"

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self._attempts.append(Attempt(**json.loads(line)))
