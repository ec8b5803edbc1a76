"""The roles, users and guarded resources of one account, read from the resolutions of the roots deployed in it.

What a role may do is scattered: policies in the role, policies of other stacks that name it, managed policies, those of
a user's groups, and the boundary that another root owns. Here all of it is put together, with concrete ARNs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from generator.checks.permission_changes import IDENTITY_POLICIES, documents
from generator.checks.permissions.evaluation import Policy, Principal
from generator.checks.permissions.identifiers import TABLE, Identifiers
from generator.errors import UserError
from generator.intrinsics import symbol
from generator.naming import PLATFORM, resource_address
from generator.resolver import Resolution, Resource

AWS_MANAGED = Path(__file__).with_name("aws_managed_policies.yaml")

PRINCIPALS = {"AWS::IAM::Role": "Roles", "AWS::IAM::User": "Users"}
"""Types that call AWS, and the property by which policies name them."""

OWN_POLICIES: Mapping[str, tuple[str, str]] = {
    "AWS::Backup::BackupVault": ("", "AccessPolicy"),
    "AWS::ECR::Repository": ("", "RepositoryPolicyText"),
    "AWS::KMS::Key": ("", "KeyPolicy"),
    "AWS::S3::BucketPolicy": ("Bucket", "PolicyDocument"),
    "AWS::SNS::TopicPolicy": ("Topics", "PolicyDocument"),
    "AWS::EC2::VPCEndpoint": ("", "PolicyDocument"),
    "AWS::EFS::FileSystem": ("", "FileSystemPolicy"),
}
"""Types that bring a resource's own policy: the property that names the resource, and the one with the document."""

OF_IDENTITIES = frozenset({*PRINCIPALS, *IDENTITY_POLICIES, "AWS::IAM::Group"})
"""Types that bring policies of identities, or the trust in them."""

OF_STREAMS = ":log-stream:"
"""How the ARN of a log group ends that a request is about: it stands for all that is in the group."""


