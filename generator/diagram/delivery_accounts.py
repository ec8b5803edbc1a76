"""The delivery page's accounts: the roles that the pipeline assumes in each, and the stack that it deploys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from generator.cost.accounts import Account
from generator.diagram import icons, styles
from generator.diagram.facts import Facts, counted, words
from generator.diagram.geometry import Point, Rect
from generator.diagram.page import Page, label
from generator.naming import TOOLS
from generator.resolver import Resource

HEIGHT, WIDTH = 330, 180
ROW = 100


def draw(page: Page, stages: Sequence[Mapping[str, Any]], accounts: Sequence[Account], y: float) -> float:
    """Draw each environment's account below its stage, if it has one; return where they end."""
    first = True
    by_name = {str(stage["Name"]).lower(): stage for stage in stages}
    for account in accounts:
        stage = by_name.get(account.name)
        if account.name == TOOLS or stage is None:
            continue
        column = page.rect(f"stage:{stage['Name']}")
        reviewed = _reviewed(stages, account, page)
        x = (page.rect(f"stage:{reviewed['Name']}").x if reviewed else column.x) - 10
        rect = Rect(x, y, column.right + 10 - x, HEIGHT)
        node = f"account:{account.name}"
        page.frame(node, label(f"Account of {account.name}"), rect, styles.ACCOUNT)
        _draw_account(page, account, stage, Point(column.x + 140, y + 70), node, numbered=first)
        if reviewed:
            _draw_review(page, account, reviewed, Point(rect.x + 150, y + 70), node)
        first = False
    return y + HEIGHT


def _roles(account: Account) -> dict[str, Resource]:
    facts = Facts(next(root.resolution for root in account.roots if root.name == "target_account"))
    return {str(role.properties["RoleName"]): role for role in facts.all("IAM::Role")}


def _named(arn: object, roles: Mapping[str, Resource]) -> Resource:
    return roles[str(arn).rsplit("/", 1)[-1]]


def _draw_account(
    page: Page, account: Account, stage: Mapping[str, Any], center: Point, node: str, numbered: bool
) -> None:
    roles = _roles(account)
    action = next(each for each in stage["Actions"] if each["ActionTypeId"]["Provider"] == "CloudFormation")
    assumed = _named(action["RoleArn"], roles)
    service = _named(action["Configuration"]["RoleArn"], roles)
    x, y = center
    names = {"assumed": assumed, "service": service}
    for place, (name, role) in enumerate(names.items()):
        title = words(role.logical_id).removesuffix(" role")
        place_of = Point(x, y + place * ROW)
        page.icon(
            f"{node}:{name}",
            place_of,
            icons.ROLE,
            label("", title[0].upper() + title[1:], "role"),
            node,
            [role],
            "left",
            44,
        )
    assert account.platform is not None
    facts = Facts(account.platform)
    nested = facts.all("CloudFormation::Stack")
    text = label("", str(action["Configuration"]["StackName"]), counted(len(nested), "nested stack"))
    page.icon(f"{node}:stack", Point(x, y + 2 * ROW), icons.STACK, text, node, nested, "left", 44)
    numbers = (0, 0, 0)
    if numbered:
        numbers = (
            page.explain(
                styles.SECURITY, "Each stage assumes the deployment role of its account: change sets, nothing else"
            ),
            page.explain(styles.SECURITY, "CloudFormation alone may use the role that changes resources"),
            page.explain(
                styles.INK, "The root stack changes its nested stacks; where it or its test fails, it is rolled back"
            ),
        )
    page.connect(f"stage:{stage['Name']}", f"{node}:assumed", styles.PEOPLE, "bottom", "top", x, number=numbers[0])
    page.connect(f"{node}:assumed", f"{node}:service", styles.PEOPLE, "bottom", "top", number=numbers[1])
    page.connect(f"{node}:service", f"{node}:stack", styles.TRAFFIC, "bottom", "top", number=numbers[2])


def _reviewed(stages: Sequence[Mapping[str, Any]], account: Account, page: Page) -> Mapping[str, Any] | None:
    """Return the stage just before an account's own that looks into the account by a role for that."""
    names = [str(stage["Name"]).lower() for stage in stages]
    place = names.index(account.name)
    before = stages[place - 1]
    manual = any(action["ActionTypeId"]["Provider"] == "Manual" for action in before["Actions"])
    return before if manual else None


def _draw_review(page: Page, account: Account, stage: Mapping[str, Any], center: Point, node: str) -> None:
    role = next(each for each in _roles(account).values() if each.logical_id == "ReviewRole")
    page.icon(f"{node}:review", center, icons.ROLE, label("", "Review", "role"), node, [role], "left", 44)
    number = page.explain(
        styles.SECURITY, f"What would change in {account.name} is looked up, and judged before anybody approves"
    )
    page.connect(f"stage:{stage['Name']}", f"{node}:review", styles.PEOPLE, "bottom", "top", center.x, number=number)
