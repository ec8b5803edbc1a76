"""What an upgrade allows and forbids that was not allowed or forbidden before: policy documents, compared by meaning.

A statement is taken apart into single permissions, so that statements that are merged, split, renamed or reordered
make no difference. What stays unknown until deployment, such as an ARN, is compared as the symbol that stands for it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple

from generator.resolver import Resolution, Resource, references

IDENTITY_POLICIES = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
"""Types whose statements belong to the roles, groups and users that they name."""

HOLDERS = ("Roles", "Groups", "Users")


@dataclass(frozen=True)
class PermissionChange:
    """Permissions that one holder gains (`+`) or loses (`-`), as far as they differ in actions alone."""

    holder: str
    """Address of the role, group, user or resource; for a policy without a known holder, its own."""
    sign: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principal: str
    """Whom a resource's policy lets in; empty in an identity's policy."""
    condition: str

    @property
    def text(self) -> str:
        """Return the change as one line: `Security/WebServerRole: + Allow s3:GetObject on …`."""
        parts = [f"{self.holder}: {self.sign} {self.effect} {', '.join(self.actions)}"]
        parts += [f"on {', '.join(self.resources)}"] if self.resources else []
        parts += [f"to {self.principal}"] if self.principal else []
        parts += [f"where {self.condition}"] if self.condition else []
        return " ".join(parts)


class _Permission(NamedTuple):
    holder: str
    effect: str
    action: str
    resource: str
    principal: str
    condition: str


def permission_changes(before: Resolution, after: Resolution) -> list[PermissionChange]:
    """Return what each holder gains and loses, sorted by holder, what is lost first."""
    old, new = set(_permissions(before)), set(_permissions(after))
    changes = [*_merged("-", old - new), *_merged("+", new - old)]
    return sorted(changes, key=lambda change: (change.holder, change.sign != "-", astuple(change)))


def _permissions(resolution: Resolution) -> Iterator[_Permission]:
    for resource in resolution.resources.values():
        for holder in _holders(resource):
            for document in documents(resource.properties):
                yield from _of_document(holder, document)
            for arn in resource.properties.get("ManagedPolicyArns", ()):
                yield _Permission(holder, "Allow", "everything that the managed policy allows", str(arn), "", "")


def _holders(resource: Resource) -> list[str]:
    if resource.type not in IDENTITY_POLICIES:
        return [resource.address]
    named = [str(name) for key in HOLDERS for name in resource.properties.get(key, ())]
    return [next((found.address for found in references(name)), name) for name in named] or [resource.address]


def documents(value: Any) -> Iterator[Mapping[str, Any]]:
    """Find every policy document in a resource's properties, however deep."""
    if isinstance(value, Mapping):
        if _is_document(value):
            yield value
        else:
            for part in value.values():
                yield from documents(part)
    elif isinstance(value, list):
        for item in value:
            yield from documents(item)


def _is_document(value: Mapping[str, Any]) -> bool:
    """Tell a policy from a web ACL, whose rules have statements too: about requests, without actions."""
    statements = _listed(value.get("Statement", []))
    return any(isinstance(each, Mapping) and each.keys() & {"Action", "NotAction"} for each in statements)


def _of_document(holder: str, document: Mapping[str, Any]) -> Iterator[_Permission]:
    for statement in _listed(document["Statement"]):
        principal = _spelled(statement, "Principal")
        condition = json.dumps(_canonical(statement.get("Condition", {})), ensure_ascii=False, sort_keys=True)
        for action in _terms(statement, "Action"):
            for resource in _terms(statement, "Resource") or [""]:
                effect = str(statement.get("Effect", "Allow"))
                yield _Permission(holder, effect, action, resource, principal, "" if condition == "{}" else condition)


def _terms(statement: Mapping[str, Any], key: str) -> list[str]:
    """Return a statement's actions or resources; those of `NotAction` and `NotResource` as one term, as they mean."""
    inverse = statement.get(f"Not{key}")
    if inverse is not None:
        return [f"everything but {', '.join(sorted(map(str, _listed(inverse))))}"]
    return [str(term) for term in _listed(statement.get(key, []))]


def _spelled(statement: Mapping[str, Any], key: str) -> str:
    inverse = statement.get(f"Not{key}")
    if inverse is not None:
        return f"everybody but {_principal(inverse)}"
    return _principal(statement[key]) if key in statement else ""


def _principal(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{kind} {name}" for kind in sorted(value) for name in sorted(map(str, _listed(value[kind]))))
    return "everybody" if value == "*" else str(value)


def _canonical(value: Any) -> Any:
    """Return a condition in which neither the order of values nor a list of one makes a difference."""
    if isinstance(value, Mapping):
        return {key: _canonical(part) for key, part in value.items()}
    return sorted(str(item).lower() if isinstance(item, bool) else str(item) for item in _listed(value))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _merged(sign: str, permissions: set[_Permission]) -> Iterator[PermissionChange]:
    """Put permissions together again: first the resources of an action, then the actions on the same resources."""
    resources: dict[_Permission, set[str]] = defaultdict(set)
    for permission in permissions:
        resources[permission._replace(resource="")].add(permission.resource)
    actions: dict[tuple[_Permission, tuple[str, ...]], set[str]] = defaultdict(set)
    for permission, named in resources.items():
        actions[permission._replace(action=""), tuple(sorted(named - {""}))].add(permission.action)
    for (permission, on), allowed in actions.items():
        yield PermissionChange(
            permission.holder,
            sign,
            permission.effect,
            tuple(sorted(allowed)),
            on,
            permission.principal,
            permission.condition,
        )
