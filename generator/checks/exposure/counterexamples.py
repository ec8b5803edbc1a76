"""A broken claim as one concrete packet: where it comes from, where it goes, and which rules decided."""

from __future__ import annotations

from generator.checks.exposure.paths import Path, Spot, Step
from generator.checks.exposure.services import EPHEMERAL, Services, lowest, text

LOWEST_EPHEMERAL = 1024


def let_through(path: Path, excess: Services) -> str:
    """Return the packet of a path that should not arrive, with the rules that let it through."""
    service = lowest(excess)
    port = lowest(path.answered & EPHEMERAL).bit_length() - 1
    rules = [step.deciding(service) for step in path.request]
    client = port if port > 0 else LOWEST_EPHEMERAL
    return f"{_packet(path.source, path.target, client, service)}: let through by {_listed(rules)}"


def dropped(path: Path, needed: Services) -> str | None:
    """Return the packet of a path that should arrive and does not, or whose answer does not; None where all do."""
    for step in path.request:
        missing = needed & ~step.allowed
        if missing:
            return f"{_packet(path.source, path.target, LOWEST_EPHEMERAL, lowest(missing))}: {_drops(step, missing)}"
    for step in path.answer:
        missing = EPHEMERAL & ~step.allowed
        if missing:
            client = lowest(missing).bit_length() - 1
            packet = _packet(path.source, path.target, client, lowest(needed))
            return f"{packet}: the answer to port {client} fails, {_drops(step, missing)}"
    return None


def _packet(source: Spot, target: Spot, client: int, service: Services) -> str:
    return f"{source} from port {client} → {target} {text(service)}"


def _drops(step: Step, missing: Services) -> str:
    denied = step.deciding(lowest(missing))
    reason = f"by {denied}" if denied else f"none of: {_listed([one.address for one in step.decisions])}"
    return f"dropped at {step.where}, {reason}" if step.decisions else f"dropped at {step.where}"


def _listed(rules: list[str]) -> str:
    return ", ".join(dict.fromkeys(rule for rule in rules if rule)) or "nothing at all, no layer stands in between"
