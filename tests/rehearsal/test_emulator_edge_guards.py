"""The patches of the edge look at what they wrap: a ministack that has changed is refused."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest
from guarded_patches import Patch, assert_notices_another_function, assert_notices_another_handler, patches_of

from generator.rehearsal import (
    emulator_buckets,
    emulator_distributions,
    emulator_edge_cache,
    emulator_listeners,
    emulator_prefix_lists,
    emulator_secrets,
    emulator_viewer_requests,
    emulator_web_acls,
)
from generator.rehearsal.emulator_edge_types import EDGE_PATCHES, EDGE_TYPES
from generator.rehearsal.emulator_guards import PROVISIONERS, PatchError

MODULES = (
    emulator_buckets,
    emulator_distributions,
    emulator_edge_cache,
    emulator_listeners,
    emulator_prefix_lists,
    emulator_secrets,
    emulator_viewer_requests,
    emulator_web_acls,
)

HANDLERS: dict[Patch, str] = {
    emulator_buckets.bucket_settings: "AWS::S3::Bucket",
    emulator_buckets.bucket_policies: "AWS::S3::BucketPolicy",
    emulator_secrets.secret_references: "AWS::SecretsManager::Secret",
    emulator_listeners.listener_attributes: "AWS::ElasticLoadBalancingV2::Listener",
    emulator_listeners.listener_rule_tags: "AWS::ElasticLoadBalancingV2::ListenerRule",
    emulator_web_acls.web_acls_in_use: "AWS::WAFv2::WebACL",
    emulator_distributions.checked_distributions: "AWS::CloudFront::Distribution",
    emulator_distributions.function_references: "AWS::CloudFront::Function",
}
CLOUDFRONT = "ministack.services.cloudfront"
FUNCTIONS: list[tuple[Patch, str, str]] = [
    (emulator_secrets.generated_secrets, PROVISIONERS, "_sm_secret_string"),
    (emulator_prefix_lists.prefix_lists_of_each_region, "ministack.services.ec2", "_aws_pl_id_from_name"),
    (emulator_prefix_lists.prefix_lists_of_rules, "ministack.services.ec2", "_parse_ip_permissions"),
    (emulator_web_acls.web_acl_requests, "ministack.services.waf", "handle_request"),
    (emulator_distributions.checked_distributions, CLOUDFRONT, "cache_policy_params"),
    (emulator_viewer_requests.distributions_of_all_accounts, CLOUDFRONT, "find_distribution_for_label"),
    (emulator_viewer_requests.paths_of_viewers, "ministack.app", "_handle_pre_body_request"),
    (emulator_viewer_requests.origins_with_domain_names, CLOUDFRONT, "_registered_alb"),
    (emulator_viewer_requests.origins_over_tls, CLOUDFRONT, "_fetch_from_alb_origin"),
    (emulator_viewer_requests.missing_objects, "ministack.services.s3", "serve_cloudfront_origin_fetch"),
    (emulator_edge_cache.edge_cache, CLOUDFRONT, "_dataplane_behavior"),
]


@pytest.mark.parametrize("patch", EDGE_PATCHES, ids=lambda patch: patch.__name__)
def test_every_patch_says_what_it_restores(patch: Patch) -> None:
    assert inspect.getdoc(patch)


def test_every_patch_of_the_modules_is_applied_and_guarded() -> None:
    assert patches_of(MODULES) <= set(EDGE_PATCHES)
    guarded = set(HANDLERS) | {patch for patch, _, _ in FUNCTIONS}
    unguarded = {patch.__name__ for patch in set(EDGE_PATCHES) - guarded}
    # The one has a test of its own below, the other adds to a table and replaces nothing.
    assert unguarded == {"functions_in_node", "stack_tags"}


@pytest.mark.parametrize(("patch", "type_name"), HANDLERS.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_handler_with_other_parameters_is_noticed(
    monkeypatch: pytest.MonkeyPatch, patch: Patch, type_name: str
) -> None:
    assert_notices_another_handler(monkeypatch, patch, type_name)


@pytest.mark.parametrize(("patch", "module", "name"), FUNCTIONS)
def test_a_function_with_other_parameters_is_noticed(
    monkeypatch: pytest.MonkeyPatch, patch: Patch, module: str, name: str
) -> None:
    assert_notices_another_function(monkeypatch, patch, module, name)


def test_another_way_to_find_node_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("ministack.core.node_pool._NODE_BINARY")
    with pytest.raises(PatchError, match="_NODE_BINARY is gone"):
        emulator_viewer_requests.functions_in_node()


def test_no_type_of_the_edge_is_ministacks_own() -> None:
    assert not set(EDGE_TYPES) & set(import_module(PROVISIONERS)._RESOURCE_HANDLERS)
