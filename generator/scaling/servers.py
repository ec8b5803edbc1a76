"""A web server: it boots, works through a queue, spends CPU credits, and may stop answering."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from generator.scaling import facts
from generator.scaling.design import Design


class State(Enum):
    """What a server does."""

    LAUNCHING = "launching"
    BOOTING = "booting"
    ANSWERING = "answering"
    SILENT = "silent"
    """It takes connections and answers nothing, or takes none: whoever asks waits in vain."""
    FAILING = "failing"
    """It answers at once, with an error."""
    ENDED = "ended"


ERRS_AT_ONCE = frozenset({State.LAUNCHING, State.BOOTING, State.FAILING, State.ENDED})
"""Where nobody waits for the answer that does not come."""


@dataclass(slots=True)
class Server:
    """One web server. Requests are counted in fractions: a second's arrivals are shared out as a fluid."""

    number: int
    zone: int
    design: Design
    launched: float
    state: State = State.LAUNCHING
    in_service_since: float | None = None
    """When Auto Scaling called it InService: warm-up and grace begin."""
    warm_up: float = 0.0
    """Seconds from then until it counts."""
    credits: float = 0.0
    overdrawn: float = 0.0
    """Surplus credits spent and not yet earned back."""
    queue: deque[tuple[float, float]] = field(default_factory=deque)
    """When requests came, and how many."""
    waiting: float = 0.0
    unanswered: deque[tuple[float, float]] = field(default_factory=deque)
    """Requests that wait for a silent server, until the load balancer gives them up."""
    busy: float = 0.0
    """Seconds of all processors since the last data point."""
    seconds: float = 0.0
    """Seconds since the last data point."""
    last_share: float = 0.0
    """Share of its processors that was busy in the last step."""

    def warm(self, now: float) -> bool:
        """Return whether its warm-up is over, so that it counts as capacity and in the group's metrics."""
        return self.in_service_since is not None and now - self.in_service_since >= self.warm_up

    @property
    def speed(self) -> float:
        """Requests a second that it can answer now; without credits, what its baseline is enough for."""
        if self.state is not State.ANSWERING:
            return 0.0
        throttled = not self.design.unlimited and self.credits <= 0.0
        return self.design.capacity * (self.design.processors.baseline if throttled else 1.0)

    @property
    def delay(self) -> float:
        """Seconds that a request waits which comes now."""
        return self.waiting / self.speed if self.speed else float("inf")

    def take(self, now: float, requests: float, seconds: float) -> float:
        """Queue the requests of some seconds and return how many had to be refused, though others were answered."""
        room = self.design.most_under_way - self.waiting + self.speed * seconds
        taken = requests if requests < room else max(0.0, room)
        if taken > 0.0:
            self.queue.append((now, taken))
            self.waiting += taken
        return requests - taken

    def work(self, now: float, seconds: float) -> Iterator[tuple[float, float]]:
        """Work for some seconds; yield how long requests waited, and how many they were.

        A request is worked on even when nobody waits for it any more: the application does not know.
        """
        able = self.speed * seconds
        left = able
        while left > 0.0 and self.queue:
            came, requests = self.queue[0]
            done = min(requests, left)
            if done >= requests:
                self.queue.popleft()
            else:
                self.queue[0] = (came, requests - done)
            self.waiting = max(0.0, self.waiting - done) if self.queue else 0.0
            left -= done
            yield max(0.0, now - came), done
        share = (able - left) / (self.design.capacity * seconds)
        self._account(facts.BOOTSTRAP_CPU if self.state is State.BOOTING else share, seconds)

    def _account(self, share: float, seconds: float) -> None:
        """Note how busy the processors were, and what that costs in credits."""
        self.last_share = share
        self.busy += share * seconds
        self.seconds += seconds
        processors = self.design.processors
        if processors.baseline >= 1.0 or self.state is State.ENDED:
            return
        earned = processors.credits_per_hour * seconds / 3600
        balance = self.credits - self.overdrawn + earned - share * processors.vcpus * seconds / 60
        self.credits = min(max(balance, 0.0), processors.credit_limit)
        self.overdrawn = max(-balance, 0.0) if self.design.unlimited else 0.0

    def measured(self) -> float:
        """Return the average CPU utilisation in percent since the last data point, and begin the next one."""
        percent = 100 * self.busy / self.seconds if self.seconds else 0.0
        self.busy = self.seconds = 0.0
        return percent

    def abandon(self) -> float:
        """Return how many requests were in its queue, which is lost with it."""
        lost = self.waiting
        self.queue.clear()
        self.waiting = 0.0
        return lost
