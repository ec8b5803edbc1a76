"""How much each account uses in a month: what no template says, and every bill depends on.

`params/usage.yaml` states it for each environment and for the tools account. These are assumptions until an environment
has run for a month; then its owner replaces them by what CloudWatch and Cost Explorer measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, get_type_hints

from generator.cost.prices import number, read_mapping
from generator.errors import UserError
from generator.naming import TOOLS

OTHERS = "others"
"""The key for every log group or bucket that a table does not name."""

Amounts = Mapping[str, Decimal]
"""Amounts by logical id, with one for all others."""


def figure(unit: str, meaning: str, *, environments: bool = True, tools: bool = False) -> Any:
    """Declare a figure: its unit, what it means, and which accounts must state it; it is 0 in the others."""
    return field(metadata={"unit": unit, "meaning": meaning, "environments": environments, "tools": tools})


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The usage of one account in a month."""

    extra_server_hours: Decimal = figure("hours", "Hours of web servers beyond the minimum, under load (W8).")
    surplus_credit_hours: Decimal = figure("vCPU-hours", "CPU of web servers above what their credits pay for.")
    application_requests: Decimal = figure("million", "Requests that reach the load balancer.")
    application_out: Decimal = figure("GB", "What the load balancer sends to visitors.")
    website_requests: Decimal = figure("million", "Requests that reach CloudFront.")
    website_out: Decimal = figure("GB", "What CloudFront sends to visitors.")
    nat_data: Decimal = figure("GB", "What passes the NAT gateways, both ways.")
    endpoint_data: Decimal = figure(
        "GB",
        "What servers exchange with AWS's APIs: through interface endpoints where there are some, else through NAT.",
    )
    zone_data: Decimal = figure("GB", "What servers and database exchange between zones.")
    session_reads: Decimal = figure("million", "Read requests of the session table.")
    session_writes: Decimal = figure("million", "Write requests of the session table.")
    session_data: Decimal = figure("GB", "Sessions kept.")
    database_data: Decimal = figure("GB", "What the database really holds.")
    database_credit_hours: Decimal = figure("vCPU-hours", "CPU of the database above what its credits pay for.")
    daily_change: Decimal = figure("share", "Share of database, files and buckets that changes in a day.")
    files: Decimal = figure("GB", "Product images.")
    files_infrequent: Decimal = figure("share", "Share of the files that nobody read for a month.")
    files_read: Decimal = figure("GB", "What servers read of the files.")
    files_written: Decimal = figure("GB", "What servers write to the files.")
    application_metrics: Decimal = figure("metrics", "Metrics that the application reports about itself.")
    metrics_per_server: Decimal = figure("metrics", "Metrics that the CloudWatch agent reports of each server.")
    metrics_per_task: Decimal = figure(
        "metrics", "Metrics that Container Insights reports of each task and its containers."
    )
    cluster_metrics: Decimal = figure("metrics", "Metrics that Container Insights reports of cluster and service.")
    traces: Decimal = figure("million", "Traces recorded, after sampling.")
    canary_seconds: Decimal = figure("seconds", "How long one run of the canary takes.")
    enhanced_monitoring: Decimal = figure("GB", "Logs that RDS's enhanced monitoring writes of one instance.")
    emails: Decimal = figure("thousand", "E-mails of all topics.", tools=True)
    paging_calls: Decimal = figure("thousand", "Calls of the paging service.")
    logs_queried: Decimal = figure("GB", "What queries of the logs scan.", tools=True)
    log_compression: Decimal = figure("share", "What logs take once they are kept, compressed.", tools=True)
    key_requests: Decimal = figure("10,000 requests", "Requests of all keys.", tools=True)
    secret_requests: Decimal = figure("10,000 requests", "Requests of all secrets.")
    logs: Amounts = figure("GB", "What each log group takes in.", tools=True)
    images: Amounts = figure("GB", "What each image repository holds.", environments=False, tools=True)
    buckets: Amounts = figure("GB", "What each bucket holds, old versions included.", tools=True)
    bucket_writes: Amounts = figure("1,000 requests", "Write and list requests of each bucket.", tools=True)
    bucket_reads: Amounts = figure("1,000 requests", "Read requests of each bucket.", tools=True)
    pipeline_runs: Decimal = figure("runs", "Executions of the pipeline.", environments=False, tools=True)
    pipeline_minutes: Decimal = figure(
        "minutes", "Minutes of all actions of one execution, approval not counted.", environments=False, tools=True
    )
    build_minutes: Amounts = figure(
        "minutes", "Minutes of each build project in one execution.", environments=False, tools=True
    )


def load_usage(path: Path) -> dict[str, Usage]:
    """Return the usage by account: an environment's name, or `tools`. Raises `UserError` naming file and key."""
    return {account: _usage(path, account, entry) for account, entry in read_mapping(path).items()}


def amount(amounts: Amounts, logical_id: str) -> Decimal:
    """Return the amount of one log group or bucket."""
    return amounts.get(logical_id, amounts.get(OTHERS, Decimal(0)))


def _usage(path: Path, account: str, entry: object) -> Usage:
    if not isinstance(entry, dict):
        raise UserError(f"{path}: {account}: must hold a mapping")
    kind = "tools" if account == TOOLS else "environments"
    wanted = {f.name: f for f in fields(Usage) if f.metadata[kind]}
    for name in entry:
        if name not in wanted:
            raise UserError(f"{path}: {account}: {name} is unknown; allowed: {', '.join(wanted)}")
    hints = get_type_hints(Usage)
    values: dict[str, Any] = {}
    for f in fields(Usage):
        is_table = hints[f.name] is not Decimal
        if f.name not in wanted:
            values[f.name] = {} if is_table else Decimal(0)
            continue
        where = f"{account}/{f.name}"
        if f.name not in entry:
            raise UserError(f"{path}: {where} is missing: {f.metadata['meaning']} Unit: {f.metadata['unit']}")
        values[f.name] = _amounts(path, where, entry[f.name]) if is_table else number(path, where, entry[f.name])
        if f.metadata["unit"] == "share" and values[f.name] > 1:
            raise UserError(f"{path}: {where}: {entry[f.name]} is not allowed; allowed: a share between 0 and 1")
    return Usage(**values)


def _amounts(path: Path, where: str, entry: object) -> Amounts:
    if not isinstance(entry, dict) or OTHERS not in entry:
        raise UserError(f"{path}: {where}: must hold amounts by logical id, and one for {OTHERS}")
    return {name: number(path, f"{where}/{name}", value) for name, value in entry.items()}
