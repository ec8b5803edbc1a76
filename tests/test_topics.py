"""D12: topics are encrypted, and open to the services that publish and to nobody else."""

from __future__ import annotations

from typing import Any

from troposphere import Ref, Template

from generator.parameter_types import KeyArn
from generator.topics import add_subscription, add_topic

OF_THIS_ACCOUNT = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def resources(*publishers: str) -> dict[str, Any]:
    template = Template()
    topic = add_topic(template, "Mail", tag="mail", key=KeyArn(Ref("Key")), publishers=publishers)
    add_subscription(template, "ToMe", topic, protocol="email", endpoint=Ref("Address"), condition="HasAddress")
    return dict(template.to_dict()["Resources"])


def test_topic_is_encrypted_and_has_a_name_tag() -> None:
    topic = resources("cloudwatch")["Mail"]["Properties"]
    assert topic["KmsMasterKeyId"] == {"Ref": "Key"}
    assert topic["Tags"] == [{"Key": "Name", "Value": {"Fn::Sub": "web-platform-${EnvironmentName}-mail"}}]


def test_each_publisher_has_a_statement_of_its_own() -> None:
    policy = resources("cloudwatch", "budgets")["MailPolicy"]["Properties"]
    assert policy["Topics"] == [{"Ref": "Mail"}]
    *publishing, _ = policy["PolicyDocument"]["Statement"]
    assert [(s["Sid"], s["Principal"]["Service"]) for s in publishing] == [
        ("PublishingByCloudwatch", "cloudwatch.amazonaws.com"),
        ("PublishingByBudgets", "budgets.amazonaws.com"),
    ]
    for statement in publishing:
        assert (statement["Action"], statement["Resource"]) == (["sns:Publish"], [{"Ref": "Mail"}])
        assert statement["Condition"] == OF_THIS_ACCOUNT


def test_eventbridge_publishes_without_a_condition() -> None:
    """A topic policy that has one refuses it."""
    first, _ = resources("events")["MailPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert first["Principal"] == {"Service": "events.amazonaws.com"}
    assert "Condition" not in first


def test_nobody_publishes_in_plain_text() -> None:
    *_, refused = resources("cloudwatch")["MailPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (refused["Effect"], refused["Principal"]) == ("Deny", "*")
    assert refused["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_subscriber_is_there_where_there_is_an_address() -> None:
    subscription = resources("cloudwatch")["ToMe"]
    assert subscription["Condition"] == "HasAddress"
    assert subscription["Properties"] == {
        "TopicArn": {"Ref": "Mail"},
        "Protocol": "email",
        "Endpoint": {"Ref": "Address"},
    }
