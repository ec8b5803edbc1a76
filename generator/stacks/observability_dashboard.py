"""The dashboard of an environment: is it healthy, and if not, why not (D11).

The first rows answer whether visitors are served, and which alarms say otherwise; the others go down the way of a
request, from CloudFront to the database, so that the first row with trouble in it is where to look. Every tier is
named with the pages of the runbook that belong to it.
"""

from __future__ import annotations

from collections.abc import Sequence

from troposphere import AWSHelperFn, Template
from troposphere.cloudwatch import Dashboard

from generator.alarms import RUNBOOK
from generator.dashboards import Line, OneOrBoth, Only, Row, Widget, alarms, body, log_lines, number, text
from generator.log_metrics import UNAVAILABLE_ANSWERS
from generator.naming import PROJECT, in_environment, name_tag
from generator.stacks import observability_dashboard_tiers as tiers
from generator.stacks.observability_compute import HAS_BOTH, HAS_CONTAINERS, HAS_SERVERS
from generator.stacks.observability_dashboard_sources import Sources, in_logs
from generator.stacks.observability_metric_filters import APPLICATION_QUESTIONS
from generator.stacks.observability_traces import FAILED, SERVICE, SLOW

Alarms = Sequence[AWSHelperFn | Only]


def add_dashboard(template: Template, sources: Sources, composites: Alarms, others: Alarms) -> Dashboard:
    """Add the dashboard. `composites` are the alarms that page somebody, `others` all the rest, by ARN."""
    rows: list[Row | OneOrBoth] = [
        _title(sources),
        _is_it_healthy(sources, composites),
        Row(5, [alarms(24, "Alarms, latest first", others)]),
        _heading("Visitors", "outage", "slow-responses", "request-surge", "edge-server-errors", "canary-failed"),
        tiers.visitors(sources),
        _heading("Load balancer", "no-healthy-server", "unhealthy-servers", "load-balancer-errors", "requests-blocked"),
        tiers.load_balancer(sources),
        _compute(sources),
        _heading("Application", "application-errors", "server-errors", "slow-responses"),
        tiers.application(sources),
        _heading("Database", "database-busy", "database-storage-low", "database-connections-high", "database-errors"),
        tiers.database(sources),
        _heading("Sessions and product images", "session-table-throttled", "session-table-errors"),
        tiers.stores(sources),
        _heading("Network", "nat-ports-exhausted", "nat-packets-dropped", "vpn-tunnel-down"),
        tiers.network(sources),
        _heading("What errors cost visitors, over the time shown, and the latest of them", "degraded"),
        _cost_of_errors(sources),
        Row(8, [_latest_errors(sources)]),
    ]
    return template.add_resource(
        Dashboard(
            "Dashboard",
            DashboardName=in_environment(f"{PROJECT}-${{EnvironmentName}}"),
            DashboardBody=body(rows),
            Tags=name_tag("dashboard"),
        )
    )


def _title(sources: Sources) -> Row:
    traces = "https://${AWS::Region}.console.aws.amazon.com/cloudwatch/home?region=${AWS::Region}#xray:traces/query"
    words = (
        f"# {PROJECT} ${{EnvironmentName}}\n"
        f"[Application](${{ApplicationUrl}}) · [traces]({traces}) of the group `{SERVICE}`: `{FAILED}`, `{SLOW}` · "
        f"saved queries below `{PROJECT}/${{EnvironmentName}}` in Logs Insights · what to do: `{RUNBOOK}`"
    )
    return Row(2, [text(24, words)])


def _heading(title: str, *anchors: str) -> Row:
    pages = ", ".join(f"`#{anchor}`" for anchor in anchors)
    return Row(1, [text(24, f"### {title} — {RUNBOOK} {pages}")])


def _compute(sources: Sources) -> OneOrBoth:
    of_servers = ("servers-at-maximum", "web-servers-busy", "web-server-memory", "web-server-disk", "bootstrap-failed")
    of_tasks = ("no-healthy-task", "tasks-missing", "tasks-at-maximum", "containers-busy", "container-memory")
    return OneOrBoth(
        HAS_SERVERS,
        [_heading("Web servers", *of_servers), tiers.web_servers(sources)],
        HAS_CONTAINERS,
        [_heading("Containers", *of_tasks), tiers.tasks(sources)],
        both=HAS_BOTH,
    )


def _is_it_healthy(sources: Sources, composites: Alarms) -> Row:
    served = Line("served, %", expression="100 - 100 * FILL(failed, 0) / asked")
    return Row(
        4,
        [
            alarms(6, "Is it healthy?", composites),
            number(
                6,
                "Requests served, of those in the time shown",
                Line("requests", sources.of_load_balancer("RequestCount", "Sum"), id="asked", hidden=True),
                Line("failed", sources.of_load_balancer("HTTPCode_Target_5XX_Count", "Sum"), id="failed", hidden=True),
                served,
                whole_range=True,
            ),
            number(
                6,
                "Seconds to answer",
                Line("median", sources.of_load_balancer("TargetResponseTime", "p50")),
                Line("p95", sources.of_load_balancer("TargetResponseTime", "p95")),
            ),
            number(
                6,
                "Now",
                Line("requests in 5 minutes", sources.of_load_balancer("RequestCount", "Sum")),
                *sources.of_each_target_group("healthy ", "HealthyHostCount", "Minimum"),
            ),
        ],
    )


def _cost_of_errors(sources: Sources) -> Row:
    return Row(
        3,
        [
            number(
                8,
                "Requests that failed",
                Line("by the application", sources.of_load_balancer("HTTPCode_Target_5XX_Count", "Sum")),
                Line("by the load balancer", sources.of_load_balancer("HTTPCode_ELB_5XX_Count", "Sum")),
                whole_range=True,
            ),
            number(
                8,
                "Requests that met no database or table",
                Line("answers 503", in_logs(UNAVAILABLE_ANSWERS)),
                whole_range=True,
            ),
            number(
                8,
                "Connections turned away",
                Line("rejected", sources.of_load_balancer("RejectedConnectionCount", "Sum")),
                whole_range=True,
            ),
        ],
    )


def _latest_errors(sources: Sources) -> Widget:
    question = APPLICATION_QUESTIONS["LatestErrorsQuery"]
    log_groups = {
        HAS_SERVERS: sources.servers.log_group_name,
        HAS_CONTAINERS: sources.containers.log_group_name,
    }
    return log_lines(24, "Latest errors", log_groups, question.query)
