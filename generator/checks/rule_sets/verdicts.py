"""The third-party rule sets as gates: no failure without a waiver, no waiver without a failure, no rule set unheard."""

from __future__ import annotations

import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from generator.checks.rule_sets import cdk_nag, checkov, cloudsplaining, control_tower
from generator.checks.rule_sets.evaluations import Evaluation, Outcome, ToolError, blind_spots
from generator.checks.rule_sets.rule_waivers import RuleWaiver
from generator.checks.rule_sets.subjects import Subject, of_settings
from generator.checks.rule_sets.tool_environment import ToolEnvironment
from generator.checks.settings import Setting
from generator.checks.verdict import Verdict
from generator.progress import Say, silent
from generator.resolver import Resolution

PROOF = "rule sets"

Evaluate = Callable[[ToolEnvironment, Path, Mapping[str, Subject]], list[Evaluation]]


WITHOUT_RULES = frozenset({"AWS::CertificateManager::Certificate"})
"""Types that no general rule set has a rule about."""


def has_rules(subject: Subject) -> bool:
    """Whether a subject has any resource, among those that are judged, that a general rule set could look at."""
    resources = subject.folded.template["Resources"]
    return any(
        resource["Type"] not in WITHOUT_RULES and subject.address(logical_id) not in subject.context
        for logical_id, resource in resources.items()
    )


@dataclass(frozen=True)
class RuleSet:
    """A third-party rule set as one of our gates."""

    name: str
    evaluate: Evaluate
    requirements: tuple[str, ...]
    concerns: Callable[[Subject], bool] = has_rules
    """Whether a subject has anything that the rules could look at; nothing evaluated is an objection only then."""
    in_parts: bool = False
    """Whether the tool uses one core and starts at once, and so is worth a process for every core."""


RULE_SETS = (
    RuleSet(checkov.NAME, checkov.evaluate, ("D14", "D17")),
    RuleSet(control_tower.NAME, control_tower.evaluate, ("D14", "D17"), in_parts=True),
    RuleSet(cdk_nag.NAME, cdk_nag.evaluate, ("D14", "D17", "E4")),
    RuleSet(cloudsplaining.NAME, cloudsplaining.evaluate, ("D9", "D17"), concerns=cloudsplaining.concerns),
)
"""The slowest first, so that no core ends on a long one alone."""


@dataclass(frozen=True)
class Figures:
    """How many evaluations of a rule set passed, failed, and failed but are waived."""

    rule_set: str
    passed: int
    failed: int
    waived: int


def prove(
    settings: Sequence[tuple[Setting, Resolution]],
    others: Sequence[Subject],
    waivers: Sequence[RuleWaiver],
    tools: ToolEnvironment,
    say: Say = silent,
) -> list[Verdict]:
    """Return a verdict of each rule set on the platform in every setting and on the other roots, and one on waivers."""
    subjects = [*of_settings(settings), *others]
    return verdicts(evaluate(subjects, tools, say), subjects, waivers)


def evaluate(subjects: Sequence[Subject], tools: ToolEnvironment, say: Say = silent) -> list[Outcome]:
    """Return what every rule set says of the subjects. They run side by side, on all cores; `say` is told how far."""
    files = {f"template-{number:03}.json": subject for number, subject in enumerate(subjects)}
    with tempfile.TemporaryDirectory(prefix="rule-sets-") as workspace:
        templates = Path(workspace)
        for name, subject in files.items():
            (templates / name).write_text(json.dumps(subject.folded.template, indent=1), encoding="utf-8")
        cores = os.cpu_count() or 1
        with ThreadPoolExecutor(cores) as pool:
            tasks = [
                [pool.submit(_outcome, rule_set, tools, templates, part) for part in _parts(files, parts)]
                for rule_set in RULE_SETS
                for parts in [cores if rule_set.in_parts else 1]
            ]
            runs = [part for parts in tasks for part in parts]
            for done, _ in enumerate(as_completed(runs), 1):
                say(f"rule sets of others: {done} of {len(runs)} runs have ended")
            outcomes = [[part.result() for part in parts] for parts in tasks]
    return [_together(parts, [subject.name for subject in subjects]) for parts in outcomes]


