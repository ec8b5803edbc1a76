"""The resource types of the edge that ministack lacks, and all patches of the services they belong to."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_buckets import BUCKETS
from generator.rehearsal.emulator_distributions import DISTRIBUTIONS
from generator.rehearsal.emulator_edge_cache import EDGE_CACHE
from generator.rehearsal.emulator_guards import PROVISIONERS
from generator.rehearsal.emulator_handlers import ApiType
from generator.rehearsal.emulator_listeners import LISTENERS
from generator.rehearsal.emulator_prefix_lists import PREFIX_LISTS
from generator.rehearsal.emulator_secrets import SECRETS
from generator.rehearsal.emulator_viewer_requests import VIEWER_REQUESTS
from generator.rehearsal.emulator_web_acls import LOGGING_CONFIGURATION, WEB_ACLS

EDGE_TYPES: dict[str, ApiType] = {"AWS::WAFv2::LoggingConfiguration": LOGGING_CONFIGURATION}

_TAGGED = (
    "AWS::CloudFront::Function",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::S3::Bucket",
    "AWS::WAFv2::WebACL",
)


def stack_tags() -> None:
    """The tags of a stack go to its buckets, web ACLs, functions and listener rules too.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
    """
    provisioners: Any = import_module(PROVISIONERS)
    for name in _TAGGED:
        provisioners._STACK_TAG_PROPERTY.setdefault(name, ("Tags", "list"))


EDGE_PATCHES: tuple[Callable[[], None], ...] = (
    *BUCKETS,
    *SECRETS,
    *PREFIX_LISTS,
    *LISTENERS,
    *WEB_ACLS,
    *DISTRIBUTIONS,
    *VIEWER_REQUESTS,
    *EDGE_CACHE,
    stack_tags,
)
