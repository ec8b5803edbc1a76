"""The rules of a load balancer's HTTPS listener, as the service shows them: whom they forward to, by which weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Rule = Mapping[str, Any]


def rules(elb: Any, dns_name: str) -> list[Rule]:
    """Return the rules of the HTTPS listener of the load balancer with a name, but for the default one."""
    [balancer] = [b for b in elb.describe_load_balancers()["LoadBalancers"] if b["DNSName"].lower() == dns_name]
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    [arn] = [each["ListenerArn"] for each in listeners if each["Protocol"] == "HTTPS"]
    return [each for each in elb.describe_rules(ListenerArn=arn)["Rules"] if not each["IsDefault"]]


def of_priority(elb: Any, dns_name: str, priority: int) -> Rule:
    """Return the rule of a priority; an empty one where there is none."""
    return next((each for each in rules(elb, dns_name) if each["Priority"] == str(priority)), {})


def forwarded(rule: Rule) -> list[tuple[str, int]]:
    """Return the target groups that a rule forwards to, with their weights."""
    return [
        (group["TargetGroupArn"], group["Weight"])
        for action in rule.get("Actions", ())
        for group in action.get("ForwardConfig", {}).get("TargetGroups", ())
    ]


def wanted_header(rule: Rule) -> dict[str, str]:
    """Return the headers that a request must have for a rule to be followed."""
    configs = (each.get("HttpHeaderConfig") for each in rule.get("Conditions", ()))
    return {each["HttpHeaderName"]: each["Values"][0] for each in configs if each}
