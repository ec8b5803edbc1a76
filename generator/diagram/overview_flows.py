"""The overview's arrows: who asks whom, as listeners, rules of security groups, origins and subscriptions have it."""

from __future__ import annotations

from collections.abc import Iterable

from generator.diagram import icons, styles
from generator.diagram.facts import EVERYWHERE, Facts, listed
from generator.diagram.fleets import Fleet, bastions, fleets
from generator.diagram.geometry import Point
from generator.diagram.overview_services import origin_buckets, release_buckets
from generator.diagram.page import Page, label
from generator.diagram.zones import Grid
from generator.resolver import Resource

PEOPLE_X = 90


def draw(page: Page, facts: Facts, grid: Grid, recovery: Facts | None) -> None:
    """Draw people, and every flow with its line of the legend."""
    _visitors(page, facts, grid)
    for place, fleet in enumerate(fleets(facts)):
        _requests(page, facts, grid, fleet, first=place == 0)
    _data(page, facts)
    _replication(page, facts)
    _services(page, facts, grid)
    _operators(page, facts, grid)
    _alerts(page, facts)
    if recovery:
        _copies(page, facts, recovery)
    _delivery(page, facts)


def _visitors(page: Page, facts: Facts, grid: Grid) -> None:
    distribution = facts.one("CloudFront::Distribution")
    balancer = facts.one("ElasticLoadBalancingV2::LoadBalancer")
    gateway = facts.one("EC2::InternetGateway")
    assert balancer is not None
    assert gateway is not None
    entrance = page.rect(distribution.address).center if distribution else Point(grid.aisle, grid.vpc.y - 100)
    page.icon("visitors", Point(PEOPLE_X, entrance.y), icons.VISITORS, label("Visitors"), at="above")
    balanced = _balancer_ports(facts, balancer)
    if distribution:
        number = page.explain(styles.INK, "Visitors ask CloudFront over HTTPS; the firewall looks at every request")
        firewall = next((node for node in page.nodes if node.startswith("edge:") and "Acl" in node), "")
        page.connect("visitors", firewall or distribution.address, styles.TRAFFIC, "right", "left", number=number)
        if firewall:
            page.connect(firewall, distribution.address, styles.TRAFFIC, "right", "left")
        x = page.rect(distribution.address).center.x
        for bucket in origin_buckets(facts):
            number = page.explain(styles.INK, "Pages and assets come from the private bucket (origin access control)")
            page.connect(distribution.address, bucket.address, styles.TRAFFIC, "bottom", "top", x + 10, number=number)
        if _asks_balancer(distribution):
            number = page.explain(
                styles.INK, "CloudFront asks the load balancer for the application, over HTTPS with a secret header"
            )
            page.connect(distribution.address, gateway.address, styles.TRAFFIC, "bottom", "top", x, number=number)
    if any(sender == EVERYWHERE for sender in _senders(facts, balancer)):
        number = page.explain(styles.INK, f"Visitors ask the load balancer for the application, port {balanced}")
        beside = distribution is not None and _asks_balancer(distribution)
        x = grid.aisle - (10 if beside else 0)
        page.connect("visitors", gateway.address, styles.TRAFFIC, "bottom", "top", None, x, number=number)
    page.connect(gateway.address, balancer.address, styles.TRAFFIC, "bottom", "top")


def _asks_balancer(distribution: Resource) -> bool:
    return any("CustomOriginConfig" in origin for origin in distribution.properties["DistributionConfig"]["Origins"])


def _senders(facts: Facts, balancer: Resource) -> list[str]:
    group = facts.groups_of(balancer)[0]
    rules = facts.who_names(group, "EC2::SecurityGroupIngress")
    return [str(rule.properties.get("CidrIp", "")) for rule in rules]


def _balancer_ports(facts: Facts, balancer: Resource) -> str:
    return listed(facts.ports(None, facts.groups_of(balancer)[0]), "or")


def _group_of(facts: Facts, fleet: Fleet) -> Resource:
    """Return the security group of what answers requests."""
    return facts.groups_of(fleet.resource)[0] if facts.groups_of(fleet.resource) else facts.groups_of(fleet.template)[0]


