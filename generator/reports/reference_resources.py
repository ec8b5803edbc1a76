"""The resources of a template: when each is made, what is left of it, which key encrypts it, and how it is tagged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from generator.registry_schemas import schema
from generator.reports.markdown_table import table
from generator.reports.policy_words import targets
from generator.reports.reference_templates import Place, Source, Templates

REGION = "us-east-1"
"""The region whose registry knows every type that the platform uses."""

KEYS = (
    "KmsKeyId",
    "KMSKeyId",
    "KMSMasterKeyID",
    "KMSMasterKeyId",
    "KmsMasterKeyId",
    "KmsKey",
    "EncryptionKey",
    "EncryptionKeyArn",
    "ReplicaKmsKeyID",
)
"""The properties by which a resource names the key that encrypts it: each service has its own spelling."""

OWN_KEY = {"SSEAlgorithm": "AES256", "StorageEncrypted": True, "Encrypted": True}
"""The properties that ask for encryption without naming a key: the service's own is used."""

SOURCE_OF_COPY = "SourceDBInstanceIdentifier"
"""The property by which a copy names what it is a copy of, whose key it uses."""

WITH_CHAPTER = ("AWS::EC2::SecurityGroup", "AWS::KMS::Key")
"""The types that have a heading of their own on their stack's page."""

FROM_THE_STACK, ADDED, UNTAGGED = "stack's", "stack's and `Name`", "none possible"


def resources(templates: Templates, source: Source) -> str:
    """Return the table of a template's resources."""
    rows = [
        [
            f"`{logical_id}`",
            f"`{resource['Type']}`",
            f"`{resource['Condition']}`" if "Condition" in resource else "",
            _left(resource),
            _keys(templates, source, resource),
            _tags(resource),
        ]
        for logical_id, resource in source.resources.items()
    ]
    return table(["resource", "type", "only where", "when deleted", "encrypted by", "tags"], rows)


def page_of(templates: Templates, place: Place, here: Source) -> str:
    """Return a resource's or parameter's name, with its stack where that is another one."""
    page = "" if place.source is here else f"{place.source.name}.md"
    anchor = f"#{place.logical_id.lower()}" if place.resource.get("Type") in WITH_CHAPTER else ""
    return f"[`{place.logical_id}`]({page}{anchor})" if page or anchor else f"`{place.logical_id}`"


def _left(resource: Mapping[str, Any]) -> str:
    """Return what becomes of a resource when it is deleted, and when a new one replaces it."""
    deleted, replaced = resource.get("DeletionPolicy", "Delete"), resource.get("UpdateReplacePolicy", "Delete")
    words = {"Delete": "goes", "Retain": "**stays**", "Snapshot": "**snapshot**", "RetainExceptOnCreate": "**stays**"}
    then, instead = words[deleted], words[replaced]
    return then if then == instead else f"{then}; when replaced: {instead}"


def _keys(templates: Templates, source: Source, resource: Mapping[str, Any]) -> str:
    properties = resource.get("Properties", {})
    if original := properties.get(SOURCE_OF_COPY):
        properties = source.resources[original["Ref"]]["Properties"]
    named = {_key(templates, source, value) for value in _named_keys(properties)}
    return ", ".join(sorted(named)) or ("the service's key" if _asks(properties) else "")


def _key(templates: Templates, source: Source, value: Any) -> str:
    match value:
        case {"Id": found, "Type": _}:  # a pipeline's
            value = found
    if place := templates.origin(source, value):
        return page_of(templates, place, source)
    return targets(value)


def _named_keys(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _named_keys(item)
    elif isinstance(value, dict):
        for key, part in value.items():
            if key in KEYS:
                yield part
            else:
                yield from _named_keys(part)


def _asks(value: Any) -> bool:
    if isinstance(value, list):
        return any(_asks(item) for item in value)
    if isinstance(value, dict):
        return any(
            OWN_KEY[key] == part or str(part).lower() == "true" if key in OWN_KEY else _asks(part)
            for key, part in value.items()
        )
    return False


def _tags(resource: Mapping[str, Any]) -> str:
    """Return how a resource is tagged. CloudFormation puts the stack's tags on every type that can have some."""
    if not _taggable(resource["Type"]):
        return UNTAGGED
    own = [tags for name, tags in resource.get("Properties", {}).items() if name.endswith("Tags")]
    return ADDED if any("Name" in _tag_keys(tags) for tags in own) else FROM_THE_STACK


def _tag_keys(tags: Any) -> list[str]:
    """Return the keys of tags: most types have a list of them, some a mapping."""
    if isinstance(tags, dict):
        return list(tags)
    return [tag["Key"] for tag in tags if "Key" in tag] if isinstance(tags, list) else []


def _taggable(type_name: str) -> bool:
    """Whether CloudFormation can tag a type: its schema says so, or has a property for tags.

    https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-tagging
    """
    described = schema(type_name, REGION)
    return bool(described.get("tagging", {}).get("taggable") or "Tags" in described["properties"])
