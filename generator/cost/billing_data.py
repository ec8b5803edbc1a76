"""What data is billed for: database, session table, files, buckets, keys and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from generator.cost.charges import Billed, Charge, NoCharge, Rule, Surroundings, is_true
from generator.cost.prices import HOURS_A_MONTH
from generator.cost.running_hours import database_hours
from generator.cost.usage import amount
from generator.errors import UserError
from generator.resolver import Resource

FREE_INSIGHTS_DAYS = 7
"""Days of Performance Insights that are free. https://aws.amazon.com/rds/performance-insights/pricing/"""

AUTOMATIC_BACKUP_DAYS = 35
"""For how long the automatic backups of a file system are kept, where it has them.
https://docs.aws.amazon.com/efs/latest/ug/automatic-backups.html"""

REPLICATION_METRICS = 4
"""Metrics that a rule of replication reports where it is asked to; they are billed as custom ones.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html"""

DAYS_A_MONTH = Decimal(30)


def _database(resource: Resource, around: Surroundings) -> Billed:
    properties, usage = resource.properties, around.usage
    source = _source(resource, around)
    zones = "multi" if is_true(properties.get("MultiAZ")) else "single"
    running = database_hours(around.resolution, resource)
    instance = f"rds.postgresql.{zones}.{properties['DBInstanceClass']}"
    yield Charge(instance, running, "hour", "all month" if running == HOURS_A_MONTH else "in office hours")
    storage = Decimal(str(properties.get("AllocatedStorage", source.get("AllocatedStorage", 0))))
    if properties.get("StorageType") != "gp3" or not storage:
        raise UserError(f"{resource.template}: {resource.logical_id}: only prices of allocated gp3 storage are known")
    yield Charge(f"rds.gp3.{zones}", storage, "GB-month", "as allocated")
    if int(properties.get("MonitoringInterval", 0)):
        monitored = usage.enhanced_monitoring * running / HOURS_A_MONTH
        yield Charge("logs.ingested", monitored, "GB", "enhanced monitoring writes logs")
    if int(properties.get("PerformanceInsightsRetentionPeriod", FREE_INSIGHTS_DAYS)) > FREE_INSIGHTS_DAYS:
        raise UserError(f"{resource.template}: {resource.logical_id}: no price of Performance Insights beyond 7 days")
    if source:
        return
    kept = Decimal(str(properties.get("BackupRetentionPeriod", 1)))
    backups = usage.database_data * (1 + usage.daily_change * kept)
    yield Charge("rds.backup", max(Decimal(0), backups - storage), "GB-month", "backups larger than the database")
    if properties["DBInstanceClass"].startswith("db.t"):
        yield Charge(
            "rds.surplus_credits", usage.database_credit_hours, "vCPU-hour", "CPU above the baseline, as assumed"
        )


def _source(resource: Resource, around: Surroundings) -> Mapping[str, Any]:
    """Return the properties of the database that a replica copies; none for what is no replica."""
    copied = around.referred(resource.properties.get("SourceDBInstanceIdentifier", ""))
    return copied[0].properties if copied else {}


def _table(resource: Resource, around: Surroundings) -> Billed:
    usage, properties = around.usage, resource.properties
    if properties.get("BillingMode") != "PAY_PER_REQUEST":
        raise UserError(f"{resource.template}: {resource.logical_id}: only prices of tables on demand are known")
    yield Charge("dynamodb.write", usage.session_writes, "million", "sessions written")
    yield Charge("dynamodb.read", usage.session_reads, "million", "sessions read")
    yield Charge("dynamodb.storage", usage.session_data, "GB-month", "sessions kept")
    if is_true(properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")):
        yield Charge("dynamodb.pitr", usage.session_data, "GB-month", "as large as the table")


def _file_system(resource: Resource, around: Surroundings) -> Billed:
    usage, properties = around.usage, resource.properties
    moves = any("TransitionToIA" in policy for policy in properties.get("LifecyclePolicies", []))
    infrequent = usage.files * usage.files_infrequent if moves else Decimal(0)
    yield Charge("efs.standard", usage.files - infrequent, "GB-month", "product images")
    yield Charge("efs.infrequent", infrequent, "GB-month", "product images that nobody read for a month")
    if properties.get("ThroughputMode") == "elastic":
        yield Charge("efs.read", usage.files_read, "GB", "elastic throughput")
        yield Charge("efs.write", usage.files_written, "GB", "elastic throughput")
    if properties.get("BackupPolicy", {}).get("Status") == "ENABLED":
        kept = usage.files * (1 + usage.daily_change * AUTOMATIC_BACKUP_DAYS)
        yield Charge("backup.efs", kept, "GB-month", f"automatic backups of {AUTOMATIC_BACKUP_DAYS} days")


def _bucket(resource: Resource, around: Surroundings) -> Billed:
    usage, name = around.usage, resource.logical_id
    stored = amount(usage.buckets, name)
    yield Charge("s3.storage", stored, "GB-month", "old versions included")
    yield Charge("s3.put", amount(usage.bucket_writes, name), "1,000 requests", "as assumed")
    yield Charge("s3.get", amount(usage.bucket_reads, name), "1,000 requests", "as assumed")
    if rules := resource.properties.get("ReplicationConfiguration", {}).get("Rules"):
        changed = stored * min(Decimal(1), usage.daily_change * DAYS_A_MONTH)
        yield Charge("transfer.between_regions", changed, "GB", "what changes is replicated")
        watched = sum(rule["Destination"].get("Metrics", {}).get("Status") == "Enabled" for rule in rules)
        yield Charge("cloudwatch.metric", Decimal(REPLICATION_METRICS * watched), "metric", "of the replication")


def _key(resource: Resource, around: Surroundings) -> Billed:
    yield Charge("kms.key", Decimal(1), "key", "all month, before its first rotation")
    requests = around.usage.key_requests * around.share(resource)
    yield Charge("kms.requests", requests, "10,000 requests", "its share of the account's")


def _secret(resource: Resource, around: Surroundings) -> Billed:
    yield Charge("secrets.secret", Decimal(1), "secret", "all month")
    requests = around.usage.secret_requests * around.share(resource)
    yield Charge("secrets.requests", requests, "10,000 requests", "its share of the account's")


def _parameter(resource: Resource, around: Surroundings) -> Billed:
    if resource.properties.get("Tier", "Standard") != "Standard":
        raise UserError(
            f"{resource.template}: {resource.logical_id}: only standard parameters, which are free, are known"
        )
    yield NoCharge("standard parameters are free")


RULES: Mapping[str, Rule] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::EFS::FileSystem": _file_system,
    "AWS::KMS::Key": _key,
    "AWS::RDS::DBInstance": _database,
    "AWS::S3::Bucket": _bucket,
    "AWS::SSM::Parameter": _parameter,
    "AWS::SecretsManager::Secret": _secret,
}
