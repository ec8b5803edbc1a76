"""The rounds in which ECS's time passes: health checks first, then a round of the emulator's ECS.

While a deployment is under way, rounds follow one another by themselves, so that CloudFormation need not wait.
Who wants to look at a deployment stage by stage holds an account, and makes the rounds one by one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from generator.errors import UserError
from generator.rehearsal.container_attendant import ContainerAttendant
from generator.rehearsal.emulator_tasks import grant_round, handled_rounds

POLL_SECONDS = 0.02
LONGEST_SECONDS = 120.0


class Rounds:
    """The rounds of some accounts. `check_targets` lets the load balancers of one check their targets once.

    `on_failure` is told why rounds do not follow one another any more.
    """

    def __init__(
        self,
        directory: Path,
        attendant: ContainerAttendant,
        account_ids: Collection[str],
        check_targets: Callable[[str], None],
        on_failure: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._attendant = attendant
        self._check_targets, self._on_failure = check_targets, on_failure
        self._locks = {each: threading.RLock() for each in account_ids}
        self._held: set[str] = set()
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._follow, args=(each,), name="rounds", daemon=True) for each in account_ids
        ]

    def start(self) -> None:
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        self._ending.set()
        for each in self._threads:
            if each.ident is not None:
                each.join()

    def round(self, account_id: str) -> None:
        """Make one round in an account: containers and targets are checked, then ECS looks at its services.

        What starts may take its time: none passes for ECS meanwhile. Raises `UserError` where it takes too long, or
        where ECS does not get through with the round.
        """
        with self._locks[account_id]:
            if not self._wait("tasks do not start", lambda: self._attendant.has_started(account_id)):
                return
            self._attendant.check_health(account_id)
            self._check_targets(account_id)
            number = grant_round(self._directory, account_id)
            over = self._wait("ECS stands still", lambda: handled_rounds(self._directory, account_id) >= number)
            if over:
                self._attendant.forget_stopped(account_id)

    def _wait(self, failure: str, happened: Callable[[], bool]) -> bool:
        """Wait until something has happened; return whether it has, or all is coming to its end."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while not happened():
            if self._ending.is_set():
                return False
            if time.monotonic() > deadline:
                raise UserError(f"In a round of the rehearsal, {failure} for {LONGEST_SECONDS:.0f} seconds.")
            time.sleep(POLL_SECONDS)
        return True

    @contextmanager
    def held(self, account_id: str) -> Iterator[None]:
        """Let no round be made in an account by itself, for the time of a `with` block."""
        with self._locks[account_id]:  # one that is under way ends first
            self._held.add(account_id)
        try:
            yield
        finally:
            self._held.discard(account_id)

    def _follow(self, account_id: str) -> None:
        while not self._ending.wait(POLL_SECONDS):
            try:
                with self._locks[account_id]:
                    if account_id not in self._held and self._attendant.is_deploying(account_id):
                        self.round(account_id)
            except Exception as error:  # whatever it is, a deployment must not stand still in silence
                self._on_failure(f"{type(error).__name__}: {error}")
                return
