"""From needs to statements: each action for our resources of the types that it works on, and for no others.

How a statement recognises ours is what `scopes.py` says of the type. Descriptions and lists are not confined: handlers
ask for all to find one, and most of these actions know no resource. They show settings and no data.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from awacs.aws import Action, Condition, Statement, StringEquals, StringEqualsIfExists, StringLike

from generator.deployment_permissions.iam_actions import READING, TAGGING, IamAction, iam_actions, matching
from generator.deployment_permissions.needs import Need, Needs
from generator.deployment_permissions.scopes import MAKERS, SCOPES, TAGS_COME_LATER, Mark, Scope
from generator.errors import UserError
from generator.iam import allow, arn
from generator.naming import PROJECT

READ_SERVICE = ""
"""The key of what is read of all services."""

DESCRIBING = ("Describe", "List")
"""How the names of actions begin that show what there is, for everything at once. What else reads is confined."""

SECRET = frozenset({"s3:ListBucket", "secretsmanager:GetSecretValue"})
"""Actions that read more than descriptions whatever they are called: only what is ours for certain."""

UNTAGGING = ("Delete", "Remove", "Untag")

OUR_TAG = {"aws:ResourceTag/Project": PROJECT}


@dataclass(frozen=True, order=True)
class Intent:
    """What a statement is for: the last part of its Sid."""

    name: str


MAKE, OURS, NEW, TAGS, NAMED, NAME_TAGGED, UNMARKED, ANY = (
    Intent(name) for name in ("Make", "Ours", "New", "Tags", "Named", "NameTagged", "Unmarked", "Any")
)

CONDITIONS: Mapping[Intent, Condition | None] = {
    MAKE: None,
    OURS: Condition(StringEquals(OUR_TAG)),
    # Ours, or not tagged yet: what a creation calls between making a resource and tagging it.
    NEW: Condition(StringEqualsIfExists(OUR_TAG)),
    # Nothing of another project becomes ours, and nothing of ours another project's.
    TAGS: Condition(StringEqualsIfExists({**OUR_TAG, "aws:RequestTag/Project": PROJECT})),
    NAMED: None,
    NAME_TAGGED: Condition(StringLike({"aws:ResourceTag/Name": f"{PROJECT}-*"})),
    UNMARKED: None,
    ANY: None,
}


@dataclass
class _Grant:
    """Actions of one service, given in one way for some types of resources."""

    service: str
    intent: Intent
    actions: set[str]
    types: set[str]

    def statement(self, number: int, patterns: Iterable[str]) -> Statement:
        """Return the statement; `number` tells apart those that create something of the same service."""
        forms = [each for name in sorted(self.types) for each in SCOPES[f"{self.service}:{name}"].arns]
        resources = [arn(each) for each in dict.fromkeys(forms)]
        sid = f"{_pascal(self.service)}{self.intent.name}{number or ''}"
        return allow(sid, actions(_compact(self.actions, patterns)), resources or ["*"], CONDITIONS[self.intent])


def generic_statements(needs: Needs) -> dict[str, list[Statement]]:
    """Return the statements by service prefix, those that read descriptions under `READ_SERVICE`.

    Raises `UserError` for an action on types of which `scopes.py` knows none.
    """
    grants: dict[tuple[str, Intent], list[_Grant]] = defaultdict(list)
    reading: set[str] = set()
    touched = _touched(needs)
    for need in sorted(needs.generic, key=_parents):
        action = _first(need)
        if _describes(action):
            reading.add(need.action)
            continue
        for intent, types in _intents(need, action, touched[action.service]):
            _merge(grants[action.service, intent], _Grant(action.service, intent, {action.name}, set(types)))
    statements: dict[str, list[Statement]] = defaultdict(list)
    for (service, _), merged in sorted(grants.items()):
        alone = len(merged) == 1
        statements[service] += [
            grant.statement(0 if alone else n, needs.compacted) for n, grant in enumerate(merged, start=1)
        ]
    statements[READ_SERVICE].append(allow("Describe", actions(_compact(reading, needs.compacted)), ["*"]))
    return dict(statements)


def _describes(action: IamAction) -> bool:
    verb = action.name.partition(":")[2]
    return action.level in READING and verb.startswith(DESCRIBING) and action.name not in SECRET


def _parents(need: Need) -> int:
    """Return how many types of ours an action works inside: what stands in nothing is created first."""
    action = _first(need)
    return sum(f"{action.service}:{name}" in SCOPES for name in action.on)


def _touched(needs: Needs) -> dict[str, set[str]]:
    """Return by service the types that anything is done to but tagging."""
    touched: dict[str, set[str]] = defaultdict(set)
    for action in (*(_first(need) for need in needs.generic), *(iam_actions()[name] for name in needs.by_hand)):
        if action.level not in (TAGGING, *READING):
            touched[action.service].update(action.makes, action.on)
    return touched


def _first(need: Need) -> IamAction:
    """Return what AWS's reference says of an action, of the first one where a wildcard stands for several."""
    return iam_actions()[matching(need.action)[0]]


