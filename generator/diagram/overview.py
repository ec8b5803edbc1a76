"""The page `Overview`: everything that an environment is, and how requests, data and control flow through it."""

from __future__ import annotations

from generator.cost.accounts import Account
from generator.diagram import icons, overview_flows, overview_services, overview_vpc, styles
from generator.diagram.facts import Facts, counted
from generator.diagram.geometry import Point, Rect
from generator.diagram.page import Page, foot, head, label
from generator.diagram.zones import Grid, draw_grid, vpc_width, zones_height
from generator.resolver import Resolution, Resource

PEOPLE, CLOUD, TOP = 180, 180, 80
LANE_HEIGHT, CHANNEL, PANEL_CHANNEL, ON_CALL = 140, 110, 110, 140
SUBNET_WIDTHS = {1: 560, 2: 400, 3: 260}
"""Pixels of a subnet by the number of zones, so that a VPC is always about as wide."""

OTHER_REGION_HEIGHT = 100


def draw(account: Account, release: str) -> Page:
    """Return the page of an environment."""
    facts = Facts(platform_of(account))
    others = {root.name: Facts(root.resolution) for root in account.roots}
    stacks = facts.all("CloudFormation::Stack")
    subtitle = (
        f"Environment {account.name}  ·  {facts.resolution.region}  ·  release {release}  ·  "
        f"{counted(len(facts.resolution.resources), 'resource')} in {counted(len(stacks), 'nested stack')}"
    )
    page = Page("Overview", "Web platform", subtitle)
    services = overview_services.panels(facts)
    zones = len({each.zone for each in facts.subnets()})
    width = vpc_width(zones, SUBNET_WIDTHS[zones])
    vpc_x = CLOUD + 60 + CHANNEL
    panel_x = vpc_x + width + PANEL_CHANNEL
    right = panel_x + overview_services.PANEL_WIDTH + 20
    head(page, right + 40 + ON_CALL)
    heights = overview_vpc.heights(facts)
    vpc_y = TOP + 40 + LANE_HEIGHT + 20 + 70
    vpc_height = zones_height(heights) + 80
    strip_y = max(vpc_height + 10, overview_services.height_of(services) - overview_services.STRIP_HEIGHT)
    below = strip_y + overview_services.STRIP_HEIGHT
    recovery = others.get("recovery_region")
    lower = vpc_y + below + 20 + (OTHER_REGION_HEIGHT + 20 if recovery else 0)
    page.frame("cloud", label("AWS Cloud"), Rect(CLOUD, TOP, right + 40 - CLOUD, lower + 40 - TOP), styles.CLOUD)
    account_rect = Rect(CLOUD + 20, TOP + 30, right + 20 - CLOUD - 20, lower + 20 - TOP - 30)
    page.frame("account", label(f"Account of {account.name}"), account_rect, styles.ACCOUNT, "cloud")
    region = Rect(CLOUD + 40, vpc_y - 60, right - CLOUD - 40, below + 60 + 20)
    page.frame("region", label(f"Region {facts.resolution.region}"), region, styles.REGION, "account", stacks)
    grid = draw_grid(page, facts, Point(vpc_x, vpc_y), SUBNET_WIDTHS[zones], heights, "region")
    overview_vpc.draw(page, facts, grid)
    strip = Rect(vpc_x, vpc_y + strip_y, width, overview_services.STRIP_HEIGHT)
    overview_services.draw_strip(page, overview_services.strip(facts, others.get("audit_trail")), strip, "region")
    overview_services.draw_panels(page, services, Point(panel_x, vpc_y), below, "region")
    _draw_edge(page, facts, others.get("global_edge"), grid, Rect(region.x, TOP + 60, region.width, LANE_HEIGHT))
    if recovery:
        other = Rect(region.x, region.bottom + 20, region.width, OTHER_REGION_HEIGHT)
        _draw_other_region(page, recovery, other, vpc_x + 50, grid.vpc.right + 60)
    overview_flows.draw(page, facts, grid, recovery)
    foot(page, lower + 60)
    return page


