"""The overview's VPC: what answers requests, what keeps data, and how many of each there may be."""

from __future__ import annotations

from collections.abc import Sequence

from generator.diagram import icons, styles
from generator.diagram.facts import Facts, called, counted
from generator.diagram.fleets import Fleet, bastions, fleets
from generator.diagram.geometry import Point, Rect
from generator.diagram.page import SMALL, Label, Page, label
from generator.diagram.styles import Icon
from generator.diagram.zones import Grid
from generator.resolver import Resource

BALANCER_HEIGHT, LINE_HEIGHT, FLEET_HEIGHT, DATABASE_HEIGHT, FILES_HEIGHT, GAP = 70, 60, 110, 90, 70, 10


def heights(facts: Facts) -> dict[str, float]:
    """Return how high each tier's row must be."""
    found: dict[str, float] = {"public": BALANCER_HEIGHT + GAP + LINE_HEIGHT, "private": 0, "isolated": 0}
    tier = _bastion_tier(facts)
    interface = any(each.properties["VpcEndpointType"] == "Interface" for each in facts.all("EC2::VPCEndpoint"))
    if tier == "public":
        found["public"] += LINE_HEIGHT
    if tier == "private" or interface:
        found["private"] += LINE_HEIGHT + GAP
    found["private"] += len(fleets(facts)) * (FLEET_HEIGHT + GAP)
    found["isolated"] = DATABASE_HEIGHT + FILES_HEIGHT + 2 * GAP
    return found


def draw(page: Page, facts: Facts, grid: Grid) -> None:
    """Draw everything that stands in subnets."""
    _draw_gateway(page, facts, grid)
    _draw_balancer(page, facts, grid)
    _draw_nat(page, facts, grid)
    below = _draw_line_of_access(page, facts, grid)
    for place, fleet in enumerate(fleets(facts)):
        _draw_fleet(page, grid, fleet, below + place * (FLEET_HEIGHT + GAP))
    _draw_databases(page, facts, grid)
    _draw_files(page, facts, grid)
    _draw_gateway_endpoints(page, facts, grid)


def _draw_gateway(page: Page, facts: Facts, grid: Grid) -> None:
    for gateway in facts.all("EC2::InternetGateway"):
        page.icon(
            gateway.address,
            Point(grid.aisle, grid.vpc.y),
            icons.INTERNET_GATEWAY,
            label("Internet gateway"),
            facts.all("EC2::VPC")[0].address,
            [gateway, *facts.who_names(gateway, "EC2::VPCGatewayAttachment")],
            at="right",
            size=44,
            paper=True,
        )


def _draw_balancer(page: Page, facts: Facts, grid: Grid) -> None:
    parent = facts.all("EC2::VPC")[0].address
    for balancer in facts.all("ElasticLoadBalancingV2::LoadBalancer"):
        band = grid.band("public", 0, BALANCER_HEIGHT)
        page.frame(f"{balancer.address}:band", label(""), band, styles.SPANNING, parent)
        listeners = facts.who_names(balancer, "ElasticLoadBalancingV2::Listener")
        targets = facts.all("ElasticLoadBalancingV2::TargetGroup", "ElasticLoadBalancingV2::ListenerRule")
        page.icon(
            balancer.address,
            Point(grid.aisle, band.center.y),
            icons.LOAD_BALANCER,
            label("Application Load Balancer", *(_said(each) for each in listeners)),
            f"{balancer.address}:band",
            [balancer, *listeners, *targets],
            at="right",
        )
        acls = facts.who_names(balancer, "WAFv2::WebACLAssociation")
        for acl in facts.named([each.properties for each in acls], "WAFv2::WebACL"):
            page.icon(
                acl.address,
                Point(grid.aisle + 260, band.center.y),
                icons.WAF,
                label("AWS WAF", counted(len(acl.properties["Rules"]), "rule")),
                f"{balancer.address}:band",
                [acl, *acls, *facts.who_names(acl, "WAFv2::LoggingConfiguration")],
                at="right",
                size=40,
            )


