"""The tables of acts: what each role and user must never be allowed, and what it needs.

An act is said once, by who does what to what, and becomes requests in every setting: a refusal proves nothing unless
the same machinery allows what the platform lives on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from generator.checks.permissions.evaluation import Policy, Principal, Request, service
from generator.checks.permissions.worlds import World, is_of_the_platform
from generator.errors import UserError

FORBIDDEN = Path(__file__).with_name("forbidden_acts.yaml")
NEEDED = Path(__file__).with_name("needed_acts.yaml")

PLACE = re.compile(r"\{(?P<how>each:|beside:|elsewhere:|ref:|get:|property:|parameter:)?(?P<what>[^{}]+)\}")
"""What stands for something of the setting: `{Storage/LogBucket}` for its ARN, `{each:AWS::IAM::Role}` for each one's.
"""

KEYS = {"who", "but", "does", "to", "where", "through", "public", "if"}

READING = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "s3:GetObject")

PUBLIC = Policy.of(
    "public",
    "resource",
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": [*READING], "Resource": "*"}],
    },
)
"""The policy of a bucket, or a repository of images, that everybody may read."""


@dataclass(frozen=True)
class Act:
    """Who does what to what; each combination is a request."""

    who: tuple[str, ...]
    """Patterns of principals' names, `service:…` for a service of AWS, or a name of `World.extras`."""
    but: tuple[str, ...]
    does: tuple[str, ...]
    to: tuple[str, ...]
    """ARNs with places, such as `{Storage/LogBucket}/some-key`."""
    where: tuple[tuple[str, tuple[str, ...]], ...]
    """Context keys and the values that they may have, each in a request of its own."""
    through: str
    """Address of the VPC endpoint that the calls go through; empty for none."""
    only_with: str
    """Address of the resource without which a setting has no such act; empty for none."""
    public: bool
    """Whether what it is done to lets everybody in, as Amazon's own buckets do."""


@dataclass(frozen=True)
class Claim:
    """A sentence and the acts that it speaks of."""

    sentence: str
    requirements: tuple[str, ...]
    acts: tuple[Act, ...]


def load(table: Path) -> list[Claim]:
    """Return the claims of a table. Raises `UserError` for an act that is not written as acts are."""
    return list(_claims(table, table.read_text(encoding="utf-8")))


def requests(claim: Claim, worlds: Sequence[World]) -> list[tuple[World, Request]]:
    """Return a claim's requests in every setting. Raises `UserError` for an act that is possible in none."""
    found = []
    for act in claim.acts:
        of_act = [(world, request) for world in worlds for request in _requests(act, world)]
        if not of_act:
            raise UserError(
                f"{claim.sentence}: {', '.join(act.does)} by {', '.join(act.who)} to {', '.join(act.to)}:"
                " no setting has such a role and such a resource; correct the names in the table of acts"
            )
        found += of_act
    return found


@cache
def _claims(table: Path, text: str) -> tuple[Claim, ...]:
    claims: list[dict[str, Any]] = yaml.load(text, Loader=yaml.CSafeLoader)
    return tuple(
        Claim(
            claim["claim"],
            tuple(claim["requirements"]),
            tuple(_act(table, claim["claim"], each) for each in claim["acts"]),
        )
        for claim in claims
    )


def _act(table: Path, claim: str, written: Mapping[str, Any]) -> Act:
    if not written.keys() <= KEYS or not {"who", "does", "to"} <= written.keys():
        raise UserError(
            f"{table}: {claim}: {written} is no act; it has who, does, to, and may have but, where, if, through, public"
        )
    where = {key: tuple(_listed(value)) for key, value in written.get("where", {}).items()}
    return Act(
        tuple(_listed(written["who"])),
        tuple(_listed(written.get("but", []))),
        tuple(_listed(written["does"])),
        tuple(_listed(written["to"])),
        tuple(where.items()),
        written.get("through", ""),
        written.get("if", ""),
        bool(written.get("public")),
    )


def _requests(act: Act, world: World) -> Iterator[Request]:
    if not all(world.environment.has(address) for address in (act.through, act.only_with) if address):
        return
    endpoint = world.environment.endpoints.get(act.through)
    for caller in _callers(act, world):
        for written in act.to:
            for resource in _filled(written, world, caller):
                for action in act.does:
                    yield from _with_contexts(act, world, caller, action, resource, endpoint)


def _with_contexts(
    act: Act, world: World, caller: Principal, action: str, resource: str, endpoint: Policy | None
) -> Iterator[Request]:
    choices = [
        [(key, filled) for value in values for filled in _filled(value, world, caller)] for key, values in act.where
    ]
    for context in product(*choices):
        request = world.request(caller, action, resource, dict(context), endpoint)
        if act.public:
            request = replace(request, guard=PUBLIC)
        if not ("everybody" in act.who and world.is_out_of_reach(request)):
            yield request


def _callers(act: Act, world: World) -> Iterator[Principal]:
    for pattern in act.who:
        if pattern.startswith("service:"):
            for name in _filled(pattern.removeprefix("service:"), world, None):
                yield service(name)
        elif pattern in world.extras:
            if world.extras[pattern].arn or pattern == "anybody":
                yield world.extras[pattern]
        else:
            for caller in world.principals():
                if _is(caller, pattern) and not any(_is(caller, other) for other in act.but):
                    yield caller


def _is(caller: Principal, pattern: str) -> bool:
    """Return whether a principal is meant: by name, `everybody`, or `platform` for those of the environment itself."""
    if pattern == "platform":
        return is_of_the_platform(caller.name)
    return pattern == "everybody" or fnmatchcase(caller.name, pattern)


def _filled(written: str, world: World, caller: Principal | None) -> Iterator[str]:
    """Yield the text with every place filled; nothing where the setting has no such resource."""
    place = PLACE.search(written)
    if place is None:
        yield written
        return
    for value in world.values(place["how"] or "", place["what"], caller):
        yield from _filled(written[: place.start()] + value + written[place.end() :], world, caller)


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
