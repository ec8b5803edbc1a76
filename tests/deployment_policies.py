"""The policies that CloudFormation deploys with, as IAM gets them, and what they allow: asked of a policy engine.

The engine is the emulator's own, called directly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from generator.naming import short_name
from generator.resolver import resolve
from generator.roots import platform
from generator.stacks import STACKS
from generator.template_yaml import dump
from tests.intrinsics import Templates

ACCOUNT, HOME = "111122223333", "eu-west-1"
PARAMETERS = {
    "ArtifactKeyArn": f"arn:aws:kms:{HOME}:999900009999:key/11111111-2222-3333-4444-555555555555",
    "TemplateBucketName": "the-templates",
}
ROOTS = ("deployment_policies", "deployment_policies_services")
DEPLOYED = [short_name(module) for module in (*STACKS, platform)]
"""The templates that CloudFormation deploys with these policies."""

WITHOUT_REGION = ("billing:", "budgets:", "ce:", "cloudfront:", "iam:", "route53:", "shield:")
"""Services whose requests count as of us-east-1, wherever they come from."""

Documents = list[dict[str, Any]]


def documents_of(folder: Path, templates: Templates, roots: Sequence[str] = ROOTS, **parameters: str) -> Documents:
    """Return the policies of some roots as IAM gets them, in order; parameters are the first root's."""
    folder.mkdir(exist_ok=True)
    documents = []
    for root in roots:
        (folder / f"{root}.yaml").write_text(dump(templates[root]), encoding="utf-8")
        known = {**PARAMETERS, **parameters}
        given = {name: value for name, value in known.items() if name in templates[root].get("Parameters", {})}
        resolution = resolve(folder, root, given, ACCOUNT, HOME)
        documents += [dict(each.properties["PolicyDocument"]) for each in resolution.of_type("AWS::IAM::ManagedPolicy")]
    return documents


def allowed(
    documents: Documents,
    action: str,
    resource: str = "*",
    region: str = HOME,
    boundary: dict[str, Any] | None = None,
    **context: Any,
) -> bool:
    """Whether CloudFormation's role may; the keys of the context are those of IAM's conditions."""
    request = EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/web-platform-cloudformation/AWSCloudFormation",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region="us-east-1" if action.startswith(WITHOUT_REGION) else region,
        request_tags={
            key.removeprefix("aws:RequestTag/"): value for key, value in context.items() if "RequestTag" in key
        },
        service_context={key.lower(): value for key, value in context.items() if "RequestTag" not in key},
    )
    limits = [[parse_policy_document(boundary)]] if boundary else []
    return evaluate(request, [parse_policy_document(each) for each in documents], *limits).decision == "Allow"


def statements(documents: Documents) -> Iterator[dict[str, Any]]:
    for document in documents:
        yield from document["Statement"]
