"""The page `Security`: who may reach whom, which key encrypts what, who becomes which role, what firewalls refuse."""

from __future__ import annotations

from generator.cost.accounts import Account
from generator.diagram import icons, security_cards, security_roles, styles
from generator.diagram.facts import EVERYWHERE, Facts, listed, words
from generator.diagram.fleets import bastions
from generator.diagram.geometry import Point, Rect
from generator.diagram.page import Page, foot, head, label
from generator.diagram.styles import Icon
from generator.resolver import Resource

LEFT, TOP = 30, 90
BOX, BOX_HEIGHT, PITCH, ROW = 190, 100, 310, 140
OUTSIDE = 210
"""Room for those outside, left of the first column."""

CARDS_WIDTH = 460
STANDING: tuple[tuple[str, Icon, str], ...] = (
    ("ElasticLoadBalancingV2::LoadBalancer", icons.LOAD_BALANCER, "load balancer"),
    ("RDS::DBInstance", icons.DATABASE_PRIMARY, "database"),
    ("EFS::MountTarget", icons.FILE_SYSTEM, "file system"),
    ("EC2::VPCEndpoint", icons.ENDPOINTS, "interface endpoints"),
    ("ECS::Service", icons.FARGATE, "containers"),
    ("EC2::LaunchTemplate", icons.SERVER, "servers"),
)
"""What may have a security group, and how it is drawn."""


def draw(account: Account, facts: Facts) -> Page:
    """Return the page of an environment."""
    others = {root.name: Facts(root.resolution) for root in account.roots}
    page = Page("Security", "Security", f"Environment {account.name}  ·  {facts.resolution.region}")
    layers = _layers(facts)
    groups_width = OUTSIDE + PITCH * max(layers.values()) - (PITCH - BOX) + 30
    head(page, LEFT + groups_width + 30 + CARDS_WIDTH + 30)
    bottom = _draw_groups(page, facts, layers, Rect(LEFT, TOP, groups_width, 0))
    cards_x = LEFT + groups_width + 30
    keys_bottom = security_cards.draw_keys(page, [facts, *_with_keys(others)], Rect(cards_x, TOP, CARDS_WIDTH, 0))
    walls = Rect(LEFT, bottom + 20, groups_width, 0)
    walls_bottom = security_cards.draw_firewalls(page, [others.get("global_edge"), facts], walls)
    y = round(max(keys_bottom, walls_bottom) / 10) * 10 + 20.0
    y = security_roles.draw(page, facts, others, Rect(LEFT, y, page.width - 2 * LEFT, 0))
    foot(page, y + 20)
    return page


def _with_keys(others: dict[str, Facts]) -> list[Facts]:
    return [others[name] for name in ("global_edge", "audit_trail", "recovery_region") if name in others]


def _layers(facts: Facts) -> dict[str, int]:
    """Return the column of every security group: right of all that may ask it."""
    groups = facts.all("EC2::SecurityGroup")
    layers = {group.address: 1 for group in groups}
    for _ in groups:
        for group in groups:
            for sender in _senders(facts, group):
                layers[group.address] = max(layers[group.address], layers[sender.address] + 1)
    return layers


def _rules(facts: Facts, group: Resource) -> list[Resource]:
    every = facts.who_names(group, "EC2::SecurityGroupIngress")
    return [rule for rule in every if facts.named(rule.properties["GroupId"]) == [group]]


def _senders(facts: Facts, group: Resource) -> list[Resource]:
    """Return the other security groups that a group lets in."""
    named = {
        sender.address: sender
        for rule in _rules(facts, group)
        for sender in facts.named(rule.properties.get("SourceSecurityGroupId", ""))
    }
    return [sender for address, sender in sorted(named.items()) if address != group.address]


def _draw_groups(page: Page, facts: Facts, layers: dict[str, int], area: Rect) -> float:
    """Draw security groups in columns with their arrows; return where they end."""
    columns: dict[int, list[Resource]] = {}
    for group in facts.all("EC2::SecurityGroup"):
        columns.setdefault(layers[group.address], []).append(group)
    outside = _outside(facts)
    height = 50 + max(max(len(each) for each in columns.values()) * ROW, len(outside) * ROW)
    frame = Rect(area.x, area.y, area.width, height)
    page.frame("groups", label("Who may reach whom: security groups and their rules"), frame, styles.PANEL)
    for layer, groups in sorted(columns.items()):
        for place, group in enumerate(groups):
            x = area.x + OUTSIDE + (layer - 1) * PITCH
            _draw_group(page, facts, group, Rect(x, area.y + 50 + place * ROW, BOX, BOX_HEIGHT))
    _draw_outside(page, facts, outside, area)
    for group in facts.all("EC2::SecurityGroup"):
        for sender in _senders(facts, group):
            ports = listed(facts.ports(sender, group), "and")
            page.connect(
                sender.address,
                group.address,
                styles.TRAFFIC,
                "right",
                "left",
                *_rows(page, facts, sender, group),
                text=f"tcp {ports}",
            )
    return frame.bottom


