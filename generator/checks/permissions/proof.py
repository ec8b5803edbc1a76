"""The permission proof: every claim about who may do what, as a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.checks.permissions import acts, escalation
from generator.checks.permissions.decide import decide
from generator.checks.permissions.deployment import deployment_requests
from generator.checks.permissions.documents import EXAMINATIONS, Examination
from generator.checks.permissions.evaluation import Decisions, Request
from generator.checks.permissions.iam_simulate import Simulator
from generator.checks.permissions.worlds import World, worlds
from generator.checks.settings import Setting
from generator.checks.verdict import Verdict
from generator.resolver import Resolution

PROOF = "permissions"

DEPLOYS = "CloudFormation can create, update and delete every resource, as far as AWS's schemas tell what that takes"
STEPS = "Nobody gets another role's rights, by assuming it, handing it on or changing it, but where that is meant"
WAYS = "No chain of steps leads from a machine, a person or a build to a role that delivers"
AGREEMENT = "Two independent evaluators decide every request alike"


@dataclass(frozen=True)
class Question:
    """A claim that certain requests are all allowed, or all refused."""

    sentence: str
    requirements: tuple[str, ...]
    allowed: bool
    asked: Sequence[tuple[World, Request]]


def prove(release: Path, settings: Sequence[tuple[Setting, Resolution]], tools: Path) -> list[Verdict]:
    """Return a verdict for every claim about permissions.

    `tools` is the folder with node and iam-simulate, `.venv-checks`. Raises `UserError` where it lacks them, where the
    release lacks a root, and for an act in the tables that AWS does not have.
    """
    simulator, places = Simulator(tools), worlds(release, settings)
    of_documents = [examined(examination, places) for examination in EXAMINATIONS]
    questions = [*of_tables(places), of_deployment(places, simulator)]
    return of_documents + answers(questions, escalation.steps(places), simulator)


def of_tables(places: Sequence[World], sentences: Sequence[str] = ()) -> list[Question]:
    """Return the questions of the tables of acts: all of them, or those of certain claims."""
    return [
        Question(claim.sentence, claim.requirements, allowed, acts.requests(claim, places))
        for table, allowed in ((acts.FORBIDDEN, False), (acts.NEEDED, True))
        for claim in acts.load(table)
        if not sentences or claim.sentence in sentences
    ]


def of_deployment(places: Sequence[World], simulator: Simulator) -> Question:
    """Return the question whether CloudFormation's role may do what deploying takes."""
    return Question(DEPLOYS, ("C4", "D7", "D9"), True, deployment_requests(places, simulator))


def answers(questions: Sequence[Question], steps: Sequence[escalation.Step], simulator: Simulator) -> list[Verdict]:
    """Decide all requests at once, and return the verdicts."""
    every = [request for question in questions for _, request in question.asked]
    decisions = decide([*every, *(step.request for step in steps)], simulator)
    return [
        *(_of_steps(steps, decisions) if steps else ()),
        *(_answer(question, decisions) for question in questions),
        Verdict(
            PROOF,
            AGREEMENT,
            ("D17",),
            f"iam-simulate and ministack, {len(decisions.of):,} requests",
            tuple(decisions.disagreements),
        ),
    ]


def examined(examination: Examination, places: Sequence[World]) -> Verdict:
    """Return the verdict on a claim about documents."""
    wrong: dict[str, list[str]] = {}
    for world in places:
        for finding in examination.look(world):
            wrong.setdefault(finding, []).append(world.name)
    looked_at = sum(examination.count(world) for world in places)
    evidence = f"{len(places)} settings, {looked_at:,} {examination.counted}"
    return Verdict(PROOF, examination.sentence, examination.requirements, evidence, _counterexamples(wrong))


def _of_steps(steps: Sequence[escalation.Step], decisions: Decisions) -> list[Verdict]:
    settings, tried = {step.world.name for step in steps}, {step.request for step in steps}
    evidence = f"{len(settings)} settings, {len(tried):,} steps tried"
    found = ((STEPS, escalation.not_meant(steps, decisions)), (WAYS, escalation.ways(steps, decisions)))
    return [Verdict(PROOF, sentence, ("D9", "D17"), evidence, _counterexamples(wrong)) for sentence, wrong in found]


def _answer(question: Question, decisions: Decisions) -> Verdict:
    wrong: dict[str, list[str]] = {}
    for world, request in question.asked:
        decision = decisions.of[request]
        if decision.allowed != question.allowed:
            word = "allowed" if decision.allowed else "refused"
            wrong.setdefault(f"{request.text}: {word}: {decision.because}", []).append(world.name)
    settings, requests = {world.name for world, _ in question.asked}, {request for _, request in question.asked}
    evidence = f"{len(settings)} settings, {len(requests):,} requests"
    return Verdict(PROOF, question.sentence, question.requirements, evidence, _counterexamples(wrong))


def _counterexamples(wrong: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return each counterexample with the first setting in which it was found, and in how many others."""
    return tuple(
        f"{names[0]}{f' and {len(set(names)) - 1} more' if len(set(names)) > 1 else ''}: {text}"
        for text, names in wrong.items()
    )