class Account:
    """One account and what is deployed in it: resolutions by the short name of their root."""

    def __init__(self, roots: Mapping[str, Resolution]) -> None:
        self.roots = roots
        any_root = next(iter(roots.values()))
        self.id, self.region = any_root.account_id, any_root.region
        self._identifiers = {root: Identifiers(resolution) for root, resolution in roots.items()}
        self._properties: dict[str, dict[str, Any]] = {}
        self._check_documents()
        self._managed = {self.arn(address): policy for address, policy in self._managed_policies()}
        self.guards = dict(self._guards())
        self.endpoints = {address: policy for address, policy in self.guards.items() if policy.kind == "endpoint"}
        self.buckets = frozenset(self.arn(address) for address in self.addresses("AWS::S3::Bucket"))
        self.principals = {principal.name: principal for principal in self._principals()}

    def _check_documents(self) -> None:
        """Raise `UserError` for a policy that nobody would look at."""
        for address in self.addresses():
            resource = self.resource(address)
            if resource.type not in {*OF_IDENTITIES, *OWN_POLICIES} and next(documents(resource.properties), None):
                raise UserError(
                    f"{address}: {resource.type} has a policy that the permission proof does not read; add the type to"
                    f" {Path(__file__).name}"
                )

    def addresses(self, resource_type: str = "") -> list[str]:
        """Return the addresses of the resources of a type, or of all; with the root, unless that is the platform."""
        return [
            _address(root, resource)
            for root, resolution in self.roots.items()
            for resource in resolution.resources.values()
            if resource_type in ("", resource.type)
        ]

    def resource(self, address: str) -> Resource:
        """Return a resource. Raises `KeyError` where it does not exist."""
        root, inner = self._located(address)
        return self.roots[root].resources[inner]

    def properties(self, address: str) -> dict[str, Any]:
        """Return a resource's properties with identifiers in the places of symbols. Shared: nobody changes them."""
        if address not in self._properties:
            root, inner = self._located(address)
            self._properties[address] = self._identifiers[root].concrete(self.roots[root].resources[inner].properties)
        return self._properties[address]

    def has(self, address: str) -> bool:
        """Return whether the resource exists in this account."""
        root, inner = self._located(address)
        return root in self.roots and inner in self.roots[root].resources

    @cached_property
    def with_arn(self) -> Mapping[str, str]:
        """The ARNs of the resources that have one, by address."""
        return {
            address: self._identifiers[root].arn(inner)
            for address in self.addresses()
            for root, inner in [self._located(address)]
            if self._identifiers[root].has_arn(inner)
        }

    @cached_property
    def plain_arns(self) -> tuple[str, ...]:
        """The ARNs of all resources, those of log groups without what is in them."""
        return tuple(arn.removesuffix(OF_STREAMS) for arn in self.with_arn.values())

    @cached_property
    def arns_of_the_platform(self) -> tuple[str, ...]:
        """The same of what the environment's own stacks have."""
        own = self.roots[PLATFORM].resources
        return tuple(arn for address, arn in zip(self.with_arn, self.plain_arns, strict=True) if address in own)

    @cached_property
    def by_arn(self) -> Mapping[str, str]:
        """The addresses of resources by their ARNs; a log group's also without what is in it."""
        return dict(zip((*self.plain_arns, *self.with_arn.values()), (*self.with_arn, *self.with_arn), strict=True))

    def arn(self, address: str) -> str:
        """Return a resource's ARN. Raises `UserError` where none is known, `KeyError` where there is no resource."""
        if address not in self.with_arn:
            raise UserError(
                f"{address}: the permission proof knows no ARN of {self.resource(address).type}; add the type to"
                f" {TABLE.name}, or name what the resource belongs to"
            )
        return self.with_arn[address]

    def ref(self, address: str) -> str:
        """Return what `Ref` gives of a resource."""
        root, inner = self._located(address)
        return self._identifiers[root].ref(inner)

    def attribute(self, address: str, name: str) -> str:
        """Return what `Fn::GetAtt` gives of a resource."""
        root, inner = self._located(address)
        return str(self._identifiers[root].concrete(symbol(f"{inner}.{name}")))

    def outputs(self, root: str) -> dict[str, str]:
        """Return the outputs of a root's stack, with identifiers in the places of symbols."""
        outputs: dict[str, str] = self._identifiers[root].concrete(self.roots[root].outputs)
        return outputs

    def guard(self, arn: str) -> Policy | None:
        """Return the own policy of what an ARN names, such as a key or an object's bucket; of a role, its trust."""
        return self._by_arn.get(bucket_of(arn) or arn)

    @cached_property
    def _by_arn(self) -> Mapping[str, Policy]:
        trusts = {principal.arn: principal.trust for principal in self.principals.values() if principal.trust}
        return {**{self.arn(address): policy for address, policy in self.guards.items()}, **trusts}

    def _located(self, address: str) -> tuple[str, str]:
        root, _, inner = address.partition("/")
        return (root, inner) if root in self.roots and root != PLATFORM else (PLATFORM, address)

    def _guards(self) -> Iterator[tuple[str, Policy]]:
        for address in self.addresses():
            resource_type = self.resource(address).type
            holder, key = OWN_POLICIES.get(resource_type, ("", ""))
            properties = self.properties(address)
            if key not in properties:
                continue
            kind = "endpoint" if resource_type == "AWS::EC2::VPCEndpoint" else "resource"
            named = properties.get(holder, ())
            guarded = [address] if not holder else [self._named(each) for each in _listed(named)]
            document = READERS.get(resource_type, dict)(properties[key])
            for each in guarded:
                yield each, Policy.of(each, kind, document)

    def _named(self, ref: str) -> str:
        """Return the address of the bucket or topic that `Ref` gives as this."""
        return next(
            address
            for kind in ("AWS::S3::Bucket", "AWS::SNS::Topic")
            for address in self.addresses(kind)
            if self.ref(address) == ref
        )

    def _managed_policies(self) -> Iterator[tuple[str, Policy]]:
        for address in self.addresses("AWS::IAM::ManagedPolicy"):
            yield address, Policy.of(address, "identity", self.properties(address)["PolicyDocument"])

    def _principals(self) -> Iterator[Principal]:
        for resource_type in PRINCIPALS:
            for address in self.addresses(resource_type):
                properties = self.properties(address)
                trust = properties.get("AssumeRolePolicyDocument")
                yield Principal(
                    address,
                    self.arn(address),
                    self.id,
                    tuple(self._policies(address, PRINCIPALS[resource_type], properties)),
                    self._boundary(address, properties),
                    Policy.of(address, "trust", trust) if trust else None,
                )

    def _boundary(self, address: str, properties: Mapping[str, Any]) -> Policy | None:
        arn = properties.get("PermissionsBoundary")
        return self._managed_policy(address, arn) if arn else None

    def _policies(self, address: str, holder: str, properties: Mapping[str, Any]) -> Iterator[Policy]:
        yield from self._attached(address, holder, properties)
        name = self.ref(address)
        groups = {*properties.get("Groups", ())}
        for membership in self.addresses("AWS::IAM::UserToGroupAddition"):
            added = self.properties(membership)
            groups |= {added["GroupName"]} if name in added["Users"] else set()
        for group in self.addresses("AWS::IAM::Group"):
            if self.ref(group) in groups:
                yield from self._attached(group, "Groups", self.properties(group))

    def _attached(self, address: str, holder: str, properties: Mapping[str, Any]) -> Iterator[Policy]:
        """Yield what stands in a role, user or group, what it names, and what names it."""
        for inline in properties.get("Policies", ()):
            yield Policy.of(f"{address}/{inline['PolicyName']}", "identity", inline["PolicyDocument"])
        for arn in properties.get("ManagedPolicyArns", ()):
            yield self._managed_policy(address, arn)
        name = self.ref(address)
        for policy_type in IDENTITY_POLICIES:
            for policy in self.addresses(policy_type):
                found = self.properties(policy)
                if name in found.get(holder, ()):
                    yield Policy.of(policy, "identity", found["PolicyDocument"])

    def _managed_policy(self, address: str, arn: str) -> Policy:
        if arn in self._managed:
            return self._managed[arn]
        try:
            return aws_managed_policy(arn)
        except (KeyError, IndexError) as error:
            raise UserError(
                f"{address}: policy {arn} is neither in the account's stacks nor among the documents of AWS's own"
                f" policies; add its document to {AWS_MANAGED.name}"
            ) from error