def _rows(page: Page, facts: Facts, sender: Resource, group: Resource) -> tuple[float, float]:
    """Return at which heights an arrow leaves and arrives: each of a box's arrows at a height of its own."""
    groups = facts.all("EC2::SecurityGroup")
    targets = [each for each in _from_top(page, groups) if sender in _senders(facts, each)]
    senders = _from_top(page, _senders(facts, group))
    leaving = _height(page.rect(sender.address), targets.index(group), len(targets))
    return leaving, _height(page.rect(group.address), senders.index(sender), len(senders))


def _from_top(page: Page, groups: list[Resource]) -> list[Resource]:
    return sorted(groups, key=lambda group: page.rect(group.address).y)


def _height(rect: Rect, place: int, count: int) -> float:
    return round((rect.y + rect.height * (place + 1) / (count + 1)) / 10) * 10


def _draw_group(page: Page, facts: Facts, group: Resource, rect: Rect) -> None:
    rules = [*_rules(facts, group), *facts.who_names(group, "EC2::SecurityGroupEgress")]
    title = label(words(group.logical_id).capitalize())
    page.frame(group.address, title, rect, styles.GROUP, "groups", [group, *rules], solid=True)
    found = [(icon, text) for kind, icon, text in STANDING if any(_has(facts, each, group) for each in facts.all(kind))]
    lines = [_out(rule) for rule in facts.who_names(group, "EC2::SecurityGroupEgress") if "CidrIp" in rule.properties]
    lines = list(dict.fromkeys(lines)) or ["asks nobody"]
    if not found:
        page.text(
            f"{group.address}:nobody", ["nobody has it in this setting"], Point(rect.x + 10, rect.y + 40), group.address
        )
        return
    icon, text = found[0]
    templates = facts.named([each.properties for each in bastions(facts)], "EC2::LaunchTemplate")
    if any(_has(facts, each, group) for each in templates):
        icon, text = icons.INSTANCE, "bastion"
    center = Point(rect.x + 30, rect.y + 58)
    page.icon(f"{group.address}:icon", center, icon, label("", text, *lines), group.address, at="right", size=36)


def _has(facts: Facts, resource: Resource, group: Resource) -> bool:
    return group in facts.groups_of(resource)


def _out(rule: Resource) -> str:
    return f"asks {rule.properties['CidrIp']}, tcp {rule.properties['FromPort']}"


def _outside(facts: Facts) -> dict[str, list[Resource]]:
    """Return rules that let in somebody outside, by who that is."""
    found: dict[str, list[Resource]] = {}
    for rule in facts.all("EC2::SecurityGroupIngress"):
        if "CidrIp" in rule.properties:
            found.setdefault(str(rule.properties["CidrIp"]), []).append(rule)
        elif "SourcePrefixListId" in rule.properties:
            found.setdefault("CloudFront", []).append(rule)
    return found


def _draw_outside(page: Page, facts: Facts, outside: dict[str, list[Resource]], area: Rect) -> None:
    for place, (who, rules) in enumerate(outside.items()):
        title = "Internet" if who == EVERYWHERE else who if who == "CloudFront" else "Operators"
        icon = {"Internet": icons.INTERNET, "CloudFront": icons.CLOUDFRONT}.get(title, icons.PERSON)
        center = Point(area.x + 60, area.y + 100 + place * ROW)
        page.icon(
            f"outside:{who}",
            center,
            icon,
            label(title, who if who != title else "its own addresses"),
            "groups",
            size=44,
        )
        for group in {
            group.address: group for rule in rules for group in facts.named(rule.properties["GroupId"])
        }.values():
            mine = [rule for rule in rules if group in facts.named(rule.properties["GroupId"])]
            ports = listed(sorted({int(rule.properties["FromPort"]) for rule in mine}), "and")
            page.connect(f"outside:{who}", group.address, styles.TRAFFIC, "right", "left", text=f"tcp {ports}")
