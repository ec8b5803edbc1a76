"""What listeners of a stack are like in AWS, where ministack 1.5.33 drops what their templates say."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import call
from generator.rehearsal.emulator_guards import apply_settings, handler_of
from generator.rehearsal.emulator_handlers import Properties

LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
LISTENER_RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"


def listener_attributes() -> None:
    """A listener has the attributes of its template from the start; ministack keeps them at an update alone."""

    def modify(arn: str, old: Properties, new: Properties) -> None:
        if new.get("ListenerAttributes"):
            call("elbv2", "ModifyListenerAttributes", ListenerArn=arn, Attributes=new["ListenerAttributes"])

    apply_settings(handler_of(LISTENER), modify)


def listener_rule_tags() -> None:
    """A listener rule has the tags of its template and its stack; ministack drops them."""

    def tag(arn: str, old: Properties, new: Properties) -> None:
        tags: Any = import_module("ministack.services.alb")._tags
        tags[arn] = [{"Key": each["Key"], "Value": str(each["Value"])} for each in new.get("Tags", ())]

    apply_settings(handler_of(LISTENER_RULE), tag)


LISTENERS = (listener_attributes, listener_rule_tags)
