"""What a rule set says: which rule looked at which resource, and with what result."""

from __future__ import annotations

from dataclasses import dataclass


class ToolError(Exception):
    """A tool that crashed, is another version than we pinned, or said something that cannot be read."""


@dataclass(frozen=True)
class Evaluation:
    """One rule applied to one resource, or, where the tool counts so, to one template as a whole."""

    rule: str
    """As the tool calls it: `CKV_AWS_16`."""
    subject: str
    """Name of the subject that was looked at."""
    address: str
    """The resource; empty where a rule speaks of the template as a whole."""
    passed: bool
    finding: str = ""
    """What exactly fails, where a rule can find several things in one resource: `Resource::*`."""
    message: str = ""
    """What a failed rule demands."""


@dataclass(frozen=True)
class Outcome:
    """All that one rule set says of all subjects."""

    rule_set: str
    evaluations: tuple[Evaluation, ...]
    defects: tuple[str, ...] = ()
    """Why the rule set's word does not count, as when it crashed or looked at nothing. Empty when all is well."""

    @property
    def failures(self) -> list[Evaluation]:
        """The evaluations that failed."""
        return [evaluation for evaluation in self.evaluations if not evaluation.passed]


def blind_spots(subjects: list[str], evaluations: list[Evaluation]) -> tuple[str, ...]:
    """Return an objection for each subject of which a rule set has evaluated nothing: silence is no praise."""
    seen = {evaluation.subject for evaluation in evaluations}
    return tuple(f"evaluated nothing in {name}" for name in subjects if name not in seen)