def bucket_of(arn: str) -> str | None:
    """Return the ARN of the bucket that the ARN of a bucket or an object names, if it is one of these."""
    return arn.partition("/")[0] if ":s3:::" in arn else None


def aws_managed_policy(arn: str) -> Policy:
    """Return a policy of AWS's own. Raises `KeyError` for one whose document is not here."""
    return Policy.of(arn.rpartition("/")[2], "identity", _aws_managed()[arn.split(":", 2)[2]]["document"])


def _of_itself(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a repository's policy with the resource that such policies leave out: the repository.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
    """
    return {**document, "Statement": [{"Resource": "*", **each} for each in document["Statement"]]}


def _of_anybody(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an endpoint's policy with "*" for `{"AWS": "*"}`, which is the same; iam-simulate takes the first alone.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous
    """
    everybody = {"AWS": "*"}
    statements = [
        {**each, "Principal": "*"} if each.get("Principal") == everybody else each for each in document["Statement"]
    ]
    return {**document, "Statement": statements}


READERS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "AWS::EC2::VPCEndpoint": _of_anybody,
    "AWS::ECR::Repository": _of_itself,
}
"""Types whose policies say in another way, or leave out, what both evaluators want to read."""


@cache
def _aws_managed() -> Mapping[str, Any]:
    table: Mapping[str, Any] = yaml.load(AWS_MANAGED.read_bytes(), Loader=yaml.CSafeLoader)["policies"]
    return table


def _address(root: str, resource: Resource) -> str:
    return resource.address if root == PLATFORM else resource_address(root, resource.address)


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]