def _said(listener: Resource) -> str:
    properties = listener.properties
    redirected = any(action["Type"] == "redirect" for action in properties["DefaultActions"])
    policy = str(properties.get("SslPolicy", ""))
    detail = ", sent on to HTTPS" if redirected else ", TLS 1.3 and 1.2" if "TLS13-1-2" in policy else ""
    return f"{properties['Protocol']} {properties['Port']}{detail}"


def _draw_nat(page: Page, facts: Facts, grid: Grid) -> None:
    y = grid.rows["public"].y + BALANCER_HEIGHT + GAP + LINE_HEIGHT / 2
    for gateway in facts.all("EC2::NatGateway"):
        subnet = facts.subnet_of(gateway.properties["SubnetId"])
        column = grid.columns[str(subnet.properties["AvailabilityZone"])]
        page.icon(
            gateway.address,
            Point(column.center.x, y),
            icons.NAT_GATEWAY,
            label("NAT gateway", "Elastic IP address"),
            subnet.address,
            [gateway, *facts.named(gateway.properties, "EC2::EIP"), *facts.who_names(gateway, "EC2::Route")],
            at="right",
            size=40,
        )


def _bastion_tier(facts: Facts) -> str:
    subnets = {each.resource.address: each.tier for each in facts.subnets()}
    return next((subnets[facts.subnet_of(each.properties).address] for each in bastions(facts)), "")


def _draw_line_of_access(page: Page, facts: Facts, grid: Grid) -> float:
    """Draw bastion and interface endpoints; return where the fleets begin."""
    tier = _bastion_tier(facts)
    for group in bastions(facts):
        y = grid.rows[tier].bottom - LINE_HEIGHT / 2 - 4 if tier == "public" else grid.rows[tier].y + LINE_HEIGHT / 2
        template = facts.named(group.properties, "EC2::LaunchTemplate")
        kind = template[0].properties["LaunchTemplateData"]["InstanceType"]
        page.icon(
            group.address,
            Point(grid.middle(0), round(y / 10) * 10),
            icons.INSTANCE,
            label("Bastion", kind, f"{group.properties['MaxSize']}, in any zone"),
            grid.cell(tier, 0),
            [group, *template, *facts.who_names(group, "AutoScaling::ScheduledAction")],
            at="right",
            size=40,
        )
    endpoints = [each for each in facts.all("EC2::VPCEndpoint") if each.properties["VpcEndpointType"] == "Interface"]
    if endpoints:
        _draw_interface_endpoints(page, facts, grid, endpoints, whole=tier != "private")
    return LINE_HEIGHT + GAP if endpoints or tier == "private" else 0


