"""What the requirements say of scaling, held against the runs (W7, W8, E12).

The figures here are the requirements' own, never the template's: a template that says something else fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from generator.scaling import traces
from generator.scaling.design import Design
from generator.scaling.events import What
from generator.scaling.facts import MINUTE
from generator.scaling.outcome import noticed, outcome, reversals
from generator.scaling.simulation import Run, simulate
from generator.scaling.traces import Damage

MOST_SERVERS = 3
"""W8: never more than 3 servers in total."""

SUSTAINED, HELP_AT_MOST = 5 * MINUTE, 15 * MINUTE
"""Load counts as sustained after this (W8), and one server more must answer after that."""

RE_EVALUATION, REACTION = 15 * MINUTE, 4 * MINUTE
"""W8: every 15 minutes; and what data, evaluation and an average that still holds a busy minute may add or take."""

NOTICED_ERROR, NOTICED_SILENCE = 20, 25
"""Seconds until nobody is sent to a broken server any more (W7): two checks, and the last one's time limit."""

REPLACED = 10 * MINUTE
"""W7: until its successor answers."""

LOST_IN_A_MINUTE = 1 / 2
"""W7: with two servers, one of them broken, never more of a minute's requests are lost than this."""

LOST_AT_ALL = 0.001
"""Of the requests that servers have the power to answer."""

MARGIN = 5
"""Percentage points that a load is above or below a threshold, to see on which side something happens."""


@dataclass(frozen=True)
class Required:
    """What the requirements say of one environment."""

    minimum: int
    maximum: int
    threshold: float
    """CPU percent."""


REQUIRED: Mapping[str, Required] = MappingProxyType(
    {"dev": Required(1, 2, 70), "staging": Required(2, 3, 80), "prod": Required(2, 3, 80)}
)
"""E12 for dev, W8 for the others. An environment that is not named here is held to what holds for all."""


@dataclass(frozen=True)
class Rehearsed:
    """An environment with all of its runs, by the name of their trace."""

    design: Design
    runs: Mapping[str, Run]


@dataclass(frozen=True)
class Claim:
    """A sentence that must be true, and what speaks against it in an environment."""

    requirements: str
    sentence: str
    against: Callable[[Rehearsed], list[str]]


def rehearse(design: Design) -> Rehearsed:
    """Let every trace run against a design."""
    return Rehearsed(design, {trace.name: simulate(design, trace) for trace in traces.all_traces(design)})


def complaints(rehearsed: Rehearsed) -> dict[str, list[str]]:
    """Return what speaks against each claim, by its sentence; an empty list where it holds."""
    return {claim.sentence: claim.against(rehearsed) for claim in CLAIMS}


def _sizes(rehearsed: Rehearsed) -> list[str]:
    design = rehearsed.design
    required = REQUIRED.get(design.environment, Required(design.minimum, design.maximum, 0))
    found, wanted = (design.minimum, design.maximum), (required.minimum, required.maximum)
    return [] if found == wanted else [f"{found[0]} to {found[1]} servers, not {wanted[0]} to {wanted[1]}"]


def _never_above(rehearsed: Rehearsed) -> list[str]:
    limit = min(rehearsed.design.maximum, MOST_SERVERS)
    return [
        f"{name}: {run.most_members} servers, and {run.most_running} instances"
        for name, run in rehearsed.runs.items()
        # A server that was replaced still drains while its successor starts.
        if run.most_members > limit or run.most_running > limit + 1
    ]


def _threshold(rehearsed: Rehearsed) -> list[str]:
    design = rehearsed.design
    required = REQUIRED.get(design.environment)
    if not required:
        return []
    below, above = (
        simulate(design, traces.constant(design.minimum * percent / 100, 40 * MINUTE))
        for percent in (required.threshold - MARGIN, required.threshold + MARGIN)
    )
    found = [f"{required.threshold - MARGIN} % CPU starts a server"] if below.all(What.SCALE_OUT) else []
    started = above.most_members - design.minimum
    return found + ([f"{required.threshold + MARGIN} % CPU starts {started} servers"] if started != 1 else [])


def _starts(rehearsed: Rehearsed) -> list[str]:
    run = rehearsed.runs["sustained-load"]
    begins, helps = run.trace.begins or 0, outcome(run).helps
    started = [event.at - begins for event in run.all(What.SCALE_OUT)]
    if len(started) != 1 or run.most_members != rehearsed.design.minimum + 1:
        return [f"sustained-load: {run.most_members - rehearsed.design.minimum} servers were started, not one"]
    found = [f"sustained-load: started after {started[0]:.0f} s already"] if started[0] < SUSTAINED else []
    if helps is None or helps > HELP_AT_MOST:
        found.append(f"sustained-load: it answered after {helps} s")
    return found


def _short_bursts(rehearsed: Rehearsed) -> list[str]:
    run = simulate(rehearsed.design, traces.burst(rehearsed.design, SUSTAINED - MINUTE))
    return ["four busy minutes start a server"] if run.all(What.SCALE_OUT) else []


def _goes(rehearsed: Rehearsed) -> list[str]:
    found = []
    for name in ("sustained-load", "flash-crowd", "sustained-overload"):
        gone = outcome(rehearsed.runs[name]).gone
        # Each server above the minimum is a decision of its own.
        rounds = rehearsed.design.maximum - rehearsed.design.minimum
        if gone is None or not RE_EVALUATION - REACTION <= gone <= rounds * (RE_EVALUATION + REACTION):
            found.append(f"{name}: back at the minimum {gone} s after the end of the load")
    return found


