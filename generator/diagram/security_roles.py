"""The security page's roles: within which boundary each of them stays, and who may become it."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from generator.diagram import icons, styles
from generator.diagram.facts import Facts, listed, words
from generator.diagram.geometry import Point, Rect
from generator.diagram.page import SMALL, Page, key_of, label
from generator.naming import PROJECT
from generator.resolver import Resource

ROW, TITLE, HEADING, GAP = 100, 34, 30, 10
PITCHES = range(190, 149, -5)
"""Widths for a role that are tried: the widest of those with which the page is lowest is taken."""

ROOTS = ("target_account", "audit_trail")
"""Roots with roles besides the platform."""

CHARACTERS = 27
NO_BOUNDARY = "No boundary"
ACCOUNT = re.compile(r"arn:[\w-]+:iam::(\d+):root")


def draw(page: Page, facts: Facts, others: dict[str, Facts], area: Rect) -> float:
    """Draw a frame for each boundary with the roles and users in it; return where the last one ends."""
    sources = [facts, *(others[name] for name in ROOTS if name in others)]
    inside: dict[str, list[tuple[Facts, Resource]]] = {}
    for source in sources:
        for one in source.all("IAM::Role", "IAM::User"):
            inside.setdefault(_boundary(one), []).append((source, one))
    boundaries = others["boundaries"].all("IAM::ManagedPolicy") if "boundaries" in others else []
    shelf = Rect(area.x + 10, area.y + HEADING, area.width - 20, 0)
    counts = {name: len(members) for name, members in inside.items()}
    pitch = min(PITCHES, key=lambda each: max(rect.bottom for rect in _shelved(counts, each, shelf).values()))
    per_row = int((shelf.width - 20) // pitch)
    places = _shelved(counts, pitch, shelf)
    bottom = max(rect.bottom for rect in places.values()) + GAP
    heading = label(
        "Who may become which role: within a permissions boundary nobody can do more, whatever a policy says"
    )
    page.frame("boundaries", heading, Rect(area.x, area.y, area.width, bottom - area.y), styles.PANEL)
    for name, rect in places.items():
        title = name if name == NO_BOUNDARY else f"Boundary {name.removeprefix(f'{PROJECT}-')}"
        of = [each for each in boundaries if str(each.properties["ManagedPolicyName"]) == name]
        page.frame(f"boundary:{name}", label(title), rect, styles.GROUP, "boundaries", of)
        for place, (source, one) in enumerate(inside[name]):
            x = rect.x + 10 + pitch * (place % per_row) + pitch / 2
            center = Point(x, rect.y + TITLE + 22 + ROW * (place // per_row))
            icon = icons.PERSON if one.type.endswith("User") else icons.ROLE
            text = label(_title(one), *_who(one, source))
            node = f"role:{key_of(one)}"
            page.icon(node, center, icon, text, f"boundary:{name}", _with(source, one), size=SMALL)
    return bottom


def _title(one: Resource) -> str:
    text = words(one.logical_id)
    return text[0].upper() + text[1:]


def _shelved(counts: dict[str, int], pitch: int, shelf: Rect) -> dict[str, Rect]:
    """Return a place for each frame: as wide as its roles need, and beside the one before where there is room."""
    places = {}
    per_row = int((shelf.width - 20) // pitch)
    x, y, row_height = shelf.x, shelf.y, 0.0
    for name in sorted(counts, key=lambda each: (each == NO_BOUNDARY, -counts[each], each)):
        width = 20 + pitch * min(counts[name], per_row)
        if x > shelf.x and x + width > shelf.right:
            x, y = shelf.x, y + row_height + GAP
            row_height = 0
        places[name] = Rect(x, y, width, TITLE + ROW * -(-counts[name] // per_row))
        x, row_height = x + width + GAP, max(row_height, places[name].height)
    return places


def _boundary(one: Resource) -> str:
    return str(one.properties.get("PermissionsBoundary", NO_BOUNDARY)).rsplit("/", 1)[-1]


def _with(facts: Facts, one: Resource) -> list[Resource]:
    return [one, *facts.who_names(one, "IAM::Policy", "IAM::InstanceProfile", "IAM::Group")]


def _who(one: Resource, facts: Facts) -> list[str]:
    """Return who may become a role, in lines."""
    if one.type.endswith("User"):
        return ["becomes operator", "with a second factor"]
    names: list[str] = []
    for statement in one.properties["AssumeRolePolicyDocument"]["Statement"]:
        for kind, values in statement["Principal"].items():
            names += [
                _principal(kind, each, statement, facts) for each in ([values] if isinstance(values, str) else values)
            ]
    return textwrap.wrap(f"for {listed(list(dict.fromkeys(names)))}", CHARACTERS)


def _principal(kind: str, value: str, statement: dict[str, Any], facts: Facts) -> str:
    if kind == "Service":
        return value.removesuffix(".amazonaws.com")
    if kind == "Federated":
        return "the Git host"
    account = ACCOUNT.fullmatch(value)
    if account and account[1] != facts.resolution.account_id:
        roles = re.findall(rf"role/{PROJECT}-([\w-]+)", str(statement.get("Condition", {})))
        return f"{listed(roles)} of tools" if roles else "the tools account"
    conditions = str(statement.get("Condition", {}))
    return "this account, with a second factor" if "MultiFactor" in conditions else "this account"
