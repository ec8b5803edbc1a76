"""D11: what is counted in logs: which lines of nginx, application, start-up script and PostgreSQL count as what."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from generator.log_metrics import APPLICATION_ERRORS, BOOTSTRAP_FAILURES, DATABASE_ERRORS, UNAVAILABLE_ANSWERS
from generator.stacks.observability_metric_filters import APPLICATION_QUESTIONS, DATABASE_QUESTIONS, START_QUESTIONS
from tests.alarm_claims import CONTAINERS, EVERYTHING, ONE_FLEET, observability
from tests.filter_patterns import matches
from tests.intrinsics import Templates, of_type

FOLDER = Path(__file__).parents[2]
ACCESS_LOG = FOLDER / "generator/user_data/nginx_configuration.sh"
OF_WEB_SERVERS, OF_CONTAINERS = {"Ref": "LogGroupName"}, {"Ref": "ContainerLogGroupName"}
IN_LOGS_OF_SERVERS = (APPLICATION_ERRORS, UNAVAILABLE_ANSWERS, BOOTSTRAP_FAILURES)


def patterns(templates: Templates) -> dict[str, str]:
    """Return the pattern of each metric of an environment's logs, which is the same wherever the lines are."""
    found: dict[str, str] = {}
    for name in ("observability", "database"):
        for each in of_type(templates[name], "AWS::Logs::MetricFilter").values():
            metric = each["Properties"]["MetricTransformations"][0]["MetricName"]
            pattern = each["Properties"]["FilterPattern"]
            assert found.setdefault(metric, pattern) == pattern
    return found


def counted(templates: Templates, line: str) -> set[str]:
    return {metric for metric, pattern in patterns(templates).items() if matches(pattern, line)}


def said(level: str, message: str, **others: Any) -> str:
    """Return a line as the application writes it (application/shop/telemetry.py)."""
    return json.dumps(
        {"time": "2026-11-21T20:00:00+0000", "level": level, "logger": "shop", "message": message} | others
    )


ACCESS = json.dumps({"time": "t", "request_id": "r", "method": "GET", "path": "/", "status": 503, "seconds": 0.001})


@pytest.mark.parametrize(
    ("line", "metrics"),
    [
        (said("ERROR", "Exception on /api/cart [PUT]", exc_info="Traceback …"), {APPLICATION_ERRORS}),
        (said("CRITICAL", "WORKER TIMEOUT (pid:7)"), {APPLICATION_ERRORS}),
        (said("WARNING", "unavailable", error="OperationalError: …"), {UNAVAILABLE_ANSWERS}),
        (said("INFO", "request", path="/api/products?q=ERROR", status=200), set()),
        (said("INFO", "request", path="/bootstrap-failed", status=200), set()),
        (ACCESS, set()),
        ("2026/11/21 20:00:00 [error] 7#7: *1 upstream timed out", set()),
        ("bootstrap failed: 1", {BOOTSTRAP_FAILURES}),
        ("Attempt 1 of 15 failed: dnf install", set()),
        ("2026-11-21 20:00:00 UTC:10.10.64.7(5432):application@application:[77]:ERROR:  deadlock", {DATABASE_ERRORS}),
        ("2026-11-21 20:00:00 UTC:10.10.64.7(5432):x@application:[77]:FATAL:  no password", {DATABASE_ERRORS}),
        ("2026-11-21 20:00:00 UTC::@:[1]:PANIC:  could not write", {DATABASE_ERRORS}),
        ("2026-11-21 20:00:00 UTC::@:[1]:LOG:  checkpoint complete", set()),
        ("2026-11-21 20:00:00 UTC::@:[1]:WARNING:  oldest xmin is far in the past", set()),
    ],
)
def test_a_line_counts_as_what_it_is(templates: Templates, line: str, metrics: set[str]) -> None:
    assert counted(templates, line) == metrics


def test_a_filter_reads_the_log_group_that_has_its_lines(templates: Templates) -> None:
    groups = {
        title: each["Properties"]["LogGroupName"]
        for title, each in of_type(templates["observability"], "AWS::Logs::MetricFilter").items()
    }
    assert groups == {
        **{f"{metric}Filter": OF_WEB_SERVERS for metric in IN_LOGS_OF_SERVERS},
        **{f"Container{metric}Filter": OF_CONTAINERS for metric in (APPLICATION_ERRORS, UNAVAILABLE_ANSWERS)},
    }
    [of_database] = of_type(templates["database"], "AWS::Logs::MetricFilter").values()
    assert of_database["Properties"]["LogGroupName"] == {"Ref": "PostgresqlLogGroup"}


