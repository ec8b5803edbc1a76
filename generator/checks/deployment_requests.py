"""What CloudFormation asks of IAM when it creates, changes or deletes a resource: action, resource and conditions.

The actions are those that the type's registry schema lists for its handlers, which AWS calls hints. On which resources
IAM looks at an action says the service authorization reference, as cfn-lint bundles it. An action is asked for on every
resource of a fitting kind that the change names: the resource itself, ARNs and ids among its properties. One that fits
nothing named there is not asked for: it belongs to a property that is not given.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-handlers
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, cached_property
from typing import Any, Protocol
from urllib.parse import urlsplit

from generator import registry_schemas
from generator.checks.deployment_handlers import BESIDES_HANDLERS, ONLY_WITH, WILDCARDS, WITHOUT_HANDLERS
from generator.checks.deployment_resources import (
    EC2_IDS,
    LOWER_CASE,
    MADE_BESIDES,
    NAME_IN_ARN,
    NAMED_BY_PROPERTY,
    OWN_ARN,
    PASSED_TO,
    PROPERTY_KEYS,
    SERVICE_LINKED_ROLES,
    UNLISTED_KINDS,
    VIA_SERVICE,
)

CREATE, UPDATE, DELETE = "create", "update", "delete"
NESTED_STACK, BUCKET = "AWS::CloudFormation::Stack", "AWS::S3::Bucket"
GLOBAL_SERVICES = ("iam", "route53", "cloudfront", "billing", "budgets", "ce", "organizations", "shield")
"""Services with one endpoint for all regions, which `aws:RequestedRegion` calls us-east-1.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"""

MAKING = ("Create", "Allocate", "Request", "Run", "Restore", "Import")
"""How actions begin that make a resource; it has no tags before."""

ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:(?:\d{12}|aws)?:\S+")
BUCKET_ADDRESS = re.compile(r"\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com$")
"""What follows a bucket's name where its address is given for it."""
EC2_ID = re.compile(rf"({'|'.join(map(re.escape, EC2_IDS))})-[0-9a-f]{{8,17}}")


@dataclass(frozen=True)
class Change:
    """One operation of CloudFormation on one resource, whose properties are resolved."""

    type: str
    operation: str
    properties: Mapping[str, Any]
    logical_id: str
    stack_name: str
    account_id: str
    region: str
    physical_id: str = ""
    """Empty for a resource that is created."""
    previous: Mapping[str, Any] = field(default_factory=dict)
    """The properties before an update."""
    stack_tags: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def tags(self) -> dict[str, str]:
        """The tags that the resource has, or gets: those of the stack and its own."""
        if self.type == "AWS::EC2::LaunchTemplate":
            return _launch_template_tags(self.properties)
        tagging = registry_schemas.schema(self.type, self.region).get("tagging", {})
        if not tagging.get("taggable", True):
            return {}
        given = self.properties.get(tagging.get("tagProperty", "/properties/Tags").removeprefix("/properties/")) or {}
        own = given if isinstance(given, dict) else _as_mapping(given)
        tags = {**self.stack_tags, **own}
        return {key: str(value) for key, value in tags.items() if not key.startswith("aws:")}


