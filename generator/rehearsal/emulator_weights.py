"""Rules of load balancers that forward to several target groups, by weight.

ministack 1.5.33 keeps the first target group of such a rule and sends it everything. Here rules keep all of them, show
them, and share the requests out: exactly, so that of ten requests in a row at 90 and 10 one goes to the second group.
A group without healthy targets gets its share too, as on AWS. Stickiness is shown, and not followed.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html#forward-actions
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import ApiError
from generator.rehearsal.emulator_guards import (
    PROVISIONERS,
    Response,
    guarded,
    handler_of,
    replace_function,
    wrap_action,
)
from generator.rehearsal.emulator_handlers import Properties

LOAD_BALANCERS = "ministack.services.alb"
TARGET_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
CONFIG = "ForwardConfig"

Action = dict[str, Any]
Shares = tuple[tuple[str, int], ...]
"""Target groups and their weights."""


def weights_of_rules() -> None:
    """A rule has the target groups and weights that a request or a template gives it."""

    def of_request(original: Any) -> Any:
        def parse(params: Any, prefix: str = "DefaultActions") -> list[Action]:
            actions: list[Action] = original(params, prefix)
            for number, action in enumerate(actions, 1):
                _keep(action, _requested(params, f"{prefix}.member.{number}.{CONFIG}"))
            return actions

        return parse

    def of_template(original: Any) -> Any:
        def actions_of(props: Mapping[str, Any], lb_arn: str | None, prop: str = "DefaultActions") -> list[Action]:
            actions: list[Action] = original(props, lb_arn, prop)
            for given, action in zip(props.get(prop) or (), actions, strict=True):
                _keep(action, given.get(CONFIG) or {})
            return actions

        return actions_of

    guarded(LOAD_BALANCERS, "_p", "params", "key", "default")
    replace_function(LOAD_BALANCERS, "_parse_actions", ("params", "prefix"), of_request)
    replace_function(PROVISIONERS, "_elbv2_listener_actions", ("props", "lb_arn", "prop"), of_template)


def weights_shown() -> None:
    """DescribeRules and DescribeListeners show the target groups of a forward action with their weights."""

    def showing(original: Any) -> Any:
        def action_xml(a: Action) -> str:
            xml = str(original(a))
            if a["Type"] != "forward":
                return xml
            members = "".join(
                f"<member><TargetGroupArn>{arn}</TargetGroupArn><Weight>{weight}</Weight></member>"
                for arn, weight in shares(a)
            )
            sticky = str(a.get(CONFIG, {}).get("Sticky", False)).lower()
            config = (
                f"<TargetGroups>{members}</TargetGroups>"
                f"<TargetGroupStickinessConfig><Enabled>{sticky}</Enabled></TargetGroupStickinessConfig>"
            )
            return xml.replace("</member>", f"<{CONFIG}>{config}</{CONFIG}></member>", 1)

        return action_xml

    replace_function(LOAD_BALANCERS, "_action_xml", ("a",), showing)


def weights_followed() -> None:
    """A load balancer shares the requests of a rule out over its target groups."""

    def by_weight(original: Any) -> Any:
        async def execute(actions: Sequence[Action], *request: Any, **how: Any) -> Any:
            return await original([_with_choice(each) for each in actions], *request, **how)

        return execute

    parameters = (
        "actions",
        "method",
        "path",
        "headers",
        "body",
        "query_params",
        "listener_port",
        "lb_arn",
        "target_host",
        "raw_query_string",
        "raw_path",
    )
    replace_function(LOAD_BALANCERS, "_execute_actions", parameters, by_weight)


def groups_in_use() -> None:
    """A target group that a rule names cannot be deleted; ministack deletes it, and the rule leads nowhere.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteTargetGroup.html
    """
    handler = handler_of(TARGET_GROUP)
    delete = handler["delete"]

    def unless_used(physical_id: str, props: Properties) -> None:
        if physical_id in groups_of_load_balancers():
            raise ApiError(f"Target group '{physical_id}' is currently in use by a listener or a rule")
        delete(physical_id, props)

    def by_request(original: Any) -> Any:
        def action(params: Any) -> Response:
            module: Any = import_module(LOAD_BALANCERS)
            arn = module._p(params, "TargetGroupArn")
            if arn not in groups_of_load_balancers():
                return original(params)  # type: ignore[no-any-return]
            why = f"Target group '{arn}' is currently in use by a listener or a rule"
            return module._error("ResourceInUse", why)  # type: ignore[no-any-return]

        return action

    guarded(LOAD_BALANCERS, "_error", "code", "message", "status")
    wrap_action(LOAD_BALANCERS, "DeleteTargetGroup", by_request)
    handler["delete"] = unless_used


def shares(action: Action) -> Shares:
    """Return the target groups of a forward action with their weights; a single group may have none written down."""
    groups = action.get(CONFIG, {}).get("TargetGroups")
    if groups:
        return tuple((each["TargetGroupArn"], each["Weight"]) for each in groups)
    return ((action["TargetGroupArn"], 1),) if "TargetGroupArn" in action else ()


def groups_of_load_balancers() -> frozenset[str]:
    """Return the target groups of the account and region under way that a load balancer forwards to."""
    rules = import_module(LOAD_BALANCERS)._rules.values()
    return frozenset(arn for rule in rules for action in rule.get("Actions", ()) for arn, _ in shares(action))


def _keep(action: Action, config: Mapping[str, Any]) -> None:
    groups = config.get("TargetGroups") or ()
    if not groups:
        return
    sticky = (config.get("TargetGroupStickinessConfig") or {}).get("Enabled", False)
    action[CONFIG] = {
        "TargetGroups": [
            {"TargetGroupArn": each["TargetGroupArn"], "Weight": int(each.get("Weight", 1))} for each in groups
        ],
        "Sticky": str(sticky).lower() == "true",
    }
    if len(groups) > 1:
        action.pop("TargetGroupArn", None)
    else:
        action["TargetGroupArn"] = groups[0]["TargetGroupArn"]


def _requested(params: Any, prefix: str) -> dict[str, Any]:
    read: Callable[..., str] = import_module(LOAD_BALANCERS)._p
    groups: list[dict[str, str]] = []
    while arn := read(params, f"{prefix}.TargetGroups.member.{len(groups) + 1}.TargetGroupArn"):
        weight = read(params, f"{prefix}.TargetGroups.member.{len(groups) + 1}.Weight")
        groups.append({"TargetGroupArn": arn, "Weight": weight or "1"})
    sticky = read(params, f"{prefix}.TargetGroupStickinessConfig.Enabled")
    return {"TargetGroups": groups, "TargetGroupStickinessConfig": {"Enabled": sticky}}


def _with_choice(action: Action) -> Action:
    among = shares(action) if action["Type"] == "forward" else ()
    return {**action, "TargetGroupArn": next(_turns(among))} if len(among) > 1 else action


@cache
def _turns(among: Shares) -> Iterator[str]:
    """Yield target groups by weight, evenly: each gains its weight at every turn, and pays all of them when chosen.

    With weights of 0 alone nothing answers, as if there were no such group.
    """
    total = sum(weight for _, weight in among)
    credit = dict.fromkeys((arn for arn, _ in among), 0)
    while True:
        for arn, weight in among:
            credit[arn] += weight
        chosen = max((arn for arn, weight in among if weight), key=lambda arn: credit[arn], default="")
        if chosen:
            credit[chosen] -= total
        yield chosen


WEIGHTS: tuple[Callable[[], None], ...] = (weights_of_rules, weights_shown, weights_followed, groups_in_use)
