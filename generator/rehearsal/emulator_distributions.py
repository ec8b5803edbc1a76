"""What CloudFront refuses when a distribution is made or changed, and ministack 1.5.33 takes.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateDistribution.html#API_CreateDistribution_Errors
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import ApiError, current_account_id
from generator.rehearsal.emulator_guards import guarded, handler_of
from generator.rehearsal.emulator_handlers import Created, Properties
from generator.rehearsal.emulator_viewer_requests import (
    CERTIFICATES,
    CLOUDFRONT,
    S3,
    aliases_of,
    covers,
    records_of_all_accounts,
)

HOME_REGION = "us-east-1"
"""Where CloudFront looks for certificates and web ACLs.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html"""

DISTRIBUTION = "AWS::CloudFront::Distribution"

_POLICIES = {
    "CachePolicyId": ("cache_policy_params", "_cache_policies", "_MANAGED_CACHE_POLICIES"),
    "OriginRequestPolicyId": (
        "origin_request_policy_config",
        "_origin_request_policies",
        "_MANAGED_ORIGIN_REQUEST_POLICIES",
    ),
    "ResponseHeadersPolicyId": (
        "response_headers_policy_config",
        "_response_headers_policies",
        "_MANAGED_RESPONSE_HEADERS_POLICIES",
    ),
}
"""Properties of a cache behavior that name a policy: where ministack reads it, its own ones and AWS's."""


def checked_distributions() -> None:
    """A distribution names what is there: policies, functions, origins, a certificate for its names, a bucket for logs.

    ministack takes any configuration; a mistake would be found when CloudFront refuses it, or never.
    """
    handler = handler_of(DISTRIBUTION)
    create, update = handler["create"], handler["update"]
    for reader, _, _ in _POLICIES.values():
        guarded(CLOUDFRONT, reader, "policy_id")
    guarded(CLOUDFRONT, "live_function_code", "function_arn")

    def creating(logical_id: str, props: Properties, stack_name: str) -> Created:
        _check(props["DistributionConfig"], "")
        created: Created = create(logical_id, _with_defaults(props), stack_name)
        return created

    def updating(physical_id: str, old_props: Properties, new_props: Properties, *rest: Any) -> Created:
        _check(new_props["DistributionConfig"], physical_id)
        updated: Created = update(physical_id, old_props, _with_defaults(new_props), *rest)
        return updated

    handler |= {"create": creating, "update": updating}


_OF_CUSTOM_ORIGINS = {"HTTPPort": 80, "HTTPSPort": 443, "OriginReadTimeout": 30, "OriginKeepaliveTimeout": 5}
"""What CloudFront takes where a template says nothing.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-cloudfront-distribution-customoriginconfig.html
"""


def _with_defaults(properties: Properties) -> Properties:
    """Return the properties with what CloudFront itself adds, and gives back to whoever asks for the configuration."""
    config = properties["DistributionConfig"]
    origins = [
        {**origin, "CustomOriginConfig": _OF_CUSTOM_ORIGINS | origin["CustomOriginConfig"]}
        if "CustomOriginConfig" in origin
        else origin
        for origin in config.get("Origins", ())
    ]
    return {**properties, "DistributionConfig": {**config, "Origins": origins}}


def _check(config: Properties, distribution_id: str) -> None:
    """Raise `ApiError` for the first thing that CloudFront would refuse."""
    checks: tuple[Callable[[Properties, str], Iterator[str]], ...] = (
        _behaviors,
        _origins,
        _viewer_certificate,
        _aliases,
        _log_bucket,
        _web_acl,
    )
    for check in checks:
        for problem in check(config, distribution_id):
            raise ApiError(f"Invalid request provided: {DISTRIBUTION}: {problem} (Service: CloudFront)")


def _behaviors(config: Properties, distribution_id: str) -> Iterator[str]:
    cloudfront: Any = import_module(CLOUDFRONT)
    origins = {origin["Id"] for origin in config.get("Origins", ())}
    for behavior in (config["DefaultCacheBehavior"], *config.get("CacheBehaviors", ())):
        if behavior["TargetOriginId"] not in origins:
            yield f"NoSuchOrigin: no origin has the id {behavior['TargetOriginId']}"
        for name, (_, own, of_aws) in _POLICIES.items():
            wanted = behavior.get(name)
            if wanted and wanted not in getattr(cloudfront, own) and wanted not in getattr(cloudfront, of_aws):
                yield f"No such {name.removesuffix('Id')}: {wanted}"
        for association in behavior.get("FunctionAssociations", ()):
            if cloudfront.live_function_code(association["FunctionARN"]) is None:
                yield f"InvalidFunctionAssociation: {association['FunctionARN']} is not published"


