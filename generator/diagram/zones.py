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
    network = facts.all("EC2::VPC")
    vpc = Rect(corner.x, corner.y, vpc_width(len(zones), subnet_width) + aside, zones_height(heights) + 80)
    title = label(f"VPC  {network[0].properties['CidrBlock']}")
    page.frame(network[0].address, title, vpc, styles.VPC, parent, network)
    columns = _draw_zones(page, zones, vpc, vpc.x + aside + MARGIN, subnet_width, network[0].address)
    rows = _rows([tier for tier in LOOKS if tier in {each.tier for each in subnets}], heights, columns)
    for subnet in (each for tier in rows for each in subnets if each.tier == tier):
        row, column = rows[subnet.tier], columns[subnet.zone]
        page.frame(
            subnet.resource.address,
            Label(
                (f"{subnet.tier.capitalize()} subnet",),
                said(facts, subnet) if said else [subnet.cidr, *default_way(facts, subnet)],
            ),
            Rect(column.x, row.y - SUBNET_TITLE, column.width, SUBNET_TITLE + row.height),
            LOOKS[subnet.tier],
            f"zone:{subnet.zone}",
            [subnet.resource],
            solid=solid,
        )
    return Grid(vpc, subnets, columns, rows)


def _draw_zones(
    page: Page, zones: Sequence[str], vpc: Rect, left: float, subnet_width: float, parent: str
) -> dict[str, Rect]:
    """Draw the zones beside one another, and return the room for each one's subnets."""
    columns = {}
    for place, zone in enumerate(zones):
        x = left + place * (subnet_width + 2 * PAD + BETWEEN)
        rect = Rect(x, vpc.y + 50, subnet_width + 2 * PAD, vpc.height - 80)
        page.frame(f"zone:{zone}", label(f"Availability Zone {zone}"), rect, styles.ZONE, parent)
        columns[zone] = Rect(x + PAD, rect.y + ZONE_TITLE, subnet_width, rect.height - ZONE_TITLE - ROW_GAP)
    return columns


def _rows(tiers: Sequence[str], heights: Mapping[str, float], columns: Mapping[str, Rect]) -> dict[str, Rect]:
    """Return where each tier's subnets are in all zones, below their titles."""
    across = list(columns.values())
    left, y = across[0].x, across[0].y
    rows = {}
    for tier in tiers:
        rows[tier] = Rect(left, y + SUBNET_TITLE, across[-1].right - left, heights[tier])
        y += SUBNET_TITLE + heights[tier] + ROW_GAP
    return rows


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
