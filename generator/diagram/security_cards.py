"""The security page's cards: each key with what it encrypts, each firewall with its rules in order."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from generator.diagram import icons, styles
from generator.diagram.facts import Facts, counted, words
from generator.diagram.geometry import Point, Rect
from generator.diagram.page import SMALL, Page, key_of, label
from generator.resolver import Resource

CHARACTERS, LINE, GAP = 78, 12, 10
COUNTED = {
    "AWS::Logs::LogGroup": "log group",
    "AWS::SNS::Topic": "topic",
    "AWS::S3::Bucket": "bucket",
    "AWS::SecretsManager::Secret": "secret",
    "AWS::RDS::DBInstance": "database",
    "AWS::EC2::LaunchTemplate": "launch template",
    "AWS::SSM::Parameter": "parameter",
}
"""What is told by number; all else by name."""

NOT_DATA = (
    "AWS::KMS::Alias",
    "AWS::IAM::Role",
    "AWS::IAM::Policy",
    "AWS::CloudFormation::Stack",
    "AWS::Backup::RestoreTestingSelection",
)
"""What names keys without being encrypted."""


def draw_keys(page: Page, every: Sequence[Facts], area: Rect) -> float:
    """Draw all keys one below the other; return where they end."""
    keys = [(facts, key) for facts in every for key in facts.all("KMS::Key")]
    texts = [textwrap.wrap(_encrypted(facts, key), CHARACTERS) for facts, key in keys]
    heights = [44 + LINE * len(text) for text in texts]
    whole = Rect(area.x, area.y, area.width, 40 + sum(heights) + GAP * len(keys))
    page.frame("keys", label("Which key encrypts what"), whole, styles.PANEL)
    y = area.y + 30
    for (facts, key), lines, height in zip(keys, texts, heights, strict=True):
        node = key_of(key)
        rect = Rect(area.x + 10, y, area.width - 20, height)
        of = [key, *facts.who_names(key, "KMS::Alias")]
        page.frame(node, label(""), rect, styles.CARD, "keys", of)
        title = f"{words(key.logical_id).capitalize()}  ·  {facts.resolution.region}"
        page.icon(f"{node}:icon", Point(rect.x + 26, rect.y + 22), icons.KEY, label(title), node, at="right", size=28)
        if lines:
            page.text(f"{node}:what", lines, Point(rect.x + 46, rect.y + 34), node)
        y += height + GAP
    return whole.bottom


def _encrypted(facts: Facts, key: Resource) -> str:
    """Return what names a key, in words."""
    users = [each for each in facts.resolution.resources.values() if each.type not in NOT_DATA and each != key]
    using = [each for each in users if key in facts.named(each.properties)]
    numbers = {kind: sum(1 for each in using if each.type == kind) for kind in COUNTED}
    parts = [counted(number, COUNTED[kind]) for kind, number in numbers.items() if number]
    parts += [words(each.logical_id) for each in using if each.type not in COUNTED]
    return ", ".join(parts) or "what is copied here from the other region"


def draw_firewalls(page: Page, every: Sequence[Facts | None], area: Rect) -> float:
    """Draw the web ACLs side by side; return where they end."""
    acls = [(facts, acl) for facts in every if facts for acl in facts.all("WAFv2::WebACL")]
    if not acls:
        return area.y
    width = (area.width - GAP * (len(acls) - 1)) / len(acls)
    height = 60 + LINE * max(len(acl.properties["Rules"]) for _, acl in acls) + 14
    for place, (facts, acl) in enumerate(acls):
        node = f"rules:{key_of(acl)}"
        rect = Rect(area.x + place * (width + GAP), area.y, width, height)
        of = [acl, *facts.who_names(acl, "WAFv2::LoggingConfiguration", "WAFv2::WebACLAssociation")]
        page.frame(node, label(""), rect, styles.CARD, of=of)
        before = "CloudFront" if acl.properties["Scope"] == "CLOUDFRONT" else "the load balancer"
        title = label(f"Firewall before {before}", "in this order; what no rule refuses goes on")
        page.icon(f"{node}:icon", Point(rect.x + 30, rect.y + 30), icons.WAF, title, node, at="right", size=SMALL)
        rules = sorted(acl.properties["Rules"], key=lambda rule: int(rule["Priority"]))
        page.text(f"{node}:list", [_rule(rule) for rule in rules], Point(rect.x + 52, rect.y + 56), node)
    return area.y + height


def _rule(rule: dict[str, Any]) -> str:
    statement = rule["Statement"]
    rate = statement.get("RateBasedStatement")
    name = words(str(rule["Name"]))
    if rate:
        minutes = int(rate.get("EvaluationWindowSec", 300)) // 60
        return f"{name}: more than {rate['Limit']} in {minutes} minutes are blocked"
    managed = statement.get("ManagedRuleGroupStatement")
    action = next(iter(rule.get("Action") or rule.get("OverrideAction") or {"": ""})).lower()
    if managed:
        return f"managed by {managed['VendorName']}: {managed['Name']}"
    return f"{name}: {action}"