def _merge(grants: list[_Grant], grant: _Grant) -> None:
    """Add a grant to the first one that it can join without widening either."""
    for other in grants:
        together = other.actions | grant.actions
        if grant.intent != MAKE or not _needs_any(together, other.types | grant.types):
            other.actions |= grant.actions
            other.types |= grant.types
            return
    grants.append(grant)


def _needs_any(names: Iterable[str], made: set[str]) -> bool:
    """Whether one of some actions works inside a resource of these types, which has to be ours, not just any."""
    return any(made.intersection(iam_actions()[name].on) for name in names if name not in MAKERS)


def actions(names: Iterable[str]) -> list[Action]:
    """Return awacs' actions for names such as `ec2:CreateVpc`, in order."""
    return [Action(*name.split(":")) for name in sorted(names)]


def _intents(need: Need, action: IamAction, tagged: set[str]) -> list[tuple[Intent, tuple[str, ...]]]:
    """Return in which ways the action is given, each with the types of resources that it is given for.

    `tagged` are the types that anything else is done to: others need no tags.
    """
    if not action.makes and not action.on:
        return [(ANY, ())]
    makes, on = (action.on, ()) if action.name in MAKERS else (action.makes, action.on)
    found: dict[Intent, list[str]] = defaultdict(list)
    for name in makes:
        if f"{action.service}:{name}" in SCOPES:
            found[MAKE].append(name)
    for name in on:
        scope = SCOPES.get(f"{action.service}:{name}")
        if scope and scope.mark is not Mark.PART and (action.level != TAGGING or name in tagged):
            found[_intent(need, action, scope)].append(name)
    if not found:
        raise UserError(
            f"{action.name}, which {need.callers[0]} calls, works on {', '.join((*makes, *on))}, and"
            " generator/deployment_permissions/scopes.py does not say how ours are recognised: add one of them there"
        )
    return [(intent, tuple(types)) for intent, types in found.items()]


def _intent(need: Need, action: IamAction, scope: Scope) -> Intent:
    """Return in which way an action is given for resources that are there already."""
    verb = action.name.partition(":")[2]
    if scope.mark is Mark.NAME:
        return NAMED
    if scope.mark is Mark.NOTHING:
        return UNMARKED
    if action.level == TAGGING and not verb.startswith(UNTAGGING):
        return TAGS
    if scope.mark is Mark.NAME_TAG:
        return NAME_TAGGED
    if action.name in SECRET:
        return OURS
    unfinished = need.before_tags and action.level == "Write" and not verb.startswith("Create")
    return NEW if unfinished or action.level in READING or action.name in TAGS_COME_LATER else OURS


def _pascal(text: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in text.replace("/", "-").split("-"))


def _compact(names: set[str], patterns: Iterable[str]) -> list[str]:
    """Return the actions, with a pattern in the place of all that it stands for."""
    used = {pattern for pattern in patterns if names.intersection(matching(pattern))}
    used |= {name for name in names if "*" in name}
    covered = {name for pattern in used for name in matching(pattern)}
    return sorted(used | (names - covered))
