"""Alarms on database, session table and file system: part of the stack `observability`.

Thresholds, periods and datapoints are those that AWS recommends, where it does; what depends on the size is a share of
the memory of the instance's class, or of the storage it was given. The database is known by its name, so that nothing
here waits for it.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Best_Practice_Recommended_Alarms_AWS_Services.html

The file system is in elastic throughput mode, which has no burst credits to run out of: what can run out is the
throughput that AWS permits.
https://docs.aws.amazon.com/efs/latest/ug/performance.html
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import FindInMap, Sub, Template

from generator.alarms import Actions, Dimensions, Metric, Window, above, at_least, below, math_alarm, metric_alarm
from generator.database_classes import MEMORY_GIB
from generator.log_metrics import DATABASE_ERRORS, log_metrics_namespace
from generator.parameter_types import DatabaseInstanceClass, DatabaseStorage, FileSystemId, ResourceName, TableName

HAS_REPLICA = "HasReadReplica"
"""The condition that the stack defines for the replica's alarm."""

CPU_PERCENT = 90
REPLICA_LAG_SECONDS = 60
TRANSACTION_IDS = 1_000_000_000
"""PostgreSQL stops writing at about two thousand millions that were never frozen.
https://www.postgresql.org/docs/17/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND"""

STORAGE_PERCENT = 10
"""RDS itself adds storage below a tenth of it, after five minutes, and at most every six hours.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html"""

DATABASE_ERRORS_IN_FIVE_MINUTES = 5

MEMORY_PERCENT = 5
BYTES_A_CONNECTION, MOST_CONNECTIONS = 9_531_392, 5_000
"""RDS allows as many connections as memory has room for, by this figure, and never more than 5,000.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html"""

CONNECTIONS_PERCENT = 60
"""Of what all of the memory would give: the system takes its part first, on the smallest class a quarter."""

GIB = 1024**3
CLASSES, FREE_MEMORY, CONNECTIONS = "DatabaseClasses", "FreeMemoryBytes", "Connections"

SESSION_OPERATIONS = ("GetItem", "PutItem")
"""What the application asks of the session table: adapt them with the application."""

THROUGHPUT_PERCENT = 80
IO_LIMIT_PERCENT = 100


@dataclass(frozen=True)
class Data:
    """What keeps data, and how large it is."""

    database_id: ResourceName
    database_replica_id: ResourceName
    database_instance_class: DatabaseInstanceClass
    database_storage: DatabaseStorage
    session_table_name: TableName
    file_system_id: FileSystemId

    def database(self, name: str, statistic: str = "Average") -> Metric:
        """Return a metric of the database."""
        return Metric("AWS/RDS", name, {"DBInstanceIdentifier": self.database_id}, statistic)

    def by_class(self, key: str) -> FindInMap:
        """Return what the mapping says of the database's class."""
        return FindInMap(CLASSES, self.database_instance_class, key)


def add_data_alarms(template: Template, data: Data, operations: Actions) -> None:
    """Add the alarms on database, table and file system."""
    template.add_mapping(CLASSES, database_classes())
    _load(template, data, operations)
    _condition(template, data, operations)
    _memory(template, data, operations)
    _storage(template, data, operations)
    _replica(template, data, operations)
    _session_table(template, data, operations)
    _file_system(template, data, operations)


