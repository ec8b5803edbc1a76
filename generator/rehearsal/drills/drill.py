"""What a drill works on, and what it says in the end."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from generator.naming import root_stack_name
from generator.rehearsal.application_release import ARCHIVE_KEY
from generator.rehearsal.drills.objectives import Objective
from generator.restore.stack_resources import physical_id

if TYPE_CHECKING:
    from generator.rehearsal.rehearse import Rehearsal
    from generator.rehearsal.requests_scenarios import LiveEnvironment

POLL_SECONDS = 0.05
PAUSE_SECONDS = 0.1
"""Between two looks at what the emulator is at work on."""


VARYING = {
    r"\d\d:\d\d:\d\d UTC": "the moment",
    r"-\d{8}-\d{6}\b": "-time",
    r"web-platform-[\w-]+?-(\w+)-[0-9A-F]{13}\b": r"\1",
    r"\b(?:[0-9a-f]{16}|[0-9a-f]{12})\b": "digest",
}
"""What differs between two drills in the words of a step: times, names that CloudFormation makes, digests."""


@dataclass
class Step:
    """Something that was done, and when: in seconds after the damage, less than 0 for what was before."""

    words: str
    at: float


@dataclass
class Scene:
    """A deployed environment with its application, in which something is to be destroyed.

    `say` is told of each step before it is done.
    """

    rehearsal: Rehearsal
    live: LiveEnvironment
    say: Callable[[str], None]
    steps: list[Step] = field(default_factory=list)
    _damaged: float = 0.0
    _names: dict[str, str] = field(default_factory=dict)
    """Physical ids that steps may name, with their logical ids."""

    @property
    def environment(self) -> str:
        return self.live.names.environment

    @property
    def region(self) -> str:
        return self.rehearsal.accounts.region

    def client(self, service: str) -> Any:
        """Return the client of the account's administrator, who restores."""
        return self.live.service(service)

    def physical_id(self, stack: str, logical_id: str) -> str:
        """Return the physical id of a resource of one of the environment's nested stacks."""
        found = physical_id(self.client("cloudformation"), self.environment, stack, logical_id)
        self._names[found] = logical_id
        return found

    @property
    def archive_key(self) -> str:
        """The key of the application's archive that the environment is to run."""
        stack_name = root_stack_name(self.environment)
        [stack] = self.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
        return next(str(each["ParameterValue"]) for each in stack["Parameters"] if each["ParameterKey"] == ARCHIVE_KEY)

    def step(self, words: str) -> None:
        """Tell what is done next, and remember it in words that are the same in every drill."""
        self.say(words)
        for physical, logical in self._names.items():
            words = words.replace(physical, logical)
        for pattern, meaning in VARYING.items():
            words = re.sub(pattern, meaning, words)
        self.steps.append(Step(words, time.monotonic()))

    def damage(self, words: str) -> datetime:
        """Tell what is destroyed now; return when that is."""
        self.step(words)
        self._damaged = time.monotonic()
        return datetime.now(UTC)

    @property
    def seconds_since_damage(self) -> float:
        return time.monotonic() - self._damaged

    def since_damage(self) -> list[Step]:
        """Return the steps with their times counted from the damage."""
        return [Step(each.words, each.at - self._damaged) for each in self.steps]

    def next_second(self) -> datetime:
        """Wait until a second is over, and return when it was: restores count in seconds."""
        begun = datetime.now(UTC)
        while int(datetime.now(UTC).timestamp()) == int(begun.timestamp()):
            time.sleep(POLL_SECONDS)
        return datetime.fromtimestamp(int(begun.timestamp()) + 1, UTC)


@dataclass(frozen=True)
class Result:
    """What a drill found. `lost` is what is not back and need not be; `complaints` are what must not be."""

    drill: str
    objective: Objective
    destroyed: str
    restored: str
    lost: str
    loss_seconds: float
    """Between the moment that was restored and the damage."""
    seconds: float
    """From the damage until all was back, here."""
    complaints: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.all_complaints

    @property
    def all_complaints(self) -> tuple[str, ...]:
        """All that must not be, the objective's recovery point included."""
        late = self.loss_seconds > self.objective.point
        allowed = f"{self.objective.point} s may be lost, and what was written in {self.loss_seconds:.1f} s is"
        return (*self.complaints, *([allowed] if late else []))


def until(reached: Callable[[], object], seconds: float) -> bool:
    """Wait until something is so; return whether it is, or became so too late."""
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
