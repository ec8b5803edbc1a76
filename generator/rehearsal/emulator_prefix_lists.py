"""AWS's managed prefix lists in the emulator: their ids in each region, and the rules that name them.

ministack 1.5.33 gives a list the same invented id everywhere and drops it from a rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from generator.prefix_lists import CLOUDFRONT_ADDRESSES
from generator.rehearsal.emulator_guards import replace_function

EC2 = "ministack.services.ec2"

CLOUDFRONT_LIST = "com.amazonaws.global.cloudfront.origin-facing"
"""The addresses from which CloudFront calls origins.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/LocationsOfEdgeServers.html#managed-prefix-list"""


def prefix_lists_of_each_region() -> None:
    """CloudFront's prefix list has the id that it has on AWS in that region."""

    def of_its_region(original: Any) -> Any:
        def id_from_name(prefix_name: str) -> str:
            region = import_module("ministack.core.responses").get_region()
            known = CLOUDFRONT_ADDRESSES.get(region) if prefix_name == CLOUDFRONT_LIST else None
            return known or str(original(prefix_name))

        return id_from_name

    replace_function(EC2, "_aws_pl_id_from_name", ("prefix_name",), of_its_region)


def prefix_lists_of_rules() -> None:
    """A rule of a security group that names a prefix list keeps it.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    """

    def keeping(original: Any) -> Any:
        def parse_ip_permissions(params: dict[str, Any], prefix: str) -> list[dict[str, Any]]:
            rules: list[dict[str, Any]] = original(params, prefix)
            for index, rule in enumerate(rules, start=1):
                rule["PrefixListIds"] = _named_lists(params, f"{prefix}.{index}.PrefixListIds")
            return rules

        return parse_ip_permissions

    replace_function(EC2, "_parse_ip_permissions", ("params", "prefix"), keeping)


def _named_lists(params: Mapping[str, Any], prefix: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    while list_id := _first(params, f"{prefix}.{len(found) + 1}.PrefixListId"):
        description = _first(params, f"{prefix}.{len(found) + 1}.Description")
        found.append({"PrefixListId": list_id} | ({"Description": description} if description else {}))
    return found


def _first(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


PREFIX_LISTS = (prefix_lists_of_each_region, prefix_lists_of_rules)
