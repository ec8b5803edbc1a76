"""SNS in the emulator, where ministack 1.5.33 falls short: encrypted topics, who may publish, and who is subscribed."""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_authorization import evaluator, key_arn, policy_of_resource
from generator.rehearsal.emulator_guards import (
    Response,
    apply_settings,
    guarded,
    handler_of,
    replace_function,
)
from generator.rehearsal.emulator_handlers import Properties
from generator.rehearsal.emulator_instances import emulator_directory
from generator.rehearsal.emulator_outbox import CONFIRMATION, NOTIFICATION, Sent, send

SNS, EVENTS = "ministack.services.sns", "ministack.services.eventbridge"
TOPIC, SUBSCRIPTION, TOPIC_POLICY = "AWS::SNS::Topic", "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy"
OUTSIDE = ("email", "email-json", "http", "https")
"""Protocols whose endpoints lie outside of AWS, and have to say that they want to be subscribed.
https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.confirm.html"""

_ATTRIBUTES = ("KmsMasterKeyId", "SignatureVersion", "TracingConfig", "DeliveryPolicy", "DataProtectionPolicy")
_KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")
_log = logging.getLogger(__name__)


# ---------------------------------------------------------------------------------------------------------------------
# Topics
# ---------------------------------------------------------------------------------------------------------------------


def topic_settings() -> None:
    """A topic of a stack has the key that its template names, and lets nobody in but its own account.

    ministack drops the key, and its first policy lets everybody publish. With the stack's policy for a topic the first
    one comes back.
    https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    """
    topics = import_module(SNS)._topics

    def set_up(arn: str, old: Properties, new: Properties) -> None:
        if not old:
            topics[arn]["attributes"]["Policy"] = _first_policy(arn)
        for name in _ATTRIBUTES:
            if name in new:
                value = new[name] if isinstance(new[name], str) else json.dumps(new[name])
                topics[arn]["attributes"][name] = value
            elif name in old:
                topics[arn]["attributes"].pop(name, None)
        _ask_those_who_were_not(arn)

    apply_settings(handler_of(TOPIC), set_up)
    policy = handler_of(TOPIC_POLICY)
    policy["delete"] = _restoring(policy["delete"])


def _first_policy(arn: str) -> str:
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:Publish", "SNS:Subscribe", "SNS:Receive"],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": arn.split(":")[4]}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


def _restoring(delete: Callable[[str, Properties], None]) -> Callable[[str, Properties], None]:
    def deleting(physical_id: str, props: Properties) -> None:
        delete(physical_id, props)
        for arn in props["Topics"]:
            if topic := import_module(SNS)._topics.get(arn):
                topic["attributes"]["Policy"] = _first_policy(arn)

    return deleting


# ---------------------------------------------------------------------------------------------------------------------
# Subscriptions
# ---------------------------------------------------------------------------------------------------------------------


def subscriptions_of_people() -> None:
    """Whoever is outside of AWS is asked first, and gets messages when the answer was yes; they lie in the outbox.

    ministack takes e-mail addresses for confirmed, asks no address of a stack, and would send to URLs for real.
    https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html
    """
    replace_function(SNS, "_subscribe", ("params",), _asking)

    def ask(physical_id: str, old: Properties, new: Properties) -> None:
        _ask_those_who_were_not(new["TopicArn"])

    apply_settings(handler_of(SUBSCRIPTION), ask)
    fanned_out = (
        "topic_arn",
        "msg_id",
        "message",
        "subject",
        "message_structure",
        "message_attributes",
        "message_group_id",
        "message_dedup_id",
    )
    guarded(SNS, "_matches_filter_policy", "sub", "message_attributes", "message")
    guarded(SNS, "_resolve_message_for_protocol", "message", "message_structure", "protocol")
    replace_function(SNS, "_fanout", fanned_out, _also_outside)
    posted = ("endpoint", "payload", "sns_message_type")
    replace_function(SNS, "_http_post_sync", posted, lambda original: lambda endpoint, payload, kind: 200)


def _asking(original: Any) -> Any:
    def subscribe(params: dict[str, Any]) -> Response:
        status, headers, body = original(params)
        found = re.search(r"<SubscriptionArn>[^<]+", body.decode())
        if status >= 300 or found is None:
            return status, headers, body
        pending = _ask_those_who_were_not(_first(params, "TopicArn"))
        shown = "<SubscriptionArn>pending confirmation" if pending else found[0]
        return status, headers, body.decode().replace(found[0], shown).encode()

    return subscribe


