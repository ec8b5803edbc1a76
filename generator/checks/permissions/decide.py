"""Deciding many requests by both evaluators."""

from __future__ import annotations

from collections.abc import Iterable

from generator.checks.permissions import second_opinion
from generator.checks.permissions.evaluation import Decisions, Request
from generator.checks.permissions.iam_simulate import Simulator


def decide(requests: Iterable[Request], simulator: Simulator) -> Decisions:
    """Decide requests, each once. Raises `UserError` for a request that AWS does not have."""
    distinct = list(dict.fromkeys(requests))
    decisions = Decisions()
    for request, answer in zip(distinct, simulator.answers(distinct), strict=True):
        decisions.of[request] = answer.decision
        if second_opinion.allows(request, answer.ignored) != answer.decision.allowed:
            said = "allows" if answer.decision.allowed else "refuses"
            decisions.disagreements.append(f"{request.text}: iam-simulate {said} it, ministack does not agree")
    return decisions
