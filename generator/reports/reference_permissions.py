"""Who may do what: roles, users and policies of a template, and policies of resources, statement by statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from generator.reports.markdown_table import table
from generator.reports.policy_words import actions, condition, principals, targets
from generator.reports.reference_templates import Source
from generator.reports.template_words import in_words

WHO = ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
"""The types that say what somebody may do."""

OF_RESOURCES = {
    "AWS::Backup::BackupVault": ("AccessPolicy", ""),
    "AWS::EC2::VPCEndpoint": ("PolicyDocument", ""),
    "AWS::ECR::Repository": ("RepositoryPolicyText", ""),
    "AWS::EFS::FileSystem": ("FileSystemPolicy", ""),
    "AWS::KMS::Key": ("KeyPolicy", ""),
    "AWS::S3::BucketPolicy": ("PolicyDocument", "Bucket"),
    "AWS::SNS::TopicPolicy": ("PolicyDocument", "Topics"),
}
"""The types that say who may use a resource: their property, and the one that names the resource."""

Statement = Mapping[str, Any]
OptionalStatement = tuple[Statement, str]
"""A statement, and the condition of the template under which it stands; empty where it always does."""


def permissions(source: Source) -> str:
    """Return the section on permissions; empty for a template that gives none."""
    parts = [
        _chapter(logical_id, resource)
        for logical_id, resource in source.resources.items()
        if resource["Type"] in WHO or _policy_of(resource) is not None
    ]
    return "\n\n".join(parts)


def _chapter(logical_id: str, resource: Mapping[str, Any]) -> str:
    parts = [f"### {logical_id}", "\n".join(f"- {line}" for line in _facts(resource))]
    if (policy := _policy_of(resource)) is not None:
        parts.append(_statements(list(_optional(policy["Statement"])), with_principals=True))
    if statements := list(_granted(resource)):
        parts.append(_statements(statements, with_principals=False))
    return "\n\n".join(part for part in parts if part)


def _policy_of(resource: Mapping[str, Any]) -> Any:
    """Return the policy that says who may use a resource."""
    name, _ = OF_RESOURCES.get(resource["Type"], ("", ""))
    return resource.get("Properties", {}).get(name) if name else None


def _facts(resource: Mapping[str, Any]) -> Iterator[str]:
    """Yield what holds for a role or policy as a whole."""
    properties = resource["Properties"]
    yield f"`{resource['Type']}`" + (f", only where `{resource['Condition']}`" if "Condition" in resource else "")
    _, owner = OF_RESOURCES.get(resource["Type"], ("", ""))
    if owner:
        yield f"policy of `{in_words(properties[owner])}`"
    for statement, only in _optional(properties.get("AssumeRolePolicyDocument", {}).get("Statement", [])):
        where = " where ".join(words for words in (principals(statement), condition(statement)) if words)
        yield f"taken on by {where}" + (f" (only where `{only}`)" if only else "")
    if boundary := properties.get("PermissionsBoundary"):
        yield f"bounded by {targets(boundary)}"
    for key, words in (("ManagedPolicyArns", "has"), ("Roles", "of"), ("Users", "of"), ("Groups", "of")):
        if named := properties.get(key):
            yield f"{words} {targets(named)}"


def _granted(resource: Mapping[str, Any]) -> Iterator[OptionalStatement]:
    """Yield the statements of what somebody may do: of a policy, or of a role's own policies."""
    if resource["Type"] not in WHO:
        return
    properties = resource["Properties"]
    yield from _optional(properties.get("PolicyDocument", {}).get("Statement", []))
    for policy, only in _optional(properties.get("Policies", [])):
        for statement, also in _optional(policy["PolicyDocument"]["Statement"]):
            yield statement, " and ".join(name for name in (only, also) if name)


def _optional(items: Sequence[Any]) -> Iterator[tuple[Any, str]]:
    """Yield the items of a list, each with the condition of the template under which it stands."""
    for item in items:
        if "Fn::If" in item:
            name, first, second = item["Fn::If"]
            yield from ((part, only) for part, only in ((first, name), (second, f"not {name}")) if "Ref" not in part)
        else:
            yield item, ""


def _statements(statements: Sequence[OptionalStatement], with_principals: bool) -> str:
    head = ["statement", *(["who"] if with_principals else []), "may", "on", "where"]
    rows = []
    for statement, only in statements:
        where = "; ".join(words for words in (condition(statement), f"only with `{only}`" if only else "") if words)
        who = [principals(statement)] if with_principals else []
        rows.append([f"`{statement['Sid']}`", *who, actions(statement), _on(statement), where])
    return table(head, rows)


def _on(statement: Statement) -> str:
    if "NotResource" in statement:
        return f"everything but {targets(statement['NotResource'])}"
    return targets(statement.get("Resource", "*"))
