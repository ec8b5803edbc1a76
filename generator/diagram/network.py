"""The page `Network`: addresses, routes and network ACLs of every subnet, and all ways into the VPC and out of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from generator.cost.accounts import Account
from generator.diagram import icons, styles
from generator.diagram.facts import EVERYWHERE, Facts, Subnet, counted, days, words
from generator.diagram.fleets import bastions, web_groups
from generator.diagram.geometry import Point, Rect
from generator.diagram.page import SMALL, Label, Page, foot, head, label
from generator.diagram.zones import LOOKS, SUBNET_TITLE, Grid, draw_grid, vpc_width, way_of, zones_height
from generator.resolver import Resource

RESERVED = 5
"""Addresses of a subnet that AWS keeps. https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"""

PROTOCOLS = {"6": "tcp", "17": "udp", "-1": "all"}
WIDTHS = {1: 560, 2: 400, 3: 270}
ACL_WIDTH, OUTSIDE_WIDTH, CHANNEL = 270, 250, 90
LINE = 12
TOP = 80
PEOPLE = 150
"""Room at the left, where there is a VPN device."""

REACHED = {"s3": (icons.BUCKET, "Amazon S3"), "dynamodb": (icons.TABLE, "DynamoDB")}
"""What gateway endpoints there are for. https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html"""

HEIGHTS = {"public": 150, "private": 150, "isolated": 110}


def draw(account: Account, facts: Facts) -> Page:
    """Return the page of an environment."""
    network = facts.all("EC2::VPC")[0]
    subtitle = f"Environment {account.name}  ·  {facts.resolution.region}  ·  VPC {network.properties['CidrBlock']}"
    page = Page("Network", "Network", subtitle)
    zones = len({each.zone for each in facts.subnets()})
    width = vpc_width(zones, WIDTHS[zones]) + ACL_WIDTH
    cloud = Point(30 + (PEOPLE if facts.one("EC2::VPNConnection") else 0), TOP)
    corner = Point(cloud.x + 50, cloud.y + 150)
    outside_x = corner.x + width + CHANNEL
    right = outside_x + OUTSIDE_WIDTH + 20
    head(page, right + 50)
    height = zones_height(HEIGHTS) + 80
    region = Rect(cloud.x + 20, corner.y - 70, right - cloud.x - 20, height + 90)
    whole = Rect(cloud.x, cloud.y, right + 20 - cloud.x, region.bottom + 20 - cloud.y)
    page.frame("cloud", label("AWS Cloud"), whole, styles.CLOUD)
    page.frame("region", label(f"Region {facts.resolution.region}"), region, styles.REGION, "cloud")
    grid = draw_grid(page, facts, corner, WIDTHS[zones], HEIGHTS, "region", ACL_WIDTH, _said, solid=True)
    _draw_internet(page, facts, grid)
    for subnet in facts.subnets():
        _draw_subnet(page, facts, grid, subnet)
    for tier in LOOKS:
        _draw_acl(page, facts, grid, tier)
    _draw_nat_routes(page, facts, grid)
    _draw_outside(page, facts, grid, outside_x)
    _draw_vpn(page, facts, grid)
    foot(page, region.bottom + 50, columns=2)
    return page


def _said(_: Facts, subnet: Subnet) -> list[str]:
    size = ipaddress.ip_network(subnet.cidr).num_addresses - RESERVED
    return [subnet.cidr, f"{size:,} addresses"]


def _draw_internet(page: Page, facts: Facts, grid: Grid) -> None:
    gateway = facts.all("EC2::InternetGateway")[0]
    parent = facts.all("EC2::VPC")[0].address
    of = [gateway, *facts.who_names(gateway, "EC2::VPCGatewayAttachment")]
    center = Point(grid.aisle, grid.vpc.y)
    text = label("Internet gateway")
    page.icon(gateway.address, center, icons.INTERNET_GATEWAY, text, parent, of, "right", 44, paper=True)
    page.icon("internet", Point(grid.aisle, TOP + 30), icons.INTERNET, label("Internet"), "cloud", at="right", size=44)
    number = page.explain(styles.INK, f"{EVERYWHERE} of public subnets goes to the internet gateway")
    page.connect("internet", gateway.address, styles.TRAFFIC, "bottom", "top", number=number)


def _draw_subnet(page: Page, facts: Facts, grid: Grid, subnet: Subnet) -> None:
    column, row = grid.columns[subnet.zone], grid.rows[subnet.tier]
    table = subnet.table
    routes = [_route(facts, subnet, route) for route in subnet.routes]
    endpoints = facts.who_names(table, "EC2::VPCEndpoint")
    routes += [f"{_service(each)} → gateway endpoint" for each in endpoints]
    text = Label((words(table.logical_id).capitalize(),), [f"{_network(facts)} → local", *routes])
    center = Point(column.x + 30, row.y - 2 + text.size[1] / 2)
    of = [table, *subnet.routes, *facts.who_names(subnet.resource, "EC2::SubnetRouteTableAssociation")]
    node = f"{table.address}@{subnet.zone}"
    page.icon(node, center, icons.ROUTE_TABLE, text, subnet.resource.address, of, "right", SMALL)
    y = row.bottom - 30
    for gateway in facts.all("EC2::NatGateway"):
        if subnet.resource in facts.named(gateway.properties, "EC2::Subnet"):
            of = [gateway, *facts.named(gateway.properties, "EC2::EIP")]
            text, at_right = label("", "NAT gateway", "Elastic IP"), Point(column.right - 30, y)
            page.icon(gateway.address, at_right, icons.NAT_GATEWAY, text, subnet.resource.address, of, "left", SMALL)
    for place, (icon, line, resource) in enumerate(_standing(facts, subnet)):
        # In a public subnet a NAT gateway stands at the right: what else is there comes above.
        right, up = (0.0, 50 * place) if subnet.tier == "public" else (column.width // 30 * 10 * place, 0)
        center = Point(column.x + 30 + right, y - up)
        node = f"{resource.address}@{subnet.zone}"
        page.icon(node, center, icon, label("", line), subnet.resource.address, [resource], "right", SMALL)


def _standing(facts: Facts, subnet: Subnet) -> list[tuple[styles.Icon, str, Resource]]:
    """Return what has network interfaces in a subnet: the icon, its words, and what it stands for."""
    found = [(icons.LOAD_BALANCER, "load balancer", each) for each in facts.all("ElasticLoadBalancingV2::LoadBalancer")]
    found += [(icons.SERVER, "servers", each) for each in web_groups(facts)[:1]]
    found += [(icons.FARGATE, "tasks", each) for each in facts.all("ECS::Service")]
    found += [(icons.INSTANCE, "bastion", each) for each in bastions(facts)]
    found += [(icons.DATABASE_PRIMARY, "database", each) for each in facts.all("RDS::DBSubnetGroup")[:1]]
    found += [(icons.INTERFACE, "mount target", each) for each in facts.all("EFS::MountTarget")]
    return [entry for entry in found if subnet.resource in facts.named(entry[2].properties, "EC2::Subnet")]


def _network(facts: Facts) -> str:
    return str(facts.all("EC2::VPC")[0].properties["CidrBlock"])


def _route(facts: Facts, subnet: Subnet, route: Resource) -> str:
    return f"{route.properties['DestinationCidrBlock']} → {way_of(facts, subnet, route)}"


def _service(endpoint: Resource) -> str:
    return str(endpoint.properties["ServiceName"]).split(".", 3)[-1]


def _draw_acl(page: Page, facts: Facts, grid: Grid, tier: str) -> None:
    subnets = grid.in_tier(tier)
    acl = subnets[0].acl
    row = grid.rows[tier]
    top = row.y - SUBNET_TITLE
    rect = Rect(grid.vpc.x + 20, top, ACL_WIDTH - 10, row.bottom - top)
    parent = facts.all("EC2::VPC")[0].address
    entries = facts.who_names(acl, "EC2::NetworkAclEntry")
    associations = facts.who_names(acl, "EC2::SubnetNetworkAclAssociation")
    page.frame(acl.address, Label(), rect, styles.CARD, parent, [acl, *entries, *associations])
    title = label(f"{tier.capitalize()} network ACL")
    page.icon(
        f"{acl.address}:icon",
        Point(rect.x + 26, rect.y + 26),
        icons.NETWORK_ACL,
        title,
        acl.address,
        at="right",
        size=SMALL,
    )
    y = rect.y + 48
    for outwards, heading in ((False, "In"), (True, "Out")):
        rules = [each for each in entries if (each.properties.get("Egress") in (True, "true")) == outwards]
        lines = [_rule(each) for each in sorted(rules, key=lambda each: int(each.properties["RuleNumber"]))]
        page.text(f"{acl.address}:{heading}", [heading], Point(rect.x + 14, y), acl.address, bold=True)
        page.text(f"{acl.address}:{heading}:rules", lines, Point(rect.x + 42, y), acl.address)
        y += LINE * len(lines) + 6


def _rule(entry: Resource) -> str:
    properties = entry.properties
    ports = properties.get("PortRange", {})
    first, last = ports.get("From", ""), ports.get("To", "")
    port = f" {first}" if first == last else f" {first} to {last}"
    way = "to" if properties.get("Egress") in (True, "true") else "from"
    protocol = PROTOCOLS.get(str(properties["Protocol"]), str(properties["Protocol"]))
    return f"{properties['RuleNumber']}  {properties['RuleAction']}  {protocol}{port}  {way} {properties['CidrBlock']}"


def _draw_nat_routes(page: Page, facts: Facts, grid: Grid) -> None:
    gateways = facts.all("EC2::NatGateway")
    internet = facts.all("EC2::InternetGateway")[0].address
    shared = len(gateways) < len(grid.zones)
    many = "the one NAT gateway" if shared else "their zone's NAT gateway"
    first = page.explain(styles.NETWORK, f"{EVERYWHERE} of private subnets goes to {many}")
    second = page.explain(
        styles.NETWORK, "NAT gateways ask the internet with addresses of their own; nobody can ask back"
    )
    line = styles.Line(styles.NETWORK)
    asking = [
        (subnet, gateway)
        for subnet in grid.in_tier("private")
        for route in subnet.routes
        for gateway in facts.named(route.properties, "EC2::NatGateway")
    ]
    for subnet, gateway in asking:
        x = grid.columns[subnet.zone].right - 30
        number = first if subnet == asking[-1][0] else 0
        source = subnet.resource.address
        page.connect(source, gateway.address, line, "top", "bottom", x, number=number, bundle="to nat")
    # From the farthest on, so that the others join its way.
    for place, gateway in enumerate(reversed(gateways)):
        number = 0 if place else second
        page.connect(gateway.address, internet, line, "top", "bottom", number=number, bundle="nat")


def _draw_outside(page: Page, facts: Facts, grid: Grid, x: float) -> None:
    endpoints = facts.all("EC2::VPCEndpoint")
    interfaces = [each for each in endpoints if each.properties["VpcEndpointType"] == "Interface"]
    _draw_gateways(page, facts, grid, [each for each in endpoints if each not in interfaces], x + 40)
    if interfaces:
        y = grid.rows["isolated"].y - 30
        _draw_interfaces(page, facts, grid, interfaces, Rect(x, y, OUTSIDE_WIDTH, 50 + LINE * len(interfaces)))
    for log in facts.all("EC2::FlowLog"):
        groups = facts.named(log.properties, "Logs::LogGroup")
        traffic = str(log.properties["TrafficType"]).lower()
        every = f"every {log.properties['MaxAggregationInterval']} s"
        text = label("VPC flow logs", f"{traffic} traffic, {every}", f"CloudWatch Logs, {days(groups)}")
        place = Point(x + 40, grid.vpc.y + 60)
        page.icon("flow-logs", place, icons.FLOW_LOGS, text, "region", [log, *groups], "right", 44)
        number = page.explain(styles.GREY, "Every connection is noted, whether let through or not")
        network = facts.all("EC2::VPC")[0].address
        page.connect(network, "flow-logs", styles.RELATION, "right", "left", place.y, number=number)


def _draw_gateways(page: Page, facts: Facts, grid: Grid, gateways: Sequence[Resource], x: float) -> None:
    parent = facts.all("EC2::VPC")[0].address
    last = grid.cell("private", -1)
    number = page.explain(
        styles.DATABASE, "Gateway endpoints: these services are reached without the internet, by policy"
    )
    for place, endpoint in enumerate(gateways):
        service = _service(endpoint)
        y = round((grid.rows["private"].y + 10 + place * 90) / 10) * 10
        center = Point(grid.vpc.right, y)
        page.icon(
            endpoint.address, center, icons.ENDPOINTS, label("", service), parent, [endpoint], size=40, paper=True
        )
        icon, title = REACHED[service]
        target = f"outside:{service}"
        page.icon(target, Point(x, y), icon, label(title), "region", at="right", size=44)
        page.connect(last, endpoint.address, styles.DATA, "right", "left", y)
        page.connect(endpoint.address, target, styles.DATA, "right", "left", number=0 if place else number)


def _draw_interfaces(page: Page, facts: Facts, grid: Grid, interfaces: Sequence[Resource], rect: Rect) -> None:
    page.frame("interfaces", label(""), rect, styles.CARD, "region", interfaces)
    title = label(counted(len(interfaces), "interface endpoint"), "with private DNS names")
    page.icon(
        "interfaces:icon", Point(rect.x + 26, rect.y + 26), icons.ENDPOINTS, title, "interfaces", at="right", size=SMALL
    )
    names = [_service(each) for each in interfaces]
    page.text("interfaces:names", names, Point(rect.x + 48, rect.y + 46), "interfaces")
    number = page.explain(
        styles.NETWORK, "Interface endpoints: an address in every private subnet for each of these services"
    )
    y = round(rect.center.y / 10) * 10
    bottom = grid.rows["private"].bottom - 20
    page.connect(
        grid.cell("private", -1), "interfaces", styles.Line(styles.NETWORK), "right", "left", bottom, y, number=number
    )


def _draw_vpn(page: Page, facts: Facts, grid: Grid) -> None:
    for connection in facts.all("EC2::VPNConnection"):
        gateway = facts.named(connection.properties, "EC2::VPNGateway")[0]
        device = facts.named(connection.properties, "EC2::CustomerGateway")[0]
        y = round((grid.rows["public"].bottom + 25) / 10) * 10
        parent = facts.all("EC2::VPC")[0].address
        attachments = facts.who_names(gateway, "EC2::VPCGatewayAttachment")
        text = label("", "VPN|gateway")
        page.icon(
            gateway.address,
            Point(grid.vpc.x, y),
            icons.VPN_GATEWAY,
            label(""),
            parent,
            [gateway, *attachments],
            size=40,
            paper=True,
        )
        of = [device, connection, *facts.who_names(connection, "EC2::VPNConnectionRoute")]
        routes = [
            str(each.properties["DestinationCidrBlock"])
            for each in facts.who_names(connection, "EC2::VPNConnectionRoute")
        ]
        text = label("VPN device", str(device.properties["IpAddress"]), *routes)
        page.icon(device.address, Point(80, y), icons.CUSTOMER_GATEWAY, text, of=of)
        tunnels = len(connection.properties["VpnTunnelOptionsSpecifications"])
        number = page.explain(styles.INK, f"Site-to-site VPN to the office, {counted(tunnels, 'tunnel')}")
        page.connect(device.address, gateway.address, styles.TRAFFIC, "right", "left", number=number)
