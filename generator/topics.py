"""The shape of a topic: encrypted, reached over TLS alone, open to the services that publish and to nobody else."""

from __future__ import annotations

import awacs.sns
from troposphere import AWSHelperFn, Ref, Template
from troposphere.sns import SubscriptionResource, Topic, TopicPolicy

from generator.iam import allow_principal, deny_insecure_transport, document, from_this_account, service_principal
from generator.keys import EVENTBRIDGE
from generator.naming import name_tag
from generator.parameter_types import KeyArn


def add_topic(
    template: Template, title: str, *, tag: str, key: KeyArn | AWSHelperFn, publishers: tuple[str, ...]
) -> Topic:
    """Add a topic with its policy, and return it. `publishers` are services by their principals' short names.

    EventBridge alone publishes without a condition: topic policies that have one refuse it.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    topic = template.add_resource(Topic(title, KmsMasterKeyId=key, Tags=name_tag(tag)))
    publishing = [
        allow_principal(
            f"PublishingBy{service.capitalize()}",
            service_principal(service),
            [awacs.sns.Publish],
            [Ref(topic)],
            None if service == EVENTBRIDGE else from_this_account(),
        )
        for service in publishers
    ]
    template.add_resource(
        TopicPolicy(
            f"{title}Policy",
            Topics=[Ref(topic)],
            PolicyDocument=document(*publishing, deny_insecure_transport([awacs.sns.Publish], [Ref(topic)])),
        )
    )
    return topic


def add_subscription(
    template: Template, title: str, topic: Topic, *, protocol: str, endpoint: AWSHelperFn, condition: str
) -> None:
    """Add a subscriber where the condition holds. It gets nothing before it has confirmed that it wants to."""
    template.add_resource(
        SubscriptionResource(title, Condition=condition, TopicArn=Ref(topic), Protocol=protocol, Endpoint=endpoint)
    )