def _requests(page: Page, facts: Facts, grid: Grid, fleet: Fleet, first: bool) -> None:
    """Draw the load balancer's requests to a fleet: down the aisle to the first, around to the others."""
    balancer = facts.all("ElasticLoadBalancingV2::LoadBalancer")[0]
    targets = facts.named(_targets(fleet), "ElasticLoadBalancingV2::TargetGroup")
    port = listed(dict.fromkeys(target.properties["Port"] for target in targets), "or")
    text = f"The load balancer sends {_paths(facts, fleet)} to healthy {_kind(fleet)}, port {port}"
    number = page.explain(styles.INK, text)
    band = f"{balancer.address}:band"
    if first:
        page.connect(band, fleet.node, styles.TRAFFIC, "bottom", "top", grid.aisle, grid.aisle, number=number)
    else:
        page.connect(band, fleet.node, styles.TRAFFIC, "left", "left", number=number)


def _data(page: Page, facts: Facts) -> None:
    """Draw what all fleets ask for their data, from the lowest of them."""
    every = fleets(facts)
    groups = {_group_of(facts, fleet).address: _group_of(facts, fleet) for fleet in every}
    who = listed(dict.fromkeys(_kind(fleet) for fleet in every)).capitalize()
    lowest = every[-1].node
    for database in facts.all("RDS::DBInstance")[:1]:
        number = page.explain(styles.DATABASE, f"{who} ask PostgreSQL, port {_ports(facts, groups.values(), database)}")
        x = page.rect(database.address).center.x
        page.connect(lowest, database.address, styles.DATA, "bottom", "top", x, number=number)
    for target in facts.all("EFS::MountTarget")[:1]:
        system = facts.named(target.properties, "EFS::FileSystem")[0]
        ciphered = " with TLS" if "aws:SecureTransport" in str(system.properties.get("FileSystemPolicy")) else ""
        text = f"{who} share files over NFS{ciphered}, port {_ports(facts, groups.values(), target)}"
        number = page.explain(styles.GREEN_FLOW, text)
        page.connect(lowest, system.address, styles.FILE, "left", "left", number=number)


def _kind(fleet: Fleet) -> str:
    return "tasks" if fleet.icon == icons.FARGATE else "web servers"


def _ports(facts: Facts, senders: Iterable[Resource], target: Resource) -> str:
    group = facts.groups_of(target)[0]
    return listed(sorted({port for sender in senders for port in facts.ports(sender, group)}), "or")


def _targets(fleet: Fleet) -> object:
    properties = fleet.resource.properties
    return properties.get("TargetGroupARNs") or properties.get("LoadBalancers")


def _paths(facts: Facts, fleet: Fleet) -> str:
    """Return what the load balancer sends to a fleet."""
    targets = facts.named(_targets(fleet), "ElasticLoadBalancingV2::TargetGroup")
    rules = facts.all("ElasticLoadBalancingV2::ListenerRule")
    fitting = []
    for rule in rules:
        patterns = [
            each["PathPatternConfig"]["Values"] for each in rule.properties["Conditions"] if "PathPatternConfig" in each
        ]
        if patterns and any(target in facts.named(rule.properties["Actions"]) for target in targets):
            fitting.append((int(rule.properties["Priority"]), patterns[0]))
    others = [
        int(rule.properties["Priority"])
        for rule in rules
        if any(condition["Field"] == "path-pattern" for condition in rule.properties["Conditions"])
    ]
    if not fitting:
        return "no request"
    priority, patterns = min(fitting)
    if list(patterns) == ["/*"]:
        return "every request" if priority == min(others) else "every other request"
    return listed(patterns)


def _replication(page: Page, facts: Facts) -> None:
    for instance in facts.all("RDS::DBInstance"):
        standby = f"{instance.address}@standby"
        if standby in page.nodes:
            number = page.explain(
                styles.AZURE, "The standby gets every change at once (synchronous) and takes over by itself"
            )
            x = page.rect(instance.address).center.x
            page.connect(instance.address, standby, styles.COPY, "bottom", "bottom", x - 10, number=number)
        source = facts.named(instance.properties.get("SourceDBInstanceIdentifier", ""))
        if source:
            number = page.explain(styles.AZURE, "The read replica follows (asynchronous)")
            x = page.rect(source[0].address).center.x
            page.connect(source[0].address, instance.address, styles.COPY, "bottom", "bottom", x + 10, number=number)


