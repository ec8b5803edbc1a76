"""What a proof says of a claim: whether it holds, what was looked at, and what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """Whether one security claim holds of a release, in every setting that was looked at."""

    proof: str
    """The part of `make check` that says so, such as `exposure`."""
    claim: str
    """One sentence, such as `Web servers accept the load balancer alone`."""
    requirements: tuple[str, ...]
    """Ids of the requirements that the claim serves, such as `W1`."""
    evidence: str
    """How much was looked at, in numbers: `15 settings, 2,310 flows`."""
    counterexamples: tuple[str, ...] = ()
    """What breaks the claim, each one concrete: a packet with the rules that let it through, a request with the
    statement that allows it, a resource with the rule that fails. Empty where the claim holds."""

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the claim."""
        return not self.counterexamples