def platform_of(account: Account) -> Resolution:
    """Return the account's platform."""
    assert account.platform is not None, f"{account.name} has no platform"
    return account.platform


def _draw_edge(page: Page, facts: Facts, edge: Facts | None, grid: Grid, lane: Rect) -> None:
    page.frame("edge", label("Edge locations of CloudFront (global)"), lane, styles.PANEL, "account", solid=True)
    y = lane.y + 70
    x = grid.aisle
    for distribution in facts.all("CloudFront::Distribution"):
        config = distribution.properties["DistributionConfig"]
        text = label("Amazon CloudFront", ", ".join(config.get("Aliases", [])) or "under its own name")
        policies = facts.of_stack(distribution.stack, "CloudFront::CachePolicy", "CloudFront::ResponseHeadersPolicy")
        controls = facts.all("CloudFront::OriginAccessControl")
        of = [distribution, *policies, *controls]
        page.icon(distribution.address, Point(x, y), icons.CLOUDFRONT, text, "edge", of, "above")
    if edge:
        for acl in edge.all("WAFv2::WebACL"):
            text = label("AWS WAF", counted(len(acl.properties["Rules"]), "rule"))
            page.icon(f"edge:{acl.address}", Point(x - 180, y), icons.WAF, text, "edge", [acl])
    beside = _beside_cloudfront(facts, edge)
    for place, (node, icon, title, line, of) in enumerate(beside):
        page.icon(node, Point(x + 200 + 160 * place, y), icon, label(title, line), "edge", of)


def _beside_cloudfront(facts: Facts, edge: Facts | None) -> list[tuple[str, styles.Icon, str, str, list[Resource]]]:
    found = []
    functions = facts.all("CloudFront::Function")
    if functions:
        found.append(("functions", icons.CLOUDFRONT_FUNCTION, "CloudFront Functions", "routes of pages", functions))
    records = facts.all("Route53::RecordSet")
    if records:
        line = counted(len(records), "record")
        found.append(("records", icons.ROUTE_53, "Route 53", line, records))
    certificates = [
        *facts.all("CertificateManager::Certificate"),
        *(edge.all("CertificateManager::Certificate") if edge else []),
    ]
    if certificates:
        found.append(
            ("certificates", icons.CERTIFICATE, "Certificate Manager", f"{len(certificates)} regions", certificates)
        )
    shields = facts.all("Shield::Protection")
    if shields:
        found.append(("shield", icons.SHIELD, "Shield Advanced", counted(len(shields), "protection"), shields))
    if edge:
        alarms = edge.all("CloudWatch::Alarm")
        of = [each for each in edge.resolution.resources.values() if each.type != "AWS::WAFv2::WebACL"]
        found.append(
            ("edge:alarms", icons.CLOUDWATCH, "CloudWatch", f"{len(alarms)} alarms, {edge.resolution.region}", of)
        )
    return found


def _draw_other_region(page: Page, recovery: Facts, rect: Rect, vault_x: float, bucket_x: float) -> None:
    page.frame("recovery", label(f"Region {recovery.resolution.region}"), rect, styles.REGION, "account")
    y = rect.y + 50
    vaults, buckets, keys = (recovery.all(each) for each in ("Backup::BackupVault", "S3::Bucket", "KMS::Key"))
    policies = recovery.all("S3::BucketPolicy")
    page.icon(
        "recovery:vault",
        Point(vault_x, y),
        icons.VAULT,
        label("Backup vault", "copies"),
        "recovery",
        vaults,
        "right",
        44,
    )
    replicas = sum(1 for bucket in buckets if "Replica" in bucket.logical_id)
    text = label("Amazon S3", f"{counted(replicas, 'replica')}, 1 log bucket")
    page.icon(
        "recovery:buckets", Point(bucket_x, y), icons.BUCKET, text, "recovery", [*buckets, *policies], "right", 44
    )
    aliases = recovery.all("KMS::Alias")
    text = label("AWS KMS", counted(len(keys), "key"))
    page.icon("recovery:keys", Point(vault_x + 210, y), icons.KEY, text, "recovery", [*keys, *aliases], "right", 44)
