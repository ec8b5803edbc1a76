"""What is counted in the logs of servers and containers, and the questions that are asked of logs: saved queries (D11).

What PostgreSQL writes is counted in the stack that owns its log group, so that nothing here waits for the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from troposphere import AWSHelperFn, Sub, Template
from troposphere.logs import QueryDefinition

from generator.log_metrics import APPLICATION_ERRORS, BOOTSTRAP_FAILURES, UNAVAILABLE_ANSWERS, metric_filter
from generator.naming import PROJECT, in_environment
from generator.nesting import conditional, only_if
from generator.parameter_types import ResourceName
from generator.stacks.observability_compute import HAS_CONTAINERS, HAS_SERVERS

BOOTSTRAP_FAILED = "bootstrap failed"
"""What a server's start-up script writes before it ends badly (user_data/web_server.sh)."""

OF_THE_APPLICATION = {
    # The application writes JSON. The web server's own log has no level.
    APPLICATION_ERRORS: '{ ($.level = "ERROR") || ($.level = "CRITICAL") }',
    # Said once for each answer 503: the database or the session table did not answer.
    UNAVAILABLE_ANSWERS: '{ $.message = "unavailable" }',
}
PATTERNS = {**OF_THE_APPLICATION, BOOTSTRAP_FAILURES: f'"{BOOTSTRAP_FAILED}"'}


@dataclass(frozen=True)
class Question:
    """A query of Logs Insights that is worth keeping."""

    name: str
    query: str


APPLICATION_QUESTIONS = {
    "LatestErrorsQuery": Question(
        "latest errors",
        "fields @timestamp, @logStream, coalesce(error, message, @message) as what, request_id\n"
        '| filter level in ["WARNING", "ERROR", "CRITICAL"] or @message like /\\[(error|crit|alert|emerg)\\]/\n'
        "| sort @timestamp desc\n| limit 50",
    ),
    "SlowestPathsQuery": Question(
        "slowest paths",
        "filter ispresent(seconds)\n"
        "| stats count() as requests, pct(seconds, 50) as median, pct(seconds, 95) as p95, max(seconds) as longest "
        "by method, path\n| sort p95 desc\n| limit 25",
    ),
    "FailuresByPathQuery": Question(
        "failures by path",
        "filter ispresent(seconds) and status >= 500\n"
        "| stats count() as failures, latest(@timestamp) as last by status, method, path\n"
        "| sort failures desc\n| limit 25",
    ),
    "BusiestClientsQuery": Question(
        "busiest clients",
        "filter ispresent(seconds)\n"
        "| stats count() as requests, sum(status >= 400) as refused by client, user_agent\n"
        "| sort requests desc\n| limit 25",
    ),
    "OneRequestQuery": Question(
        "everything about one request",
        "fields @timestamp, @logStream, @message\n"
        "| filter request_id = 'the id in the header X-Request-Id of the answer'\n| sort @timestamp asc",
    ),
}
START_QUESTIONS = {
    "BootstrapQuery": Question(
        "how servers started",
        "filter @logStream like /bootstrap/\n| fields @timestamp, @logStream, @message\n"
        "| sort @timestamp desc\n| limit 200",
    ),
}
DATABASE_QUESTIONS = {
    "DatabaseErrorsQuery": Question(
        "database errors",
        "fields @timestamp, @message\n| filter @message like /(ERROR|FATAL|PANIC):/\n"
        "| sort @timestamp desc\n| limit 50",
    ),
    "SlowStatementsQuery": Question(
        "slow statements",
        "filter @message like /duration:/\n| parse @message 'duration: * ms' as milliseconds\n"
        "| sort milliseconds desc\n| display @timestamp, milliseconds, @message\n| limit 50",
    ),
}
"""By logical id. Fields are those of nginx's log (user_data/nginx_configuration.sh), which the application in a
container writes as well, and of the application's."""


def database_log_group(database_id: ResourceName) -> Sub:
    """Return the log group to which RDS writes what PostgreSQL says."""
    return Sub("/aws/rds/instance/${Database}/postgresql", Database=database_id)


def add_filters(template: Template, web_server_logs: ResourceName, container_logs: ResourceName) -> None:
    """Add what counts lines in the logs of web servers and containers, both in the same metrics."""
    for metric, pattern in PATTERNS.items():
        template.add_resource(
            metric_filter(metric, pattern=pattern, log_group_name=web_server_logs, condition=HAS_SERVERS)
        )
    for metric, pattern in OF_THE_APPLICATION.items():
        template.add_resource(
            metric_filter(
                metric, pattern=pattern, log_group_name=container_logs, of="Container", condition=HAS_CONTAINERS
            )
        )


def add_queries(
    template: Template, web_server_logs: ResourceName, container_logs: ResourceName, database_id: ResourceName
) -> None:
    """Add the saved queries, in a folder of the environment. One about requests asks all that answer them."""
    everywhere = [only_if(HAS_SERVERS, web_server_logs), only_if(HAS_CONTAINERS, container_logs)]
    _add_questions(template, everywhere, APPLICATION_QUESTIONS)
    _add_questions(template, [web_server_logs], START_QUESTIONS, HAS_SERVERS)
    _add_questions(template, [database_log_group(database_id)], DATABASE_QUESTIONS)


def _add_questions(
    template: Template, log_groups: Sequence[AWSHelperFn], questions: dict[str, Question], condition: str | None = None
) -> None:
    for title, question in questions.items():
        template.add_resource(
            QueryDefinition(
                title,
                Name=in_environment(f"{PROJECT}/${{EnvironmentName}}/{question.name}"),
                LogGroupNames=list(log_groups),
                QueryString=question.query,
                **conditional(condition),
            )
        )