def _origins(config: Properties, distribution_id: str) -> Iterator[str]:
    controls = import_module(CLOUDFRONT)._oacs
    for origin in config.get("Origins", ()):
        wanted = origin.get("OriginAccessControlId")
        if wanted and wanted not in controls:
            yield f"NoSuchOriginAccessControl: {wanted}"


def _viewer_certificate(config: Properties, distribution_id: str) -> Iterator[str]:
    aliases, given = config.get("Aliases") or (), config.get("ViewerCertificate") or {}
    arn = given.get("AcmCertificateArn")
    if aliases and not arn:
        yield "InvalidViewerCertificate: to add an alternate domain name, attach a trusted certificate for it"
    if not arn:
        return
    region, account_id = str(arn).split(":")[3:5]
    certificate = import_module(CERTIFICATES)._certificates.get_scoped(account_id, region, arn)
    if region != HOME_REGION or certificate is None or certificate["Status"] != "ISSUED":
        yield f"InvalidViewerCertificate: {arn} doesn't exist, isn't in {HOME_REGION} or isn't valid"
        return
    for alias in aliases:
        if not covers(certificate, alias):
            yield f"InvalidViewerCertificate: {arn} doesn't cover the alternate domain name {alias}"


def _aliases(config: Properties, distribution_id: str) -> Iterator[str]:
    for _, other in records_of_all_accounts(import_module(CLOUDFRONT)._distributions):
        taken = set(aliases_of(other)) & {str(each).lower() for each in config.get("Aliases") or ()}
        if taken and other["Id"] != distribution_id:
            yield f"CNAMEAlreadyExists: {', '.join(sorted(taken))} belongs to another distribution"


def _log_bucket(config: Properties, distribution_id: str) -> Iterator[str]:
    """The log files of a distribution come with an access control list.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html
    """
    wanted = (config.get("Logging") or {}).get("Bucket")
    if not wanted:
        return
    found = re.fullmatch(r"(.+)\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com", wanted)
    bucket = import_module(S3)._buckets.get(found[1]) if found else None
    if bucket is None:
        yield f"InvalidArgument: the S3 bucket {wanted} for CloudFront logs doesn't exist"
    elif not re.search("BucketOwnerPreferred|ObjectWriter", bucket.get("_ownership_controls", "")):
        yield f"InvalidArgument: the S3 bucket {wanted} for CloudFront logs does not enable ACL access"


def _web_acl(config: Properties, distribution_id: str) -> Iterator[str]:
    arn = str(config.get("WebACLId") or "")
    if arn and arn not in web_acls_of(current_account_id()):
        yield f"InvalidWebACLId: {arn} is no web ACL of this account for CloudFront, in {HOME_REGION}"


def web_acls_of(account_id: str) -> Mapping[str, Any]:
    """Return an account's web ACLs for CloudFront by ARN."""
    found = import_module("ministack.services.waf")._web_acls.values_scoped(account_id, HOME_REGION)
    return {acl["ARN"]: acl for acl in found if acl["Scope"] == "CLOUDFRONT"}


def function_references() -> None:
    """Ref of a function is its ARN; ministack answers with its name.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudfront-function.html
    """
    handler = handler_of("AWS::CloudFront::Function")
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def creating(logical_id: str, props: Properties, stack_name: str) -> Created:
        _, attributes = create(logical_id, props, stack_name)
        return attributes["FunctionARN"], attributes

    def updating(physical_id: str, old_props: Properties, new_props: Properties, *rest: Any) -> Created:
        _, attributes = update(physical_id.rpartition("/")[2], old_props, new_props, *rest)
        return attributes["FunctionARN"], attributes

    def deleting(physical_id: str, props: Properties) -> None:
        delete(physical_id.rpartition("/")[2], props)

    handler |= {"create": creating, "update": updating, "delete": deleting}


DISTRIBUTIONS = (checked_distributions, function_references)