def _one_by_one(rehearsed: Rehearsed) -> list[str]:
    found = []
    for name, run in rehearsed.runs.items():
        removals = run.all(What.SCALE_IN)
        for before, after in pairwise(removals):
            if after.at - before.at < RE_EVALUATION:
                found.append(f"{name}: two servers removed within {after.at - before.at:.0f} s")
    return found


def _no_flapping(rehearsed: Rehearsed) -> list[str]:
    return [
        f"{name}: {event.what.value} after {event.at:.0f} s takes back what was just done"
        for name, run in rehearsed.runs.items()
        for event in reversals(run)
    ]


def _steady(rehearsed: Rehearsed) -> list[str]:
    run = rehearsed.runs["steady"]
    return [f"steady: {event.what.value} after {event.at:.0f} s" for event in run.events]


def _safe_to_remove(rehearsed: Rehearsed) -> list[str]:
    limit = rehearsed.design.alarm(+1).threshold / 100
    found = []
    for name, run in rehearsed.runs.items():
        for event in run.all(What.SCALE_IN):
            after = run.minutes[int(event.at // MINUTE) + 1 :][: RE_EVALUATION // MINUTE]
            busiest = max((minute.utilisation for minute in after), default=0.0)
            if busiest >= limit:
                found.append(f"{name}: {busiest:.0%} CPU after a server was removed")
    return found


def _noticed(rehearsed: Rehearsed) -> list[str]:
    found = []
    for run in _damaged(rehearsed):
        seconds = noticed(run)
        limit = NOTICED_ERROR if run.trace.damage is Damage.FAILING_SERVER else NOTICED_SILENCE
        if seconds is None or seconds > limit:
            found.append(f"{run.trace.name}: noticed after {seconds} s")
    return found


def _replaced(rehearsed: Rehearsed) -> list[str]:
    after = {run.trace.name: outcome(run).helps for run in _damaged(rehearsed)}
    return [f"{name}: replaced after {s} s" for name, s in after.items() if s is None or s > REPLACED]


def _slow_bootstrap(rehearsed: Rehearsed) -> list[str]:
    design = rehearsed.design
    run = simulate(design, traces.dead_server(design), bootstrap=design.bootstrap_limit)
    helps = outcome(run).helps
    limit = design.bootstrap_limit + REPLACED / 2
    if helps is None or helps > limit or len(run.all(What.REPLACED, What.REPLACED_ALIVE)) > 1:
        return [f"dead-server: with a bootstrap of {design.bootstrap_limit:.0f} s, replaced after {helps} s"]
    return []


def _goes_on(rehearsed: Rehearsed) -> list[str]:
    if rehearsed.design.minimum < 2:
        return []
    worst = {run.trace.name: max(m.lost / m.arrived for m in run.minutes) for run in _damaged(rehearsed)}
    return [f"{name}: {share:.0%} of a minute lost" for name, share in worst.items() if share > LOST_IN_A_MINUTE]


def _bears(rehearsed: Rehearsed) -> list[str]:
    shares = {name: outcome(rehearsed.runs[name]).lost for name in ("steady", "daily-wave", "sustained-load")}
    return [f"{name}: {share:.2%} of requests lost" for name, share in shares.items() if share > LOST_AT_ALL]


def _overload_kills_nobody(rehearsed: Rehearsed) -> list[str]:
    killed = {name: outcome(run).replaced_alive for name, run in rehearsed.runs.items()}
    return [f"{name}: {count} servers replaced though they answered" for name, count in killed.items() if count]


def _damaged(rehearsed: Rehearsed) -> list[Run]:
    return [run for run in rehearsed.runs.values() if run.trace.damage is not Damage.NONE]


CLAIMS = (
    Claim("W8, E12", "dev has 1 to 2 servers; staging and prod have 2 to 3.", _sizes),
    Claim("W8", "Under no load are there more than 3 servers, nor more than the environment's maximum.", _never_above),
    Claim(
        "W8, E12",
        "CPU above 70 % in dev, 80 % in staging and prod, starts one server; less starts none.",
        _threshold,
    ),
    Claim("W8", "Sustained load starts exactly one server after 5 minutes; it answers within 15.", _starts),
    Claim("W8", "Four busy minutes start none.", _short_bursts),
    Claim("W8", "When the load is over, the extra server goes after 15 minutes, give or take 4.", _goes),
    Claim("W8", "Servers go one by one, 15 minutes apart.", _one_by_one),
    Claim("W8", "No change of the group is taken back within 15 minutes.", _no_flapping),
    Claim("W8", "Under steady load nothing happens.", _steady),
    Claim("W8", "Removing a server never loads the rest so much that it would be started again.", _safe_to_remove),
    Claim("W8", "Load that the group can bear loses no more than one request in a thousand.", _bears),
    Claim("W7", "An erring server gets no requests after 20 seconds, a silent one after 25.", _noticed),
    Claim("W7", "Its successor answers within 10 minutes.", _replaced),
    Claim("W7", "A bootstrap that takes all its ten minutes is not mistaken for a broken server.", _slow_bootstrap),
    Claim("W7", "With two servers, the loss of one never takes more than half of a minute's requests.", _goes_on),
    Claim("W7, W8", "Overload replaces no server that answers.", _overload_kills_nobody),
)
