"""The grid of a VPC: a column for each zone, a row for each tier, and in each crossing a subnet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from generator.diagram import styles
from generator.diagram.facts import Facts, Subnet
from generator.diagram.geometry import Point, Rect
from generator.diagram.page import Label, Page, label
from generator.diagram.styles import Frame

LOOKS: Mapping[str, Frame] = {"public": styles.PUBLIC, "private": styles.PRIVATE, "isolated": styles.ISOLATED}
MARGIN, PAD, BETWEEN, ROW_GAP = 30, 10, 20, 20
ZONE_TITLE = 30
SUBNET_TITLE = 60


@dataclass(frozen=True)
class Grid:
    """Where zones and tiers of a VPC are."""

    vpc: Rect
    subnets: Sequence[Subnet]
    columns: Mapping[str, Rect]
    """Each zone's subnets, by the zone."""
    rows: Mapping[str, Rect]
    """Each tier's subnets in all zones, below their titles, by the tier."""

    @property
    def zones(self) -> list[str]:
        """The zones, from left to right."""
        return list(self.columns)

    @property
    def aisle(self) -> float:
        """The middle of the way between the first two zones, on which traffic comes down."""
        return self.columns[self.zones[0]].right + PAD + BETWEEN / 2

    def middle(self, place: int) -> float:
        """Return the middle of a zone's column, counted from the left; from the right where negative."""
        return self.columns[self.zones[place]].center.x

    def in_tier(self, tier: str) -> list[Subnet]:
        """Return the subnets of a tier."""
        return [each for each in self.subnets if each.tier == tier]

    def cell(self, tier: str, place: int) -> str:
        """Return the node of the subnet of a tier in a zone."""
        zone = self.zones[place]
        return next(each.resource.address for each in self.in_tier(tier) if each.zone == zone)

    def band(self, tier: str, y: float, height: float) -> Rect:
        """Return a rectangle through all zones of a tier, at a distance from the end of the titles."""
        row = self.rows[tier]
        return Rect(row.x + 10, row.y + y, row.width - 20, height)


def vpc_width(zones: int, subnet_width: float) -> float:
    """Return how wide a VPC becomes."""
    return 2 * MARGIN + zones * (subnet_width + 2 * PAD) + (zones - 1) * BETWEEN


def zones_height(heights: Mapping[str, float]) -> float:
    """Return how high zones become with these rows."""
    return ZONE_TITLE + sum(heights[tier] + SUBNET_TITLE + ROW_GAP for tier in heights)


def draw_grid(
    page: Page,
    facts: Facts,
    corner: Point,
    subnet_width: float,
    heights: Mapping[str, float],
    parent: str,
    aside: float = 0,
    said: Callable[[Facts, Subnet], list[str]] | None = None,
    solid: bool = False,
) -> Grid:
    """Draw VPC, zones and subnets.

    `heights` are the rows' without titles, by tier; `aside` is room at the left of the zones; `said` gives the lines
    below a subnet's title, which are else its addresses and its way to the internet; `solid` keeps lines out of
    subnets in which they do not begin or end.
    """
    subnets = facts.subnets()
    zones = list(dict.fromkeys(each.zone for each in subnets))
    tiers = [tier for tier in LOOKS if tier in {each.tier for each in subnets}]
    zone_height = zones_height(heights)
    vpc = Rect(corner.x, corner.y, vpc_width(len(zones), subnet_width) + aside, zone_height + 80)
    network = facts.all("EC2::VPC")
    page.frame(
        network[0].address, label(f"VPC  {network[0].properties['CidrBlock']}"), vpc, styles.VPC, parent, network
    )
    columns = {}
    for place, zone in enumerate(zones):
        x = vpc.x + aside + MARGIN + place * (subnet_width + 2 * PAD + BETWEEN)
        rect = Rect(x, vpc.y + 50, subnet_width + 2 * PAD, zone_height)
        page.frame(f"zone:{zone}", label(f"Availability Zone {zone}"), rect, styles.ZONE, network[0].address)
        columns[zone] = Rect(x + PAD, rect.y + ZONE_TITLE, subnet_width, zone_height - ZONE_TITLE - ROW_GAP)
    rows, y = {}, vpc.y + 50 + ZONE_TITLE
    for tier in tiers:
        first, last = columns[zones[0]], columns[zones[-1]]
        title = SUBNET_TITLE
        rows[tier] = Rect(first.x, y + title, last.right - first.x, heights[tier])
        for subnet in (each for each in subnets if each.tier == tier):
            column = columns[subnet.zone]
            rect = Rect(column.x, y, column.width, title + heights[tier])
            lines = said(facts, subnet) if said else [subnet.cidr, *default_way(facts, subnet)]
            page.frame(
                subnet.resource.address,
                Label((f"{tier.capitalize()} subnet",), lines),
                rect,
                LOOKS[tier],
                f"zone:{subnet.zone}",
                [subnet.resource],
                solid=solid,
            )
        y += title + heights[tier] + ROW_GAP
    return Grid(vpc, subnets, columns, rows)


WAYS = {
    "AWS::EC2::InternetGateway": "internet gateway",
    "AWS::EC2::NatGateway": "NAT gateway",
    "AWS::EC2::VPNGateway": "VPN gateway",
}


def default_way(facts: Facts, subnet: Subnet) -> list[str]:
    """Return where a subnet's requests to the internet go, in words; nothing where they go nowhere."""
    return [
        f"{route.properties['DestinationCidrBlock']} → {way_of(facts, subnet, route)}"
        for route in subnet.routes
        if route.properties.get("DestinationCidrBlock") == "0.0.0.0/0"
    ]


def way_of(facts: Facts, subnet: Subnet, route: object) -> str:
    """Return the next hop of a route, in words; a NAT gateway of another zone with its zone."""
    hops = [each for each in facts.named(route.properties) if each.type in WAYS]  # type: ignore[attr-defined]
    if not hops:
        return "local"
    text = WAYS[hops[0].type]
    if hops[0].type.endswith("NatGateway"):
        zone = str(facts.subnet_of(hops[0].properties["SubnetId"]).properties["AvailabilityZone"])
        text += f" in {zone}" if zone != subnet.zone else ""
    return text