def test_each_environment_counts_for_itself_and_zero_is_counted_too(templates: Templates) -> None:
    """Without a default there would be no data while all is well, and no alarm could tell that from no logs."""
    for name in ("observability", "database"):
        for each in of_type(templates[name], "AWS::Logs::MetricFilter").values():
            [counted_as] = each["Properties"]["MetricTransformations"]
            assert counted_as["MetricNamespace"] == {"Fn::Sub": "web-platform/${EnvironmentName}"}
            assert (counted_as["MetricValue"], counted_as["DefaultValue"], counted_as["Unit"]) == ("1", 0, "Count")
            assert "Dimensions" not in counted_as, "CloudWatch takes no default beside dimensions"


def test_a_server_says_the_words_when_it_does_not_start() -> None:
    script = (FOLDER / "generator/user_data/web_server.sh").read_text(encoding="utf-8")
    report = script[script.index("report_to_cloudformation() {") : script.index("trap report")]
    command = f"cfn-signal() {{ :; }}; ROOT= REGION= STACK_NAME=; set +e; {report.replace('$ROOT/opt/aws/bin/', '')}\n"
    for status, expected in ((3, "bootstrap failed: 3\n"), (0, "")):
        run = ["bash", "-c", f'{command}set_status() {{ return "$1"; }}; set_status {status}; report_to_cloudformation']
        assert subprocess.run(run, capture_output=True, text=True, check=False).stdout == expected


def test_queries_ask_for_fields_that_are_written() -> None:
    """Of nginx's log, of the application's, and those that CloudWatch Logs or the query itself makes."""
    of_nginx = set(re.findall(r'"(\w+)":"?\$', ACCESS_LOG.read_text(encoding="utf-8")))
    of_application = {"level", "message", "error", "request_id", "path", "status"}
    asked = {
        field
        for question in (*APPLICATION_QUESTIONS.values(), *START_QUESTIONS.values(), *DATABASE_QUESTIONS.values())
        for field in _fields(question.query)
    }
    assert {"seconds", "client", "user_agent", "method"} <= of_nginx
    assert asked <= of_nginx | of_application
    assert len(asked) > 8


WORDS = re.findall(
    r"\w+",
    "fields filter sort limit stats display parse as by and or in like asc desc coalesce ispresent count pct max sum "
    "latest what requests median p95 longest failures last refused milliseconds",
)
"""Of the query language, and those that queries themselves give to what they find."""


def _fields(query: str) -> set[str]:
    bare = re.sub(r"'[^']*'|\"[^\"]*\"|/[^/\n]*/|@\w+|\b\d+\b", "", query)
    return set(re.findall(r"[a-z_][a-z_0-9]*", bare)) - set(WORDS)


def test_queries_are_found_in_the_environments_folder(templates: Templates) -> None:
    queries = of_type(templates["observability"], "AWS::Logs::QueryDefinition")
    assert queries.keys() == APPLICATION_QUESTIONS.keys() | START_QUESTIONS.keys() | DATABASE_QUESTIONS.keys()
    for title, query in queries.items():
        assert query["Properties"]["Name"]["Fn::Sub"].startswith("web-platform/${EnvironmentName}/"), title


@pytest.mark.parametrize(
    ("compute", "groups"),
    [(ONE_FLEET, [OF_WEB_SERVERS]), (CONTAINERS, [OF_CONTAINERS]), (EVERYTHING, [OF_WEB_SERVERS, OF_CONTAINERS])],
)
def test_questions_about_requests_are_asked_of_all_who_answer_them(
    templates: Templates, compute: dict[str, str], groups: list[object]
) -> None:
    template = observability(templates, **compute)
    for title, query in of_type(template, "AWS::Logs::QueryDefinition").items():
        asked = query["Properties"]["LogGroupNames"]
        expected = groups if title in APPLICATION_QUESTIONS else [OF_WEB_SERVERS] if title in START_QUESTIONS else asked
        assert asked == expected, title
    assert START_QUESTIONS.keys() & template["Resources"].keys() == (
        START_QUESTIONS.keys() if OF_WEB_SERVERS in groups else set()
    )


@pytest.mark.parametrize(
    ("pattern", "line", "answer"),
    [
        ('{ $.a = "x" }', '{"a": "x"}', True),
        ('{ $.a = "x" }', "a: x", False),
        ('{ $.a != "x" }', "{}", False),
        ("{ $.a.b NOT EXISTS }", '{"a": {}}', True),
        ('{ ($.a = "x*") && (($.b >= 500) || ($.c = "y")) }', '{"a": "xyz", "b": 500}', True),
        ('{ ($.a = "x*") && (($.b >= 500) || ($.c = "y")) }', '{"a": "xyz", "b": 499}', False),
        ('?"one" ?"two"', "two of them", True),
        ('?"one" ?"two"', "three", False),
    ],
)
def test_patterns_are_read_as_their_syntax_says(pattern: str, line: str, answer: bool) -> None:
    assert matches(pattern, line) is answer


@pytest.mark.parametrize("pattern", ['{ $.a = "x" } }', "{ ($.a = 1 }", "one two", '{ $.a = "' + "x" * 1024 + '" }'])
def test_a_pattern_that_is_none_is_noticed(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        matches(pattern, '{"a": 1}')