def verdicts(outcomes: Sequence[Outcome], subjects: Sequence[Subject], waivers: Sequence[RuleWaiver]) -> list[Verdict]:
    """Return the verdict on each rule set's word, and the one on waivers."""
    by_name = {subject.name: subject for subject in subjects}
    judged = [
        _verdict(rule_set, outcome, by_name, waivers) for rule_set, outcome in zip(RULE_SETS, outcomes, strict=True)
    ]
    stale = [
        f"{waiver.key} ({waiver.rule_set} {waiver.rule}): no failure of {part}; remove it"
        for waiver in waivers
        for part in waiver.unused(list(_covered(waiver, outcomes, by_name)))
    ]
    claim = "Every waiver of a rule still applies to a failure"
    return [*judged, Verdict(PROOF, claim, ("D14", "D17"), f"{len(waivers)} waivers", tuple(stale))]


def figures(outcomes: Sequence[Outcome], subject: Subject, waivers: Sequence[RuleWaiver]) -> list[Figures]:
    """Return the figures of one subject, to be read beside those of other people's templates."""
    found = []
    for outcome in outcomes:
        of_subject = [each for each in outcome.evaluations if each.subject == subject.name]
        failures = [each for each in of_subject if not each.passed]
        waived = [each for each in failures if _waived(outcome.rule_set, each, subject, waivers)]
        passed, failed = len(of_subject) - len(failures), len(failures) - len(waived)
        found.append(Figures(outcome.rule_set, passed, failed, len(waived)))
    return found


def _parts(files: Mapping[str, Subject], count: int) -> Iterator[dict[str, Subject]]:
    items = list(files.items())
    for number in range(min(count, len(items))):
        yield dict(items[number::count])


def _outcome(rule_set: RuleSet, tools: ToolEnvironment, templates: Path, subjects: Mapping[str, Subject]) -> Outcome:
    """Return what one rule set says; a tool that fails says so in words."""
    try:
        evaluations = rule_set.evaluate(tools, templates, subjects)
    except ToolError as error:
        return Outcome(rule_set.name, (), (str(error),))
    context = {subject.name: subject.context for subject in subjects.values()}
    judged = [each for each in evaluations if each.address not in context[each.subject]]
    concerned = [subject.name for subject in subjects.values() if rule_set.concerns(subject)]
    return Outcome(rule_set.name, tuple(judged), blind_spots(concerned, evaluations))


def _together(parts: Sequence[Outcome], subjects: Sequence[str]) -> Outcome:
    """Return what the parts of a rule set's run say together, in the order of the subjects."""
    order = {subject: number for number, subject in enumerate(subjects)}
    evaluations = sorted((each for part in parts for each in part.evaluations), key=lambda each: order[each.subject])
    defects = dict.fromkeys(defect for part in parts for defect in part.defects)
    return Outcome(parts[0].rule_set, tuple(evaluations), tuple(defects))


def _verdict(
    rule_set: RuleSet, outcome: Outcome, subjects: Mapping[str, Subject], waivers: Sequence[RuleWaiver]
) -> Verdict:
    unwaived = [
        failure
        for failure in outcome.failures
        if not _waived(outcome.rule_set, failure, subjects[failure.subject], waivers)
    ]
    rules = {evaluation.rule for evaluation in outcome.evaluations}
    seen = {evaluation.subject for evaluation in outcome.evaluations}
    evidence = (
        f"{len(outcome.evaluations):,} evaluations of {len(rules)} rules over {len(seen)} templates; "
        f"{len(outcome.failures) - len(unwaived):,} waived"
    )
    objections = [f"{outcome.rule_set} {defect}" for defect in outcome.defects]
    return Verdict(
        PROOF,
        f"{outcome.rule_set} finds nothing but what a requirement wants",
        rule_set.requirements,
        evidence,
        (*objections, *_in_words(unwaived)),
    )


def _in_words(failures: Sequence[Evaluation]) -> list[str]:
    """Return one line for each rule and resource, with the settings in which it fails."""
    subjects: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for failure in failures:
        what = (failure.rule, failure.address, failure.finding, failure.message)
        subjects[what].append(failure.subject)
    lines = []
    for (rule, address, finding, message), names in sorted(subjects.items()):
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        found = f" [{finding}]" if finding else ""
        lines.append(f"{rule} fails for {address or 'the template'}{found} in {names[0]}{others}: {message}")
    return lines


def _waived(rule_set: str, failure: Evaluation, subject: Subject, waivers: Sequence[RuleWaiver]) -> bool:
    return any(waiver.covers(rule_set, failure, subject) for waiver in waivers)


def _covered(
    waiver: RuleWaiver, outcomes: Sequence[Outcome], subjects: Mapping[str, Subject]
) -> Iterator[tuple[Evaluation, Subject]]:
    """Yield the failures that a waiver covers, each with its subject."""
    for outcome in outcomes:
        for failure in outcome.failures:
            if waiver.covers(outcome.rule_set, failure, subjects[failure.subject]):
                yield failure, subjects[failure.subject]