def _launch_template_tags(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of the template itself; stack tags do not come so far."""
    specifications = properties.get("TagSpecifications") or ()
    own = [each for each in specifications if each.get("ResourceType") == "launch-template"]
    return {key: value for each in own for key, value in _as_mapping(each["Tags"]).items()}


def _as_mapping(tags: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in tags}


@dataclass(frozen=True)
class Request:
    """One question to IAM. `context` has the condition keys besides those of the caller."""

    action: str
    resource: str
    context: Mapping[str, str | list[str]]


class Deployed(Protocol):
    """What is there already and IAM knows of it."""

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """Return the tags of a resource; none where it is not known."""

    def boundary_of(self, arn: str) -> str:
        """Return the ARN of a role's or user's permissions boundary, or nothing."""


def requests(change: Change, deployed: Deployed) -> list[Request]:
    """Return what is asked of IAM for a change, in the order of the actions' names."""
    own, others = own_arns(change), named_arns(change)
    found = [request for action in _actions(change) for request in _asked(change, action, own, others, deployed)]
    return [*found, *_template_reading(change)]


def own_arns(change: Change) -> list[str]:
    """Return the ARNs by which IAM may know the resource: its own, invented as AWS would where it is not there yet."""
    if OWN_ARN.get(change.type) == ():
        return []  # its physical id may be the ARN of what it belongs to
    if change.physical_id.startswith("arn:"):
        return [change.physical_id]
    name = change.physical_id or _identifier(change)
    values = {"account": change.account_id, "region": change.region, "id": name, "invented": invented(change)}
    values["path"] = f"/{name.lstrip('/')}"
    values["group"] = str(change.properties.get("GroupName", "default"))
    values["cluster"] = _name_of_cluster(str(change.properties.get("Cluster", "default")))
    values["contact"] = str(change.properties.get("ContactId", "")).rpartition("/")[2]
    if change.type == "AWS::WAFv2::WebACL":
        values |= _parts_of_web_acl(change)
    return ["arn:aws:" + pattern.format(**values) for pattern in OWN_ARN.get(change.type, ())]


def _name_of_cluster(cluster: str) -> str:
    """Return the name of a cluster that a service names by name or by ARN."""
    return cluster.rpartition("/")[2]


def _parts_of_web_acl(change: Change) -> dict[str, str]:
    """Return what a web ACL's ARN is made of: its physical id has name, id and scope, in another order."""
    new = f"{change.properties.get('Name') or invented(change)}|00000000-0000-0000-0000-000000000000"
    name, identifier, *_ = (change.physical_id or new).split("|")
    scope = "global" if change.properties.get("Scope") == "CLOUDFRONT" else "regional"
    return {"id": f"{name}/{identifier}", "scope": scope}


def named_arns(change: Change) -> list[str]:
    """Return the ARNs of other resources that the properties name, by ARN, by an id of EC2, or by a name."""
    return list(dict.fromkeys(_named(change, "", dict(change.properties))))


def invented(change: Change) -> str:
    """Return what CloudFormation could call a resource that has no name of its own."""
    digest = hashlib.sha256(f"{change.stack_name}/{change.logical_id}".encode()).hexdigest()
    name = f"{change.stack_name}-{change.logical_id}-{digest[:12].upper()}"
    return name.lower() if change.type.startswith(LOWER_CASE) else name


def known_action(action: str) -> bool:
    """Whether IAM has an action of this name."""
    service, _, name = action.partition(":")
    return name.lower() in _definition(service).get("Actions", {})


def _actions(change: Change) -> list[str]:
    """Return the actions of the operation's handler. After making or changing a resource, its state is read."""
    handlers = _handlers(change)
    read = () if change.operation == DELETE else handlers.get("read", ())
    used = [action for action in handlers.get(change.operation, ()) if action in read or _is_used(change, action)]
    besides = () if change.operation == DELETE else BESIDES_HANDLERS.get(change.type, ())
    found = {each for action in [*used, *read, *besides] for each in WILDCARDS.get(action, (action,))}
    if change.previous.get("PermissionsBoundary") and not change.properties.get("PermissionsBoundary"):
        found |= {f"iam:Delete{change.type.rpartition('::')[2]}PermissionsBoundary"}
    return sorted(action for action in found if known_action(action))


def _handlers(change: Change) -> Mapping[str, tuple[str, ...]]:
    if change.type in WITHOUT_HANDLERS:
        return WITHOUT_HANDLERS[change.type]
    try:
        return registry_schemas.handler_permissions(change.type, change.region)
    except KeyError as error:
        raise LookupError(
            f"{change.type}: nobody says what its deployment asks of IAM; see WITHOUT_HANDLERS"
        ) from error


def _is_used(change: Change, action: str) -> bool:
    """Whether the properties give reason to an action that makes or changes something."""
    for patterns, wanted in ONLY_WITH.get(change.type, {}).items():
        if any(fnmatchcase(action, pattern) for pattern in patterns):
            return any(change.properties.get(name) not in (None, "", [], {}) for name in wanted)
    return not (change.operation == CREATE and _untags(action))


def _untags(action: str) -> bool:
    return _is_about_tags(action) and action.partition(":")[2].startswith(("Untag", "Remove", "Delete"))


def _is_about_tags(action: str) -> bool:
    return "Tag" in action or ":Untag" in action


def _asked(change: Change, action: str, own: list[str], others: list[str], deployed: Deployed) -> Iterator[Request]:
    if action == "iam:CreateServiceLinkedRole":
        yield from _service_linked_role(change)
        return
    kinds = _kinds(action)
    if not kinds:
        yield Request(action, "*", _context(change, action, "*", own, deployed))
        return
    place = {"account": change.account_id, "region": change.region, "id": change.physical_id or _identifier(change)}
    made = ["arn:aws:" + pattern.format(**place) for pattern in MADE_BESIDES.get((change.type, action), ())]
    arns = [arn for arn in dict.fromkeys([*own, *others, *made]) if any(kind.fullmatch(arn) for kind in kinds)]
    if not arns and change.type not in OWN_ARN:
        # Nobody has said how IAM knows this type: better a question too many than none.
        arns = [_some_arn(change, action)]
    for arn in arns:
        if not _is_no_question(change, action, arn, own):
            for extra in _variants(change, action):
                yield Request(action, arn, {**_context(change, action, arn, own, deployed), **extra})


def _is_no_question(change: Change, action: str, arn: str, own: list[str]) -> bool:
    """Whether IAM is not asked about an ARN although it is of a kind that the action knows."""
    if arn.startswith("arn:aws:logs:"):
        # Log groups stand with a stream's part in what IAM is asked, but for tags.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
        return _is_about_tags(action) == (":log-stream:" in arn)
    if change.type == BUCKET and arn.startswith("arn:aws:s3:"):
        return arn not in own  # a bucket for logs or copies has a policy that says who may write there
    if _is_about_tags(action) and own:
        return arn in named_arns(change)
    return action == "iam:PassRole" and (arn in own or change.type not in PASSED_TO)


def _variants(change: Change, action: str) -> list[dict[str, str]]:
    """Return the conditions that differ where one change makes a call more than once, or not at all."""
    if action == "iam:PassRole":
        return [{"iam:PassedToService": service} for service in PASSED_TO[change.type]]
    name = action.removeprefix("iam:")
    if not (action.startswith("iam:") and name.startswith(("Attach", "Detach"))):
        return [{}]
    before, after = (set(each.get("ManagedPolicyArns") or ()) for each in (change.previous, change.properties))
    detached = before - after if change.operation == UPDATE else after
    concerned = after - before if name.startswith("Attach") else detached
    return [{"iam:PolicyARN": str(arn)} for arn in sorted(concerned)]


def _service_linked_role(change: Change) -> Iterator[Request]:
    for service, name in SERVICE_LINKED_ROLES.get(change.type, ()):
        arn = f"arn:aws:iam::{change.account_id}:role/aws-service-role/{service}/{name}"
        yield Request(
            "iam:CreateServiceLinkedRole", arn, {"aws:RequestedRegion": "us-east-1", "iam:AWSServiceName": service}
        )


def _template_reading(change: Change) -> Iterator[Request]:
    """Yield the reading of a nested stack's template, which CloudFormation does with the rights of its role."""
    if change.type == NESTED_STACK and change.operation != DELETE:
        resource = "arn:aws:s3:::" + urlsplit(str(change.properties["TemplateURL"])).path.lstrip("/")
        yield Request("s3:GetObject", resource, {"aws:RequestedRegion": change.region})


def _context(change: Change, action: str, arn: str, own: list[str], deployed: Deployed) -> dict[str, str | list[str]]:
    service, _, name = action.partition(":")
    context: dict[str, str | list[str]] = {
        "aws:RequestedRegion": "us-east-1" if service in GLOBAL_SERVICES or ":global/webacl/" in arn else change.region
    }
    its_own = arn in own or arn == "*"
    tagging, making = _is_about_tags(action) and not _untags(action), name.startswith(MAKING)
    new = change.operation == CREATE and its_own
    if its_own and change.operation != DELETE and (making or tagging):
        context |= {f"aws:RequestTag/{key}": value for key, value in change.tags.items()}
        context["aws:TagKeys"] = list(change.tags)
    if not (new and (making or tagging)):
        tags = change.tags if its_own else deployed.tags_of(arn)
        context |= {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    context |= _iam_context(change, action, arn, its_own, deployed) if service == "iam" else {}
    if service == "kms" and change.type in VIA_SERVICE:
        context["kms:ViaService"] = f"{VIA_SERVICE[change.type]}.{change.region}.amazonaws.com"
        context |= {"kms:GrantIsForAWSResource": "true"} if name == "CreateGrant" else {}
    for key, name in PROPERTY_KEYS.get(change.type, {}).items():
        if key.startswith(f"{service}:") and name in change.properties:
            context[key] = str(change.properties[name]).lower()
    if action == "ec2:RunInstances":
        context |= _launch_template(change)
    if change.type == NESTED_STACK and change.properties.get("TemplateURL"):
        context["cloudformation:TemplateUrl"] = str(change.properties["TemplateURL"])
    return context


def _launch_template(change: Change) -> dict[str, str]:
    templates = [arn for arn in named_arns(change) if ":launch-template/" in arn]
    return {"ec2:LaunchTemplate": templates[0]} if templates else {}


def _iam_context(
    change: Change, action: str, arn: str, its_own: bool, deployed: Deployed
) -> dict[str, str | list[str]]:
    if action == "iam:PassRole":
        return {}
    boundary = str(change.properties.get("PermissionsBoundary", "")) if its_own else deployed.boundary_of(arn)
    return {"iam:PermissionsBoundary": boundary} if boundary else {}


def _identifier(change: Change) -> str:
    """Return the name that the template gives; one that CloudFormation could make where it gives none."""
    for path in registry_schemas.paths(change.type, change.region, "primaryIdentifier"):
        value = change.properties.get(path[-1])
        if isinstance(value, str) and value:
            return value
    # Where AWS gives the identifier, ARNs still hold the name.
    given = change.properties.get(NAME_IN_ARN.get(change.type, "Name"))
    return given if isinstance(given, str) and given else invented(change)


def _named(change: Change, name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and "Statement" not in value:  # what a policy speaks of is not used by the change
        for key, item in value.items():
            yield from _named(change, str(key), item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _named(change, name, item)
    elif isinstance(value, str):
        yield from _named_by(change, name, value)


def _named_by(change: Change, name: str, value: str) -> Iterator[str]:
    place = {"account": change.account_id, "region": change.region}
    if ARN.fullmatch(value):
        yield value
    elif found := EC2_ID.fullmatch(value):
        yield "arn:aws:" + EC2_IDS[found[1]].format(id=value, **place)
    elif name in NAMED_BY_PROPERTY:
        named = BUCKET_ADDRESS.sub("", value) if name == "Bucket" else value
        yield from ("arn:aws:" + pattern.format(id=named, **place) for pattern in NAMED_BY_PROPERTY[name])


def _some_arn(change: Change, action: str) -> str:
    """Return an ARN of the first kind that IAM limits an action to."""
    text = next(iter(_formats(action)))[1]
    for name, value in (("Partition", "aws"), ("Region", change.region), ("Account", change.account_id)):
        text = text.replace(f"${{{name}}}", value)
    return text.replace(".*", invented(change))


@cache
def _kinds(action: str) -> tuple[re.Pattern[str], ...]:
    """Return patterns of the ARNs that IAM limits an action to; none where it is limited to no resource."""
    return tuple(re.compile(_pattern(kind, text)) for kind, text in _formats(action))


@cache
def _formats(action: str) -> tuple[tuple[str, str], ...]:
    """Return the kinds of resources that IAM limits an action to, each with the format of its ARN."""
    if action in UNLISTED_KINDS:
        return UNLISTED_KINDS[action]
    service, _, name = action.partition(":")
    definition = _definition(service)
    kinds = definition.get("Actions", {}).get(name.lower(), {}).get("Resources", ())
    resources = {kind.lower(): resource for kind, resource in definition.get("Resources", {}).items()}
    return tuple(
        (kind, text)
        for kind in ([kinds] if isinstance(kinds, str) else kinds)
        for text in resources.get(kind.lower(), {}).get("ARNFormats", ())
    )


def _pattern(kind: str, text: str) -> str:
    # The data says "anything" for what follows the bucket; a bucket has no slash and an object has one.
    if text == "arn:${Partition}:s3:::.*":
        return r"arn:aws:s3:::[^/]+/.+" if kind == "object" else r"arn:aws:s3:::[^/]+"
    escaped = re.escape(text).replace(re.escape(".*"), ".*").replace(re.escape("${Partition}"), "aws")
    return re.sub(r"\\\$\\\{\w+\\\}", "[^:]*", escaped)


@cache
def _definitions() -> dict[str, Any]:
    source = registry_schemas.cfn_lint_data() / "AdditionalSpecs" / "Policies.json"
    definitions: dict[str, Any] = json.loads(source.read_bytes())
    return definitions


def _definition(service: str) -> dict[str, Any]:
    definition: dict[str, Any] = _definitions().get(service, {})
    return definition
