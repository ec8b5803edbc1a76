"""The overview's services outside the VPC: panels at its right, the edge above, the other region below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from generator.diagram import icons, styles
from generator.diagram.facts import Facts, called, counted, days, listed
from generator.diagram.geometry import Point, Rect
from generator.diagram.page import Label, Page, label
from generator.diagram.styles import Icon
from generator.resolver import Resource

PANEL_WIDTH, PANEL_TITLE, ROW, PANEL_GAP, STRIP_HEIGHT = 300, 30, 110, 10, 110


@dataclass(frozen=True)
class Entry:
    """An icon of a panel with all that it stands for."""

    node: str
    icon: Icon
    text: Label
    of: Sequence[Resource]


@dataclass(frozen=True)
class Panel:
    """Services that belong together."""

    title: str
    entries: Sequence[Entry]

    @property
    def rows(self) -> int:
        """How many rows of icons it has."""
        return -(-len(self.entries) // 2)


def panels(facts: Facts) -> list[Panel]:
    """Return the panels beside the VPC, from top to bottom."""
    found = [
        Panel("Data", _data(facts)),
        Panel("Keys and secrets", _secrets(facts)),
        Panel("Watching and alerting", _watching(facts)),
    ]
    return [panel for panel in found if panel.entries]


def strip(facts: Facts, audit: Facts | None) -> Panel:
    """Return the panel below the VPC."""
    return Panel("Recovery, audit and cost", [*_recovery(facts), *_audit(audit), *_cost(facts)])


def draw_strip(page: Page, panel: Panel, rect: Rect, parent: str) -> None:
    """Draw a panel with its icons in one line, labels at their right."""
    node = f"panel:{panel.title}"
    page.frame(node, label(panel.title), rect, styles.PANEL, parent, solid=True)
    pitch = (rect.width - 40) / len(panel.entries) // 10 * 10
    for place, entry in enumerate(panel.entries):
        center = Point(rect.x + 50 + place * pitch, rect.y + 60)
        page.icon(entry.node, center, entry.icon, entry.text, node, entry.of, at="right", size=44)


def height_of(every: Sequence[Panel]) -> float:
    """Return how high the panels are together."""
    return sum(PANEL_TITLE + panel.rows * ROW for panel in every) + PANEL_GAP * (len(every) - 1)


def draw_panels(page: Page, every: Sequence[Panel], corner: Point, height: float, parent: str) -> None:
    """Draw panels one below the other, spread over this height."""
    spare = max(0.0, height - height_of(every)) / sum(panel.rows for panel in every)
    row_height = ROW + spare // 10 * 10
    y = corner.y
    for panel in every:
        panel_height = PANEL_TITLE + panel.rows * row_height
        if panel is every[-1]:
            panel_height = corner.y + height - y
        node = f"panel:{panel.title}"
        page.frame(
            node, label(panel.title), Rect(corner.x, y, PANEL_WIDTH, panel_height), styles.PANEL, parent, solid=True
        )
        for place, entry in enumerate(panel.entries):
            x = corner.x + 70 + (place % 2) * 160
            center_y = y + PANEL_TITLE + (place // 2) * row_height + 30
            page.icon(entry.node, Point(x, center_y), entry.icon, entry.text, node, entry.of, size=44)
        y += panel_height + PANEL_GAP


def _data(facts: Facts) -> list[Entry]:
    """Return what the VPC reaches by endpoints in the left column, what others reach in the right one."""
    stack = facts.resolution.stack_name
    inside, outside = [], []
    for table in facts.all("DynamoDB::Table"):
        billing = "on demand" if table.properties.get("BillingMode") == "PAY_PER_REQUEST" else "provisioned"
        text = label("DynamoDB", called(table, stack), billing)
        inside.append(Entry(table.address, icons.TABLE, text, [table]))
    for bucket in release_buckets(facts):
        text = label("Amazon S3", called(bucket, stack), "of the application")
        inside.append(Entry(bucket.address, icons.BUCKET, text, [bucket, *facts.who_names(bucket, "S3::BucketPolicy")]))
    for bucket in origin_buckets(facts):
        text = label("Amazon S3", called(bucket, stack))
        outside.append(
            Entry(bucket.address, icons.BUCKET, text, [bucket, *facts.who_names(bucket, "S3::BucketPolicy")])
        )
    rest = [each for each in facts.all("S3::Bucket") if each not in (*origin_buckets(facts), *release_buckets(facts))]
    policies = [policy for bucket in rest for policy in facts.who_names(bucket, "S3::BucketPolicy")]
    kept = sorted({rule["ExpirationInDays"] for each in rest for rule in _rules(each) if "ExpirationInDays" in rule})
    text = label("Amazon S3", counted(len(rest), "log bucket"), f"kept {listed(kept, 'or')} days")
    outside.append(Entry("log-buckets", icons.BUCKET, text, [*rest, *policies]))
    return [entry for pair in zip(inside, outside, strict=True) for entry in pair]


def _rules(bucket: Resource) -> Iterable[dict[str, Any]]:
    found: Iterable[dict[str, Any]] = bucket.properties.get("LifecycleConfiguration", {}).get("Rules", [])
    return found


def origin_buckets(facts: Facts) -> list[Resource]:
    """Return the buckets from which CloudFront serves."""
    distributions = facts.all("CloudFront::Distribution")
    return facts.named([each.properties["DistributionConfig"]["Origins"] for each in distributions], "S3::Bucket")


def release_buckets(facts: Facts) -> list[Resource]:
    """Return the buckets that tell of new objects: there applications are published."""
    told = [each for each in facts.all("S3::Bucket") if "NotificationConfiguration" in each.properties]
    return [each for each in told if each not in origin_buckets(facts)]


def _secrets(facts: Facts) -> list[Entry]:
    keys, secrets = facts.all("KMS::Key"), facts.all("SecretsManager::Secret")
    aliases = facts.all("KMS::Alias")
    rotated = sum(1 for key in keys if key.properties.get("EnableKeyRotation") in (True, "true"))
    attached = facts.all("SecretsManager::SecretTargetAttachment", "SecretsManager::RotationSchedule")
    return [
        Entry(
            "keys",
            icons.KEY,
            label("AWS KMS", counted(len(keys), "key"), f"{rotated} rotated each year"),
            [*keys, *aliases],
        ),
        Entry(
            "secrets", icons.SECRETS, label("Secrets Manager", counted(len(secrets), "secret")), [*secrets, *attached]
        ),
        Entry(
            "parameters",
            icons.PARAMETERS,
            label("Parameter Store", f"{counted(len(facts.all('SSM::Parameter')), 'parameter')} in stacks"),
            facts.all("SSM::Parameter"),
        ),
        Entry(
            "roles",
            icons.IAM,
            label("IAM", f"{counted(len(facts.all('IAM::Role')), 'role')}"),
            facts.all("IAM::Role", "IAM::Policy", "IAM::InstanceProfile", "IAM::OIDCProvider"),
        ),
    ]


def _watching(facts: Facts) -> list[Entry]:
    alarms, composites = facts.all("CloudWatch::Alarm"), facts.all("CloudWatch::CompositeAlarm")
    groups = facts.all("Logs::LogGroup")
    dashboards = facts.all("CloudWatch::Dashboard")
    logs = [*groups, *facts.all("Logs::MetricFilter", "Logs::QueryDefinition", "EC2::FlowLog")]
    entries = [
        Entry(
            "alarms",
            icons.CLOUDWATCH,
            label(
                "CloudWatch",
                f"{len(alarms)} alarms, {len(composites)} composite",
                counted(len(dashboards), "dashboard"),
            ),
            [*alarms, *composites, *dashboards],
        ),
        Entry("topics", icons.TOPIC, label("Amazon SNS", *_topic_lines(facts)), _topics(facts)),
        Entry("logs", icons.LOGS, label("CloudWatch Logs", counted(len(groups), "group"), days(groups)), logs),
        Entry(
            "traces",
            icons.XRAY,
            label("AWS X-Ray", "traces of requests"),
            facts.all("XRay::Group", "XRay::SamplingRule"),
        ),
        Entry(
            "events",
            icons.EVENTS,
            label("EventBridge", counted(len(facts.all("Events::Rule")), "rule")),
            facts.all("Events::Rule", "Scheduler::Schedule", "Scheduler::ScheduleGroup"),
        ),
    ]
    for canary in facts.all("Synthetics::Canary"):
        schedule = str(canary.properties["Schedule"]["Expression"])
        often = schedule.removeprefix("rate(").removesuffix(")")
        entries.append(Entry(canary.address, icons.CANARY, label("Canary", f"a visit every {often}"), [canary]))
    incidents = facts.all("SSMIncidents::ResponsePlan", "SSMContacts::Contact", "SSMContacts::ContactChannel")
    incidents += facts.all("SSMContacts::Plan", "SSMContacts::Rotation", "SSMIncidents::ReplicationSet")
    if incidents:
        entries.append(Entry("incidents", icons.INCIDENTS, label("Incident Manager", "on call by turns"), incidents))
    return entries


def _topics(facts: Facts) -> list[Resource]:
    return facts.all("SNS::Topic", "SNS::TopicPolicy", "SNS::Subscription")


def _topic_lines(facts: Facts) -> list[str]:
    names = [called(each, facts.resolution.stack_name) for each in facts.all("SNS::Topic")]
    return [", ".join(names[:2]), ", ".join(names[2:])]


def _recovery(facts: Facts) -> list[Entry]:
    vaults = facts.all("Backup::BackupVault")
    if not vaults:
        return []
    plans = facts.all("Backup::BackupPlan")
    rules = [rule for plan in plans for rule in plan.properties["BackupPlan"]["BackupPlanRule"]]
    kept = [f"{rule['RuleName']} {rule['Lifecycle']['DeleteAfterDays']} d" for rule in rules]
    of = [*vaults, *plans, *facts.all("Backup::BackupSelection")]
    entries = [Entry("backups", icons.BACKUP, label("AWS Backup", ", ".join(kept[:2]), ", ".join(kept[2:])), of)]
    tests = facts.all("Backup::RestoreTestingSelection")
    if tests:
        whole = [*tests, *facts.all("Backup::RestoreTestingPlan")]
        entries.append(
            Entry("restore-tests", icons.VAULT, label("Restore tests", f"of {len(tests)} kinds of data"), whole)
        )
    return entries


def _audit(audit: Facts | None) -> list[Entry]:
    if audit is None:
        return []
    of = list(audit.resolution.resources.values())
    alarms = len(audit.all("CloudWatch::Alarm"))
    return [Entry("trail", icons.TRAIL, label("CloudTrail", "all regions", counted(alarms, "alarm")), of)]


def _cost(facts: Facts) -> list[Entry]:
    entries = []
    for budget in facts.all("Budgets::Budget"):
        limit = budget.properties["Budget"]["BudgetLimit"]
        anomalies = facts.all("CE::AnomalyMonitor", "CE::AnomalySubscription")
        text = label(
            "AWS Budgets", f"{limit['Amount']} {limit['Unit']} a month", "anomaly detection" if anomalies else ""
        )
        groups = facts.all("ResourceGroups::Group")
        entries.append(Entry(budget.address, icons.BUDGET, text, [budget, *anomalies, *groups]))
    return entries
