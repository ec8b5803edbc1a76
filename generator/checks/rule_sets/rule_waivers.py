"""Waivers of third-party rules: failures that somebody has looked at, and that a requirement of ours wants.

`params/rule_waivers.yaml` holds them, apart from the waivers of `make impact`: those accept one upgrade and expire;
these state how the platform is meant to be, and stand as long as the requirement does.

    waivers:
      - rule_set: Control Tower
        rule: cloudwatch_log_group_retention_period_check
        resources: [Network/FlowLogGroup, pipeline/BuildLogGroup]   # addresses; of other roots, with the root's name
        requirements: [E15]
        reason: Application and flow logs are kept for one week in every environment.
      - rule_set: cdk-nag
        rule: AwsSolutions-IAM5
        resources: [Storage/UseStorage]
        findings: ["Resource::<StorageReleaseBucket.Arn>/*"]        # what exactly, where a rule says; or all
        where: {EnvironmentName: [dev]}                             # only with these values of the root's parameters
        requirements: [W2]
        reason: The objects of a release are named by whoever publishes it.

An address may end in a pattern, `Network/PublicAcl*`; the stack or root is always named. In a finding, `{Region}`,
`{AccountId}` and the name of any parameter, `{EnvironmentName}`, stand for their values. Every address, finding and
value of a waiver must apply to a failure: one that applies to none is a failure itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from generator.checks.rule_sets.evaluations import Evaluation
from generator.checks.rule_sets.subjects import Subject
from generator.checks.waiver_files import key_of, read_entries

REQUIRED = ("rule_set", "rule", "resources", "requirements", "reason")
OPTIONAL = ("findings", "where")

ALL = "all"
"""Written in the place of findings: whatever the rule finds in the resource."""

SHORTEST_REASON = 20
"""Characters that a reason has at least; "false positive" is none."""

REQUIREMENT = re.compile(r"[WDEC]\d{1,2}")
ADDRESS = re.compile(r"\w+(/\w+)*/[\w*]*\w[\w*]*")
"""A stack or root, and a resource in it, whose name may be a pattern but not `*` alone."""


@dataclass(frozen=True)
class RuleWaiver:
    """One accepted kind of failure. `key` says where it stands in the file: `waivers[0]`."""

    key: str
    rule_set: str
    rule: str
    resources: tuple[str, ...]
    requirements: tuple[str, ...]
    reason: str
    findings: tuple[str, ...] = ()
    """What exactly may fail; empty for rules that find one thing, `ALL` alone for all things."""
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values of parameters under which the failure is accepted; empty for all."""

    def covers(self, rule_set: str, failure: Evaluation, subject: Subject) -> bool:
        """Whether this waiver accepts a failure in a subject."""
        return (
            (rule_set, failure.rule) == (self.rule_set, self.rule)
            and any(fnmatchcase(failure.address, pattern) for pattern in self.resources)
            and self._accepts(failure.finding, subject)
            and all(subject.parameters.get(name) in values for name, values in self.where.items())
        )

    def unused(self, covered: Sequence[tuple[Evaluation, Subject]]) -> Iterator[str]:
        """Yield each address, finding and value that applies to none of the failures that this waiver covers."""
        for pattern in self.resources:
            if not any(fnmatchcase(failure.address, pattern) for failure, _ in covered):
                yield f"resource {pattern}"
        for finding in self.findings:
            if finding != ALL and not any(each.finding == subject.expanded(finding) for each, subject in covered):
                yield f"finding {finding}"
        for name, values in self.where.items():
            for value in values:
                if not any(subject.parameters.get(name) == value for _, subject in covered):
                    yield f"{name} {value}"

    def _accepts(self, finding: str, subject: Subject) -> bool:
        if not finding or self.findings == (ALL,):
            return bool(finding) == bool(self.findings)
        return finding in map(subject.expanded, self.findings)


def load(path: Path, rule_sets: Collection[str]) -> list[RuleWaiver]:
    """Return the waivers of a file; `rule_sets` are the names that may stand in it.

    Raises `UserError` naming file and key, with all that is wrong.
    """
    entries = read_entries(path, lambda entry: _problems(entry, rule_sets))
    return [
        RuleWaiver(
            key=key_of(number),
            rule_set=entry["rule_set"],
            rule=entry["rule"],
            resources=tuple(entry["resources"]),
            requirements=tuple(entry["requirements"]),
            reason=entry["reason"].strip(),
            findings=(ALL,) if entry.get("findings") == ALL else tuple(entry.get("findings", ())),
            where={name: tuple(values) for name, values in entry.get("where", {}).items()},
        )
        for number, entry in enumerate(entries)
    ]


def _problems(entry: Any, rule_sets: Collection[str]) -> list[str]:
    keys = (*REQUIRED, *OPTIONAL)
    if not isinstance(entry, Mapping):
        return [f"must have the keys {', '.join(REQUIRED)}"]
    problems = [f"{key} is unknown; allowed: {', '.join(keys)}" for key in entry if key not in keys]
    problems += [f"{key} is missing" for key in REQUIRED if key not in entry]
    if problems:
        return problems
    lists = {key: entry[key] for key in ("resources", "requirements", "findings") if entry.get(key, ALL) != ALL}
    problems += [
        f"{key}: must be a list of text that is not empty" for key, value in lists.items() if not _is_list(value)
    ]
    where = entry.get("where", {"": [""]})
    if not isinstance(where, Mapping) or not where or not all(_is_list(values) for values in where.values()):
        problems.append("where: must map parameters to lists of values in quotes, as in {EnvironmentName: [dev]}")
    return problems or _problems_of_content(entry, rule_sets)


def _problems_of_content(entry: Mapping[str, Any], rule_sets: Collection[str]) -> list[str]:
    problems = []
    if entry["rule_set"] not in rule_sets:
        problems.append(f"rule_set: {entry['rule_set']!r} is none; allowed: {', '.join(rule_sets)}")
    if not isinstance(entry["rule"], str):
        problems.append("rule: must be a rule's name, as the rule set calls it")
    problems += [
        f"resources: {address!r} must name a stack or root and a resource, as in Network/PublicAcl*"
        for address in entry["resources"]
        if not ADDRESS.fullmatch(address)
    ]
    problems += [
        f"requirements: {name!r} is none; write ids such as E15"
        for name in entry["requirements"]
        if not REQUIREMENT.fullmatch(name)
    ]
    if not isinstance(entry["reason"], str) or len(entry["reason"].strip()) < SHORTEST_REASON:
        problems.append(f"reason: must say in {SHORTEST_REASON} characters or more why we want it so")
    return problems


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
