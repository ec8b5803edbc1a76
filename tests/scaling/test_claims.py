"""The claims hold for the release in every environment, and each of them fails once what it protects is broken."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from generator.scaling import traces
from generator.scaling.claims import CLAIMS, RE_EVALUATION, Rehearsed
from generator.scaling.events import What
from generator.scaling.simulation import simulate
from tests.releases import Edit, Templates
from tests.scaling.designs import BUSY, GROUP, LAUNCH, QUIET, TARGETS, edited, in_script, put

SENTENCES = [claim.sentence for claim in CLAIMS]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_holds_in_every_environment(sentence: str, rehearsals: list[Rehearsed]) -> None:
    [claim] = [claim for claim in CLAIMS if claim.sentence == sentence]
    assert {each.design.environment: claim.against(each) for each in rehearsals} == {
        each.design.environment: [] for each in rehearsals
    }


class Mutation(NamedTuple):
    """A way to break the template, the beginning of the claim that fails, and the traces that show it."""

    name: str
    edits: tuple[Edit, ...]
    claim: str
    traces: tuple[str, ...] = ()
    environment: str = "prod"


def remove_step(templates: Templates) -> None:
    """Removing servers by steps, as often as the alarm says so: once a minute."""
    templates["web_tier"]["Resources"]["RemoveOneServer"]["Properties"] = {
        "AutoScalingGroupName": {"Ref": "WebServerGroup"},
        "PolicyType": "StepScaling",
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"ScalingAdjustment": -1, "MetricIntervalUpperBound": 0}],
    }


def add_two(templates: Templates) -> None:
    policy = templates["web_tier"]["Resources"]["AddOneServer"]["Properties"]
    policy["StepAdjustments"][0]["ScalingAdjustment"] = 2


LIMIT = "limit_conn application"
PLATEAUS = ("sustained-load", "flash-crowd", "sustained-overload")
MUTATIONS = [
    Mutation("four servers", (put(GROUP, "MaxSize", "4"),), "Under no load", ("sustained-overload",)),
    Mutation("four servers", (put(GROUP, "MaxSize", "4"),), "dev has 1 to 2"),
    Mutation("one server less", (put(GROUP, "MinSize", "1"),), "dev has 1 to 2"),
    Mutation("three servers in dev", (put(GROUP, "MaxSize", "3"),), "dev has 1 to 2", environment="dev"),
    Mutation("a threshold of 70 % in prod", (put(BUSY, "Threshold", 70),), "CPU above 70 %"),
    Mutation("a threshold of 90 %", (put(BUSY, "Threshold", 90),), "CPU above 70 %"),
    Mutation("a threshold of 80 % in dev", (put(BUSY, "Threshold", 80),), "CPU above 70 %", environment="dev"),
    Mutation("two servers at once", (put(GROUP, "MinSize", "1"), add_two), "CPU above 70 %"),
    Mutation(
        "busy for three minutes", (put(BUSY, "EvaluationPeriods", 3), put(BUSY, "DatapointsToAlarm", 3)), "Four busy"
    ),
    Mutation("any three of five minutes", (put(BUSY, "DatapointsToAlarm", 3),), "Four busy"),
    Mutation(
        "busy for twenty minutes",
        (put(BUSY, "EvaluationPeriods", 20), put(BUSY, "DatapointsToAlarm", 20)),
        "Sustained load starts",
        ("sustained-load",),
    ),
    Mutation(
        "data every five minutes",
        (put(LAUNCH, "LaunchTemplateData.Monitoring.Enabled", False),),
        "Sustained load starts",
        ("sustained-load",),
    ),
    Mutation(
        "no credits to overdraw",
        (put(LAUNCH, "LaunchTemplateData.CreditSpecification", {"CpuCredits": "standard"}),),
        "Load that the group can bear",
        ("steady", "daily-wave", "sustained-load"),
    ),
    Mutation(
        "nobody is removed",
        (put(QUIET, "Threshold", 1),),
        "When the load is over",
        PLATEAUS,
    ),
    Mutation(
        "quiet for five minutes",
        (put(QUIET, "EvaluationPeriods", 1), put(QUIET, "DatapointsToAlarm", 1)),
        "When the load is over",
        PLATEAUS,
    ),
    Mutation("steps that repeat", (put(GROUP, "MinSize", "1"), remove_step), "Servers go one by one", ("flash-crowd",)),
    Mutation(
        "removed as soon as it is idle",
        (put(QUIET, "EvaluationPeriods", 1), put(QUIET, "DatapointsToAlarm", 1), put(QUIET, "Threshold", 75)),
        "No change of the group",
        ("sustained-load",),
    ),
    Mutation(
        "a lower threshold within reach", (put(QUIET, "Threshold", 70),), "Removing a server", ("sustained-load",)
    ),
    Mutation("started by any load", (put(BUSY, "Threshold", 50),), "Under steady load", ("steady",)),
    Mutation(
        "checked every minute", (put(TARGETS, "HealthCheckIntervalSeconds", 60),), "An erring server", ("dead-server",)
    ),
    Mutation("ten checks", (put(TARGETS, "UnhealthyThresholdCount", 10),), "An erring server", ("failing-server",)),
    Mutation(
        "instances that run are healthy", (put(GROUP, "HealthCheckType", "EC2"),), "Its successor", ("dead-server",)
    ),
    Mutation(
        "ten checks until healthy", (put(TARGETS, "HealthyThresholdCount", 60),), "Its successor", ("dead-server",)
    ),
    Mutation("a minute of grace", (put(GROUP, "HealthCheckGracePeriod", 60),), "A bootstrap"),
    Mutation(
        "one server alone", (put(TARGETS, "HealthCheckIntervalSeconds", 60),), "With two servers", ("failing-server",)
    ),
    Mutation(
        "no limit of requests",
        (in_script(LIMIT, "limit_conn_log_level error; #"),),
        "Overload replaces",
        ("flash-crowd",),
    ),
]


@pytest.mark.parametrize(
    "mutation", MUTATIONS, ids=[f"{number}: {one.name}: {one.claim}" for number, one in enumerate(MUTATIONS)]
)
def test_fails_on_a_broken_template(mutation: Mutation, tmp_path: Path) -> None:
    design = edited(tmp_path, *mutation.edits, environment=mutation.environment)
    wanted = [trace for trace in traces.all_traces(design) if trace.name in mutation.traces]
    assert len(wanted) == len(mutation.traces)
    rehearsed = Rehearsed(design, {trace.name: simulate(design, trace) for trace in wanted})
    [claim] = [claim for claim in CLAIMS if claim.sentence.startswith(mutation.claim)]
    assert claim.against(rehearsed) != []


def test_every_claim_is_broken_once() -> None:
    unbroken = [s for s in SENTENCES if not any(s.startswith(mutation.claim) for mutation in MUTATIONS)]
    assert unbroken == []


def test_two_extra_servers_go_one_by_one(tmp_path: Path) -> None:
    """No environment has a minimum of 1 and a maximum of 3 today, but the settings allow it."""
    design = edited(tmp_path, put(GROUP, "MinSize", "1"))
    run = simulate(design, traces.flash_crowd(design))
    removals = [event.at for event in run.all(What.SCALE_IN)]
    assert len(removals) == 2
    assert removals[1] - removals[0] >= RE_EVALUATION
