"""Topics of the emulator: encrypted, closed to others, and silent towards whoever has not confirmed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from conftest import PRODUCTION, REGION, Account

from generator.rehearsal.emulator_outbox import CONFIRMATION, NOTIFICATION, Sent

Statement = dict[str, Any]
ACCOUNT = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def template(**resources: dict[str, Any]) -> str:
    return json.dumps({"Resources": resources})


def policy(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def letting(service: str, *actions: str, **condition: Any) -> Statement:
    given = {"Condition": condition["Condition"]} if condition else {}
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions), "Resource": "*", **given}


def topic_with(key: Statement, publishing: Statement) -> dict[str, dict[str, Any]]:
    """A topic under a key of its own, whose policies have one statement each for a service."""
    root = {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}
    owner = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    at_topic = {**publishing, "Resource": {"Ref": "Topic"}}
    return {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy(owner, key)}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": {"Ref": "Key"}}},
        "Policy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": policy(at_topic)},
        },
        "Mail": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {"TopicArn": {"Ref": "Topic"}, "Protocol": "email", "Endpoint": "somebody@example.com"},
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["trial"]},
                "Targets": [{"Id": "Topic", "Arn": {"Ref": "Topic"}}],
            },
        },
    }


def deployed(account: Account, name: str, content: str, kind: str = "CREATE") -> dict[str, str]:
    stack = account.deploy(name, content, kind)
    assert stack["StackStatus"] == f"{kind}_COMPLETE", account.failures(name)
    found = account.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}


def sent_about(account: Account, topic: str, kind: str) -> list[Sent]:
    return [each for each in account.emulator.sent() if (each.kind, each.source) == (kind, topic)]


def attributes(account: Account, topic: str) -> dict[str, str]:
    found: dict[str, str] = account.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    return found


def test_a_topic_has_its_key_until_the_template_takes_it_away(production: Account) -> None:
    resources = topic_with(
        letting("events.amazonaws.com", "kms:Decrypt"), letting("events.amazonaws.com", "sns:Publish")
    )
    ids = deployed(production, "topic-key", template(**resources))
    assert attributes(production, ids["Topic"])["KmsMasterKeyId"] == ids["Key"]
    resources["Topic"]["Properties"] = {"DisplayName": "plain"}
    deployed(production, "topic-key", template(**resources), "UPDATE")
    assert "KmsMasterKeyId" not in attributes(production, ids["Topic"])


def test_a_topic_lets_nobody_in_from_another_account_also_when_its_policy_is_gone(
    production: Account, development: Account
) -> None:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "own-account"}}
    open_to_all = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sns:Publish", "Resource": {"Ref": "Topic"}}
    properties = {"Topics": [{"Ref": "Topic"}], "PolicyDocument": policy(open_to_all)}
    with_policy = template(Topic=topic, Policy={"Type": "AWS::SNS::TopicPolicy", "Properties": properties})
    sns, arn = development.client("sns"), f"arn:aws:sns:{REGION}:{PRODUCTION}:own-account"
    deployed(production, "closed-topic", template(Topic=topic))
    with pytest.raises(sns.exceptions.AuthorizationErrorException):
        sns.publish(TopicArn=arn, Message="from elsewhere")
    deployed(production, "closed-topic", with_policy, "UPDATE")
    sns.publish(TopicArn=arn, Message="from elsewhere")
    deployed(production, "closed-topic", template(Topic=topic), "UPDATE")
    with pytest.raises(sns.exceptions.AuthorizationErrorException):
        sns.publish(TopicArn=arn, Message="from elsewhere")


@pytest.mark.parametrize("protocol", ["email", "https"])
def test_who_is_outside_gets_nothing_before_saying_yes(production: Account, protocol: str) -> None:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {}}
    endpoint = {"email": "somebody@example.com", "https": "https://example.com/pages"}[protocol]
    properties = {"TopicArn": {"Ref": "Topic"}, "Protocol": protocol, "Endpoint": endpoint}
    subscription = {"Type": "AWS::SNS::Subscription", "Properties": properties}
    ids = deployed(production, f"confirmed-by-{protocol}", template(Topic=topic, Subscription=subscription))
    sns = production.client("sns")
    sns.publish(TopicArn=ids["Topic"], Message="too early")
    [question] = sent_about(production, ids["Topic"], CONFIRMATION)
    assert (question.to, question.protocol) == (endpoint, protocol)
    assert attributes(production, ids["Topic"])["SubscriptionsPending"] == "1"
    sns.confirm_subscription(TopicArn=ids["Topic"], Token=question.token)
    sns.publish(TopicArn=ids["Topic"], Subject="Now", Message="in time")
    [message] = sent_about(production, ids["Topic"], NOTIFICATION)
    assert (message.to, message.subject, message.text) == (endpoint, "Now", "in time")


def test_who_subscribes_through_the_api_is_asked_too(production: Account) -> None:
    ids = deployed(production, "subscribed", template(Topic={"Type": "AWS::SNS::Topic", "Properties": {}}))
    sns = production.client("sns")
    answer = sns.subscribe(TopicArn=ids["Topic"], Protocol="email", Endpoint="somebody@example.com")
    assert answer["SubscriptionArn"] == "pending confirmation"
    [question] = sent_about(production, ids["Topic"], CONFIRMATION)
    confirmed = sns.confirm_subscription(TopicArn=ids["Topic"], Token=question.token)["SubscriptionArn"]
    sns.unsubscribe(SubscriptionArn=confirmed)
    sns.publish(TopicArn=ids["Topic"], Message="to nobody")
    assert sent_about(production, ids["Topic"], NOTIFICATION) == []


def told_of_an_event(account: Account, name: str, key: Statement, publishing: Statement) -> list[str]:
    """Return what the subscriber of a topic gets when an event of its rule happens."""
    ids = deployed(account, name, template(**topic_with(key, publishing)))
    [question] = sent_about(account, ids["Topic"], CONFIRMATION)
    account.client("sns").confirm_subscription(TopicArn=ids["Topic"], Token=question.token)
    refused = refusals(account)
    entry = {"Source": "trial", "DetailType": "trial", "Detail": json.dumps({"about": name})}
    assert account.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    for _ in range(600):
        if found := sent_about(account, ids["Topic"], NOTIFICATION):
            return [json.loads(each.text)["detail"]["about"] for each in found]
        if refusals(account) > refused:
            return []
        time.sleep(0.05)
    raise AssertionError("the event was neither told nor refused")


def refusals(account: Account) -> int:
    """Return how often EventBridge was refused so far, which the emulator writes to its log."""
    return account.emulator.log_tail(10_000).count("EventBridge: events.amazonaws.com is not authorized")


EVENTS, KEY_ACTIONS = "events.amazonaws.com", ("kms:Decrypt", "kms:GenerateDataKey")


def test_an_event_reaches_a_topic_that_lets_eventbridge(production: Account) -> None:
    found = told_of_an_event(production, "let-in", letting(EVENTS, *KEY_ACTIONS), letting(EVENTS, "sns:Publish"))
    assert found == ["let-in"]


@pytest.mark.parametrize(
    ("name", "key", "publishing"),
    [
        ("no-key", letting("cloudwatch.amazonaws.com", *KEY_ACTIONS), letting(EVENTS, "sns:Publish")),
        ("half-a-key", letting(EVENTS, "kms:Decrypt"), letting(EVENTS, "sns:Publish")),
        # EventBridge sends no condition keys.
        ("key-of-account", letting(EVENTS, *KEY_ACTIONS, Condition=ACCOUNT), letting(EVENTS, "sns:Publish")),
        ("topic-of-account", letting(EVENTS, *KEY_ACTIONS), letting(EVENTS, "sns:Publish", Condition=ACCOUNT)),
        ("no-topic", letting(EVENTS, *KEY_ACTIONS), letting("cloudwatch.amazonaws.com", "sns:Publish")),
    ],
)
def test_an_event_does_not_reach_a_topic_that_refuses(
    production: Account, name: str, key: Statement, publishing: Statement
) -> None:
    assert told_of_an_event(production, name, key, publishing) == []
