"""Buckets that one account reads and another owns, as the pipeline's accounts do.

ministack asks the bucket's policy, and takes every caller for the root of the caller's account. Policies that name
roles, as those of the pipeline's buckets do, would refuse everybody.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_authorization_stacks import reads_template, template_is_refused
from generator.rehearsal.emulator_guards import guarded, replace_function

logger = logging.getLogger("cloudformation")

BUCKETS = "ministack.services.s3"
TEMPLATES = "ministack.services.cloudformation.helpers"


def buckets_of_other_accounts() -> None:
    """The caller of a request is the role whose session signed it, and the bucket's policy is asked about that role."""
    guarded("ministack.core.router", "extract_access_key_id", "headers", "query_params")
    parameters = ("owner_account", "bucket_name", "key", "method", "query_params", "caller", "headers")
    replace_function(BUCKETS, "_foreign_bucket_allows", parameters, _also_as_role)


def templates_of_other_accounts() -> None:
    """CloudFormation reads a template, also from another account's bucket, where the role that it has then may.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
    """
    guarded(BUCKETS, "_bucket_owner_account", "name")
    guarded("ministack.core.responses", "request_scope", "account_id", "region")
    replace_function(BUCKETS, "_get_object_data", ("bucket_name", "key", "version_id"), _where_permitted)


def _also_as_role(original: Any) -> Any:
    def allows(
        owner_account: str,
        bucket_name: str,
        key: str,
        method: str,
        query_params: dict[str, Any],
        caller: str,
        headers: dict[str, str] | None = None,
    ) -> bool:
        if original(owner_account, bucket_name, key, method, query_params, caller, headers):
            return True
        access_key = import_module("ministack.core.router").extract_access_key_id(headers or {}, query_params)
        session = import_module("ministack.services.sts")._sessions.get(access_key, {})
        if not str(session.get("Arn", "")).startswith("arn:aws:sts::"):
            return False
        role = str(session["Arn"]).split(":assumed-role/")[1].split("/")[0]
        action = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject"}.get(method, "")
        if method in ("GET", "HEAD") and not key:
            action = "ListBucket"
        return _policy_allows(owner_account, bucket_name, key, f"s3:{action}", caller, role)

    return allows


def _where_permitted(original: Any) -> Any:
    def get_object_data(bucket_name: str, key: str, version_id: str | None = None) -> Any:
        if not reads_template():
            return original(bucket_name, key, version_id)
        if why := template_is_refused(bucket_name, key):
            logger.warning("Template %s/%s: %s", bucket_name, key, why)
            return None
        responses: Any = import_module("ministack.core.responses")
        owner = import_module(BUCKETS)._bucket_owner_account(bucket_name) or responses.get_account_id()
        with responses.request_scope(owner, responses.get_region()):
            return original(bucket_name, key, version_id)

    return get_object_data


def _policy_allows(owner: str, bucket: str, key: str, action: str, account_id: str, role: str) -> bool:
    evaluator: Any = import_module("ministack.core.iam_evaluator")
    responses: Any = import_module("ministack.core.responses")
    policy = import_module(BUCKETS)._bucket_policies.get_scoped(owner, None, bucket)
    if not policy:
        return False
    context = evaluator.EvalContext(
        principal_arn=f"arn:aws:iam::{account_id}:role/{role}",
        principal_type="AssumedRole",
        principal_account=account_id,
        action=action,
        resource_arn=f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}",
        region=responses.get_region(),
        # The emulator speaks HTTP on the loopback interface; AWS's own clients speak TLS.
        secure_transport=True,
    )
    return bool(evaluator.evaluate_resource_policy(policy, context).decision == "Allow")
