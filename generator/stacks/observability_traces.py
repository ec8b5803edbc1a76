"""The group of an environment's traces in X-Ray, which tells when more of them fail than before (D11).

One group with all traces, and not one of failures: insights compare how many requests fail with how many there are.
What was slow or failed is a question to the group, which the dashboard links. How many requests are traced, the
setting TraceShare says to the application itself (application_environment). There is no sampling rule: X-Ray's rules
are read by its own clients alone, and OpenTelemetry for Python has no maintained one.
https://docs.aws.amazon.com/xray/latest/devguide/xray-console-insights.html
"""

from __future__ import annotations

from troposphere import Template
from troposphere.xray import Group, InsightsConfiguration

from generator.naming import PROJECT, in_environment, name_tag

SERVICE = f"{PROJECT}-${{EnvironmentName}}"
"""What an environment's application is called in its traces: OTEL_SERVICE_NAME of its servers and tasks. With the
longest name of an environment it has 29 characters; a group's name may have 32."""

SLOW_SECONDS = 1
FAILED, SLOW = "fault = true", f"responsetime > {SLOW_SECONDS}"
"""What to ask a group for. https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html"""


def add_trace_group(template: Template) -> Group:
    """Add the group of the environment's traces."""
    return template.add_resource(
        Group(
            "Traces",
            GroupName=in_environment(SERVICE),
            FilterExpression=in_environment(f'service("{SERVICE}")'),
            InsightsConfiguration=InsightsConfiguration(InsightsEnabled=True, NotificationsEnabled=False),
            Tags=name_tag("traces"),
        )
    )