def _services(page: Page, facts: Facts, grid: Grid) -> None:
    table = facts.one("DynamoDB::Table")
    if "gateway-endpoints" not in page.nodes or table is None:
        return
    y = page.rect("gateway-endpoints").center.y
    fleet = min(fleets(facts), key=lambda each: abs(page.rect(each.node).center.y - y))
    number = page.explain(styles.DATABASE, "Sessions and published applications, through gateway endpoints")
    page.connect(fleet.node, "gateway-endpoints", styles.DATA, "right", "left", y, number=number)
    page.connect("gateway-endpoints", table.address, styles.DATA, "right", "left", bundle="endpoints")
    for bucket in release_buckets(facts):
        page.connect("gateway-endpoints", bucket.address, styles.DATA, "right", "left", bundle="endpoints")


def _operators(page: Page, facts: Facts, grid: Grid) -> None:
    for bastion in bastions(facts):
        y = page.rect(bastion.address).center.y
        group = facts.groups_of(facts.named(bastion.properties, "EC2::LaunchTemplate")[0])[0]
        openings = sorted(
            (str(rule.properties["CidrIp"]), int(rule.properties["FromPort"]))
            for rule in facts.who_names(group, "EC2::SecurityGroupIngress")
            if "CidrIp" in rule.properties
        )
        page.icon("operators", Point(PEOPLE_X, y), icons.PERSON, label("Operators", *(cidr for cidr, _ in openings)))
        if openings:
            senders = listed(cidr for cidr, _ in openings)
            text = f"Operators reach the bastion over SSH, port {openings[0][1]}, from {senders} alone"
            number = page.explain(styles.SECURITY, text)
            page.connect("operators", bastion.address, styles.PEOPLE, "right", "left", number=number)
        else:
            x = (page.rect("region").x + grid.vpc.x) / 2
            documents = facts.all("SSM::Document")
            page.icon("sessions", Point(x, y), icons.SYSTEMS_MANAGER, label("Systems|Manager"), "region", documents)
            trusts = [role.properties["AssumeRolePolicyDocument"] for role in facts.all("IAM::Role")]
            second = (
                " with a second factor" if any("aws:MultiFactorAuthPresent" in str(each) for each in trusts) else ""
            )
            number = page.explain(styles.SECURITY, f"Operators open sessions to the bastion{second}; no port is open")
            page.connect("operators", "sessions", styles.PEOPLE, "right", "left", number=number)
            page.connect("sessions", bastion.address, styles.PEOPLE, "right", "left")


def _alerts(page: Page, facts: Facts) -> None:
    if "topics" not in page.nodes:
        return
    center = page.rect("topics").center
    subscriptions = facts.all("SNS::Subscription")
    protocols = sorted({str(each.properties["Protocol"]) for each in subscriptions})
    line = f"by {listed(protocols, 'and')}" if protocols else "nobody subscribed yet"
    page.icon("on-call", Point(page.width - 80, center.y), icons.PERSON, label("On call", line))
    encrypted = all("KmsMasterKeyId" in each.properties for each in facts.all("SNS::Topic"))
    kind = "encrypted topics" if encrypted else "topics"
    number = page.explain(styles.MANAGEMENT, f"Alarms page those on call through {kind}")
    page.connect("alarms", "topics", styles.CONTROL, "right", "left")
    page.connect("topics", "on-call", styles.CONTROL, "right", "left", number=number)


def _copies(page: Page, facts: Facts, recovery: Facts) -> None:
    region = recovery.resolution.region
    if "backups" in page.nodes:
        number = page.explain(styles.AZURE, f"Backups are copied to {region}")
        page.connect("backups", "recovery:vault", styles.COPY, "bottom", "top", number=number)
    sources = [each for each in facts.all("S3::Bucket") if "ReplicationConfiguration" in each.properties]
    shown = [bucket for bucket in sources if bucket.address in page.nodes]
    if shown:
        number = page.explain(styles.AZURE, f"New objects of {len(sources)} buckets are replicated to {region}")
        y = page.rect("panel:Data").bottom - 20
        page.connect("panel:Data", "recovery:buckets", styles.COPY, "left", "top", y, number=number)


def _delivery(page: Page, facts: Facts) -> None:
    y = page.rect("panel:Recovery, audit and cost").y + 60
    page.icon("delivery", Point(PEOPLE_X, y), icons.PIPELINE, label("CodePipeline", "tools account"))
    region = page.rect("region")
    number = page.explain(
        styles.MANAGEMENT, "The pipeline deploys change sets of the root stack, with roles of this account"
    )
    x = region.x + 55
    page.icon("stacks", Point(x, y), icons.CLOUDFORMATION, label("Cloud|Formation"), "region")
    page.connect("delivery", "stacks", styles.CONTROL, "right", "left", number=number)