def _draw_interface_endpoints(page: Page, facts: Facts, grid: Grid, endpoints: Sequence[Resource], whole: bool) -> None:
    band = grid.band("private", 0, LINE_HEIGHT)
    if not whole:
        left = grid.columns[grid.zones[1]].x + 10
        band = Rect(left, band.y, band.right - left, band.height)
    parent = facts.all("EC2::VPC")[0].address
    page.frame("interface-endpoints:band", label(""), band, styles.SPANNING, parent)
    names = [str(each.properties["ServiceName"]).split(".", 3)[-1] for each in endpoints]
    half = -(-len(names) // 2)
    page.icon(
        "interface-endpoints",
        Point(band.x + 30, band.center.y),
        icons.ENDPOINTS,
        label(counted(len(endpoints), "interface endpoint"), ", ".join(names[:half]), ", ".join(names[half:])),
        "interface-endpoints:band",
        endpoints,
        at="right",
        size=40,
    )


def _draw_fleet(page: Page, grid: Grid, fleet: Fleet, y: float) -> None:
    band = grid.band("private", y, FLEET_HEIGHT)
    parent = next(node.id for node in page.nodes.values() if node.rect == grid.vpc)
    page.frame(fleet.node, label(fleet.title), band, fleet.frame, parent, fleet.of)
    if fleet.note:
        page.text(f"{fleet.node}:note", fleet.note, Point(band.right - 10, band.y + 4), fleet.node, align="right")
    what = "Fargate task" if fleet.icon == icons.FARGATE else "Web server"
    for place in range(len(grid.zones)):
        center = Point(grid.middle(place), band.y + 50)
        page.icon(f"{fleet.node}@{grid.zones[place]}", center, fleet.icon, label(what, fleet.each), fleet.node, size=40)


def _draw_databases(page: Page, facts: Facts, grid: Grid) -> None:
    """Draw the primary in the first zone and the others in the next ones; which zones RDS takes, it decides itself."""
    y = grid.rows["isolated"].y + 30
    every = [entry for instance in facts.all("RDS::DBInstance") for entry in _database(facts, instance)]
    last = len(grid.zones) - 1
    for place, (node, icon, text, of) in enumerate(every):
        zone = min(place, last)
        crowded = zone == last and len(every) > len(grid.zones)
        x = grid.middle(zone) + ((place - zone) * 170 - 100 if crowded else 0)
        page.icon(node, Point(x, y), icon, text, grid.cell("isolated", zone), of, at="right", size=44)


def _database(facts: Facts, instance: Resource) -> list[tuple[str, Icon, Label, list[Resource]]]:
    """Return an instance and its standby, if it has one: node, icon, words and what it stands for."""
    properties = instance.properties
    size = str(properties["DBInstanceClass"])
    if properties.get("SourceDBInstanceIdentifier"):
        return [(instance.address, icons.DATABASE_REPLICA, label("Read replica", size), [instance])]
    storage = f"{properties['AllocatedStorage']} GB {properties['StorageType']}"
    text = label(f"PostgreSQL {properties['EngineVersion']}", size, storage)
    of = [instance, *facts.all("RDS::DBSubnetGroup", "RDS::DBParameterGroup")]
    primary = (instance.address, icons.DATABASE_PRIMARY, text, of)
    if str(properties.get("MultiAZ")).lower() != "true":
        return [primary]
    standby = (f"{instance.address}@standby", icons.DATABASE_STANDBY, label("Standby", "Multi-AZ"), [instance])
    return [primary, standby]


def _draw_files(page: Page, facts: Facts, grid: Grid) -> None:
    for system in facts.all("EFS::FileSystem"):
        band = grid.band("isolated", DATABASE_HEIGHT + GAP, FILES_HEIGHT)
        mode = f"{system.properties['ThroughputMode']} throughput"
        parent = facts.all("EC2::VPC")[0].address
        points = facts.who_names(system, "EFS::AccessPoint")
        title = label(f"Amazon EFS  ·  {called(system, facts.resolution.stack_name)}  ·  {mode}")
        page.frame(system.address, title, band, styles.FILES, parent, [system, *points])
        for target in facts.who_names(system, "EFS::MountTarget"):
            subnet = facts.subnet_of(target.properties["SubnetId"])
            x = grid.columns[str(subnet.properties["AvailabilityZone"])].center.x
            center = Point(x, band.y + 40)
            text = label("", "mount target")
            page.icon(target.address, center, icons.INTERFACE, text, system.address, [target], at="right", size=SMALL)


def _draw_gateway_endpoints(page: Page, facts: Facts, grid: Grid) -> None:
    endpoints = [each for each in facts.all("EC2::VPCEndpoint") if each.properties["VpcEndpointType"] == "Gateway"]
    if not endpoints:
        return
    names = [str(each.properties["ServiceName"]).rsplit(".", 1)[-1] for each in endpoints]
    y = grid.rows["private"].bottom - 70
    page.icon(
        "gateway-endpoints",
        Point(grid.vpc.right, round(y / 10) * 10),
        icons.ENDPOINTS,
        label("Endpoints", *names),
        facts.all("EC2::VPC")[0].address,
        endpoints,
        size=44,
        paper=True,
    )
