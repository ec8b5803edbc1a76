"""Who is told what: part of the stack `observability`.

Three topics, by how long a message can wait: a page for what visitors suffer from now, an escalation for a page that
nobody acknowledged, and operations for what can wait until morning (D12). Where Incident Manager pages, it has the mail
addresses of those on call and their escalation, and no mail goes past it: nobody is told the same thing twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import And, Equals, Not, Template
from troposphere import Condition as ConditionReference
from troposphere.sns import Topic

from generator.nesting import add_condition
from generator.parameter_types import EmailAddress, KeyArn, OnCallUrl, Toggle
from generator.topics import add_subscription, add_topic

HAS_INCIDENT_MANAGER = "HasIncidentManager"
PAGES_BY_MAIL, PAGES_BY_URL, ESCALATES_BY_MAIL = "PagesByMail", "PagesByUrl", "EscalatesByMail"
TELLS_OPERATIONS = "TellsOperations"

WITHOUT_INCIDENT_MANAGER = "WithoutIncidentManager"


@dataclass(frozen=True)
class People:
    """Whom an environment tells, and whether Incident Manager does so."""

    on_call_email: EmailAddress
    on_call_url: OnCallUrl
    escalation_email: EmailAddress
    operations_email: EmailAddress
    incident_manager: Toggle


@dataclass(frozen=True)
class Topics:
    """The topics, by how long a message can wait."""

    page: Topic
    escalation: Topic
    operations: Topic


def add_topics(template: Template, people: People, key: KeyArn) -> Topics:
    """Add the topics and those who listen to them, and return the topics."""
    _add_conditions(template, people)
    topics = Topics(
        page=add_topic(template, "PageTopic", tag="page", key=key, publishers=("cloudwatch",)),
        escalation=add_topic(template, "EscalationTopic", tag="escalation", key=key, publishers=("cloudwatch",)),
        operations=add_topic(
            template,
            "OperationsTopic",
            tag="operations",
            key=key,
            publishers=("cloudwatch", "events", "budgets", "costalerts"),
        ),
    )
    _subscribe(template, people, topics)
    return topics


def _add_conditions(template: Template, people: People) -> None:
    add_condition(template, HAS_INCIDENT_MANAGER, Equals(people.incident_manager, "true"))
    add_condition(template, WITHOUT_INCIDENT_MANAGER, Not(ConditionReference(HAS_INCIDENT_MANAGER)))
    alone = ConditionReference(WITHOUT_INCIDENT_MANAGER)
    add_condition(template, PAGES_BY_MAIL, And(alone, Not(Equals(people.on_call_email, ""))))
    add_condition(template, ESCALATES_BY_MAIL, And(alone, Not(Equals(people.escalation_email, ""))))
    add_condition(template, PAGES_BY_URL, Not(Equals(people.on_call_url, "")))
    add_condition(template, TELLS_OPERATIONS, Not(Equals(people.operations_email, "")))


def _subscribe(template: Template, people: People, topics: Topics) -> None:
    for title, topic, protocol, endpoint, condition in (
        ("PageMail", topics.page, "email", people.on_call_email, PAGES_BY_MAIL),
        ("PageCall", topics.page, "https", people.on_call_url, PAGES_BY_URL),
        ("EscalationMail", topics.escalation, "email", people.escalation_email, ESCALATES_BY_MAIL),
        ("OperationsMail", topics.operations, "email", people.operations_email, TELLS_OPERATIONS),
    ):
        add_subscription(template, title, topic, protocol=protocol, endpoint=endpoint, condition=condition)