def _ask_those_who_were_not(topic_arn: str) -> list[dict[str, Any]]:
    """Ask everybody outside who has not been asked whether they want to be subscribed to a topic."""
    sns: Any = import_module(SNS)
    topic = sns._topics.get(topic_arn) or {"subscriptions": []}
    new = [each for each in topic["subscriptions"] if each["protocol"] in OUTSIDE and "asked" not in each]
    for each in new:
        each |= {"asked": True, "confirmed": False, "token": uuid.uuid4().hex}
        each["attributes"] |= {"PendingConfirmation": "true", "ConfirmationWasAuthenticated": "false"}
        text = f"You have chosen to subscribe to the topic {topic_arn}."
        subject = "AWS Notification - Subscription Confirmation"
        question = Sent(CONFIRMATION, topic_arn, each["protocol"], each["endpoint"], subject, text, each["token"])
        send(emulator_directory(), question)
    if new:
        sns._refresh_subscription_counts(topic)
    return new


def _also_outside(original: Any) -> Any:
    def fan_out(
        topic_arn: str,
        msg_id: str,
        message: str,
        subject: str,
        message_structure: str = "",
        message_attributes: dict[str, Any] | None = None,
        message_group_id: str = "",
        message_dedup_id: str = "",
    ) -> None:
        sns: Any = import_module(SNS)
        of_groups = {"message_group_id": message_group_id, "message_dedup_id": message_dedup_id}
        original(topic_arn, msg_id, message, subject, message_structure, message_attributes, **of_groups)
        for each in (sns._topic_by_arn_any_scope(topic_arn) or {"subscriptions": []})["subscriptions"]:
            text = sns._resolve_message_for_protocol(message, message_structure, each["protocol"])
            wanted = each["confirmed"] and each["protocol"] in OUTSIDE
            if wanted and sns._matches_filter_policy(each, message_attributes or {}, text):
                message_out = Sent(NOTIFICATION, topic_arn, each["protocol"], each["endpoint"], subject, text)
                send(emulator_directory(), message_out)

    return fan_out


# ---------------------------------------------------------------------------------------------------------------------
# Services that publish
# ---------------------------------------------------------------------------------------------------------------------


def publish_for_service(service: str, topic_arn: str, subject: str, message: str, keys: Mapping[str, str]) -> str:
    """Publish what a service has to say, if topic and key let it; return why not, or nothing.

    `keys` are the condition keys that the service sends, such as `aws:SourceArn`, in small letters.
    """
    sns: Any = import_module(SNS)
    topic = sns._topics.get(topic_arn)
    if topic is None:
        return f"Topic does not exist: {topic_arn}"
    questions = [("sns:Publish", topic_arn)]
    if key := topic["attributes"].get("KmsMasterKeyId"):
        arn = key_arn(str(key), topic_arn.split(":")[4], topic_arn.split(":")[3])
        questions += [(action, arn) for action in _KEY_ACTIONS]
    for action, resource in questions:
        if not _lets_service(service, action, resource, keys):
            return f"{service} is not authorized to perform: {action} on resource: {resource}"
    sns.publish_internal(topic_arn, message, subject)
    return ""


def _lets_service(service: str, action: str, resource: str, keys: Mapping[str, str]) -> bool:
    """Whether the policy of a resource lets a service do something."""
    found = policy_of_resource(action.split(":")[0], resource)
    if found is None:
        return False
    question = evaluator().EvalContext(
        principal_arn=service,
        principal_type="AWSService",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=resource.split(":")[3],
        secure_transport=True,
        service_context=dict(keys),
    )
    return bool(evaluator().evaluate_resource_policy(found[0], question, service=service).decision == "Allow")


def events_to_topics() -> None:
    """A rule of EventBridge publishes where the topic and its key let EventBridge, which sends no condition keys.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """

    def permitted(original: Any) -> Any:
        def dispatch(arn: str, payload: str) -> None:
            if why := publish_for_service("events.amazonaws.com", arn, "EventBridge Notification", payload, {}):
                _log.warning("EventBridge: %s", why)

        return dispatch

    guarded(SNS, "_topic_by_arn_any_scope", "topic_arn")
    replace_function(EVENTS, "_dispatch_to_sns", ("arn", "payload"), permitted)


def _first(params: dict[str, Any], name: str) -> str:
    value = params.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


TOPICS: tuple[Callable[[], None], ...] = (topic_settings, subscriptions_of_people, events_to_topics)