def database_classes() -> dict[str, dict[str, int]]:
    """Return, for each class, how much memory must be free and how many connections are many."""
    return {
        name: {
            FREE_MEMORY: gib * GIB * MEMORY_PERCENT // 100,
            CONNECTIONS: min(gib * GIB // BYTES_A_CONNECTION, MOST_CONNECTIONS) * CONNECTIONS_PERCENT // 100,
        }
        for name, gib in MEMORY_GIB.items()
    }


def _load(template: Template, data: Data, operations: Actions) -> None:
    template.add_resource(
        metric_alarm(
            "DatabaseBusy",
            means=f"The database has used more than {CPU_PERCENT} % of its CPU for five minutes: queries wait.",
            metric=data.database("CPUUtilization"),
            breach=above(CPU_PERCENT),
            window=Window(5, 60),
            actions=operations,
        )
    )
    template.add_resource(
        metric_alarm(
            "DatabaseCpuCredits",
            # T classes are never slowed down for this, but it is paid for; other classes have no such metric.
            means="The database of a burstable class computes more than its class earns, which AWS charges.",
            metric=data.database("CPUSurplusCreditsCharged", "Maximum"),
            breach=above(0),
            window=Window(3, 300),
            actions=operations,
        )
    )


def _condition(template: Template, data: Data, operations: Actions) -> None:
    template.add_resource(
        metric_alarm(
            "DatabaseErrors",
            means="The database has written errors to its log for ten minutes.",
            metric=Metric(log_metrics_namespace(), DATABASE_ERRORS, statistic="Sum"),
            breach=at_least(DATABASE_ERRORS_IN_FIVE_MINUTES),
            window=Window(2, 300),
            actions=operations,
        )
    )
    template.add_resource(
        metric_alarm(
            "DatabaseTransactionIds",
            means="The database has not frozen old rows for so long that it will stop writing.",
            metric=data.database("MaximumUsedTransactionIDs", "Maximum"),
            breach=at_least(TRANSACTION_IDS),
            window=Window(1, 300),
            actions=operations,
        )
    )


def _memory(template: Template, data: Data, operations: Actions) -> None:
    template.add_resource(
        metric_alarm(
            "DatabaseMemoryLow",
            means=f"Less than {MEMORY_PERCENT} % of the database's memory has been free for 15 minutes.",
            metric=data.database("FreeableMemory"),
            breach=below(data.by_class(FREE_MEMORY)),
            window=Window(15, 60),
            actions=operations,
        )
    )
    template.add_resource(
        metric_alarm(
            "DatabaseConnectionsHigh",
            means="The database will soon refuse connections: most of those that its memory allows are taken.",
            metric=data.database("DatabaseConnections", "Maximum"),
            breach=above(data.by_class(CONNECTIONS)),
            window=Window(5, 60),
            actions=operations,
        )
    )


def _storage(template: Template, data: Data, operations: Actions) -> None:
    template.add_resource(
        math_alarm(
            "DatabaseStorageLow",
            means=f"Less than {STORAGE_PERCENT} % of the storage with which the database began is free.",
            expression=Sub(f"100 * free / (${{Storage}} * {GIB})", Storage=data.database_storage),
            metrics={"free": data.database("FreeStorageSpace", "Minimum")},
            breach=below(STORAGE_PERCENT),
            window=Window(3, 300),
            actions=operations,
        )
    )


def _replica(template: Template, data: Data, operations: Actions) -> None:
    replica = {"DBInstanceIdentifier": data.database_replica_id}
    template.add_resource(
        metric_alarm(
            "DatabaseReplicaLag",
            means=f"The read replica has been more than {REPLICA_LAG_SECONDS} s behind for ten minutes.",
            metric=Metric("AWS/RDS", "ReplicaLag", replica, "Maximum"),
            breach=above(REPLICA_LAG_SECONDS),
            window=Window(10, 60),
            actions=operations,
            condition=HAS_REPLICA,
        )
    )


def _session_table(template: Template, data: Data, operations: Actions) -> None:
    table: Dimensions = {"TableName": data.session_table_name}
    template.add_resource(
        math_alarm(
            "SessionTableThrottled",
            means="The session table refuses requests because there are too many at once.",
            expression="FILL(reads, 0) + FILL(writes, 0)",
            metrics={
                "reads": Metric("AWS/DynamoDB", "ReadThrottleEvents", table, "Sum"),
                "writes": Metric("AWS/DynamoDB", "WriteThrottleEvents", table, "Sum"),
            },
            breach=above(0),
            window=Window(5, 60, datapoints=3),
            actions=operations,
        )
    )
    failures: dict[str, Dimensions] = {name.lower(): {**table, "Operation": name} for name in SESSION_OPERATIONS}
    template.add_resource(
        math_alarm(
            "SessionTableErrors",
            means="DynamoDB fails to answer requests to the session table.",
            expression=" + ".join(f"FILL({name}, 0)" for name in failures),
            metrics={
                name: Metric("AWS/DynamoDB", "SystemErrors", dimensions, "Sum") for name, dimensions in failures.items()
            },
            breach=above(0),
            window=Window(5, 60, datapoints=3),
            actions=operations,
        )
    )


def _file_system(template: Template, data: Data, operations: Actions) -> None:
    file_system = {"FileSystemId": data.file_system_id}
    period = 300
    template.add_resource(
        math_alarm(
            "FileSystemThroughput",
            means=f"The file system has moved more than {THROUGHPUT_PERCENT} % of what AWS permits for 15 minutes.",
            expression=f"100 * (moved / {period}) / permitted",
            metrics={
                "moved": Metric("AWS/EFS", "MeteredIOBytes", file_system, "Sum"),
                "permitted": Metric("AWS/EFS", "PermittedThroughput", file_system),
            },
            breach=above(THROUGHPUT_PERCENT),
            window=Window(3, period),
            actions=operations,
        )
    )
    template.add_resource(
        metric_alarm(
            "FileSystemIoLimit",
            means="The file system has had as many operations as it can do for three minutes: files come late.",
            metric=Metric("AWS/EFS", "PercentIOLimit", file_system, "Maximum"),
            breach=at_least(IO_LIMIT_PERCENT),
            window=Window(3, 60),
            actions=operations,
        )
    )
