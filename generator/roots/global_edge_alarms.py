"""Alarms on CloudFront, its web ACL and its certificate, where their metrics are. Part of the root `global_edge`.

The distribution comes later, by the platform's own deployment: the alarm on its errors is a query over all that the
account has. Without a domain CloudFront serves the website alone, and its errors page somebody. With one it hands on
the errors of the load balancer too, for which the platform's own alarms page already: nobody is paged twice, and who
wants to be paged for CloudFront alone asks for the canary, which comes through it.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import Equals, If, Not, Ref, Template
from troposphere.certificatemanager import Certificate
from troposphere.sns import Topic

from generator.alarms import Metric, Window, above, at_most, metric_alarm, query_alarm
from generator.nesting import add_condition
from generator.parameter_types import EmailAddress, KeyArn, OnCallUrl
from generator.topics import add_subscription, add_topic
from generator.web_acl import WEB_ACL_METRIC

HAS_DOMAIN, HAS_FIREWALL = "HasDomain", "HasFirewall"
"""The conditions that the root defines."""

PAGES_BY_MAIL, PAGES_BY_URL, TELLS_OPERATIONS = "PagesByMail", "PagesByUrl", "TellsOperations"

ERROR_PERCENT = 5
ERRORS = 'SELECT MAX("5xxErrorRate") FROM SCHEMA("AWS/CloudFront", DistributionId, Region)'

BLOCKED_IN_FIVE_MINUTES = 1000

DAYS_BEFORE_EXPIRY = 44
"""ACM renews 60 days before a certificate expires; AWS recommends this alarm.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Best_Practice_Recommended_Alarms_AWS_Services.html"""

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class EdgeTopics:
    """Who is told: what visitors suffer from now, and what can wait until morning."""

    page: Topic
    operations: Topic


def add_edge_topics(
    template: Template, key: KeyArn, on_call_email: EmailAddress, on_call_url: OnCallUrl, operations_email: EmailAddress
) -> EdgeTopics:
    """Add the topics and those who listen to them."""
    add_condition(template, PAGES_BY_MAIL, Not(Equals(on_call_email, "")))
    add_condition(template, PAGES_BY_URL, Not(Equals(on_call_url, "")))
    add_condition(template, TELLS_OPERATIONS, Not(Equals(operations_email, "")))
    page = add_topic(template, "EdgePageTopic", tag="edge-page", key=key, publishers=("cloudwatch",))
    operations = add_topic(template, "EdgeOperationsTopic", tag="edge-operations", key=key, publishers=("cloudwatch",))
    for title, topic, protocol, endpoint, condition in (
        ("EdgePageMail", page, "email", on_call_email, PAGES_BY_MAIL),
        ("EdgePageCall", page, "https", on_call_url, PAGES_BY_URL),
        ("EdgeOperationsMail", operations, "email", operations_email, TELLS_OPERATIONS),
    ):
        add_subscription(template, title, topic, protocol=protocol, endpoint=endpoint, condition=condition)
    return EdgeTopics(page, operations)


def add_edge_alarms(template: Template, topics: EdgeTopics, certificate: Certificate) -> None:
    """Add the alarms on CloudFront, web ACL and certificate."""
    operations = [Ref(topics.operations)]
    template.add_resource(
        query_alarm(
            "EdgeServerErrors",
            means=f"CloudFront answers more than {ERROR_PERCENT} % of all requests with an error.",
            query=ERRORS,
            breach=above(ERROR_PERCENT),
            window=Window(5, 60, datapoints=3),
            actions=[If(HAS_DOMAIN, Ref(topics.operations), Ref(topics.page))],
        )
    )
    all_rules = {"WebACL": WEB_ACL_METRIC, "Rule": "ALL"}
    template.add_resource(
        metric_alarm(
            "EdgeRequestsBlocked",
            means=f"CloudFront's firewall has blocked more than {BLOCKED_IN_FIVE_MINUTES:,} requests in five minutes, "
            "twice.",
            metric=Metric("AWS/WAFV2", "BlockedRequests", all_rules, "Sum"),
            breach=above(BLOCKED_IN_FIVE_MINUTES),
            window=Window(2, 300),
            actions=operations,
            condition=HAS_FIREWALL,
        )
    )
    served = {"CertificateArn": Ref(certificate)}
    template.add_resource(
        metric_alarm(
            "EdgeCertificateExpires",
            means=f"CloudFront's certificate expires within {DAYS_BEFORE_EXPIRY} days and was not renewed.",
            metric=Metric("AWS/CertificateManager", "DaysToExpiry", served, "Minimum"),
            breach=at_most(DAYS_BEFORE_EXPIRY),
            window=Window(1, DAY_SECONDS),
            actions=operations,
            condition=HAS_DOMAIN,
        )
    )
