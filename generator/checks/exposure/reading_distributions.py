"""CloudFront's distributions as the resolved release has them: origins, behaviours, headers, certificate, functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from generator.checks.exposure.front import EVERY_PATH, Behaviour, Distribution, Origin, SentHeader
from generator.checks.exposure.reading_secrets import secret_of
from generator.checks.exposure.reading_unknown import is_true, named
from generator.checks.exposure.security_headers import SecurityHeader, effective
from generator.resolver import Resolution, Resource, references

DISTRIBUTION = "AWS::CloudFront::Distribution"

BUCKET = "AWS::S3::Bucket"

CHOOSES_AN_ORIGIN = re.compile(r"""\b(from|import|require)\s*\(?\s*['"]cloudfront['"]""", re.ASCII)
"""How a function gets hold of the module with which it can change the origin of a request.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/helper-functions-origin-modification.html"""

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""CloudFront's own cache policy under which nothing is kept.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html"""

SERVER_ERRORS, KEPT_UNLESS_SAID = (500, 502, 503, 504), 10
"""Seconds. https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html"""

HTTPS = 443

SILENT_TLS = ("SSLv3", "TLSv1")
"""What CloudFront offers a server where a template is silent.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-cloudfront-distribution-customoriginconfig.html"""


def distributions(resolution: Resolution) -> Iterator[Distribution]:
    """Yield the distributions of a setting."""
    for one in resolution.of_type(DISTRIBUTION):
        config = one.properties["DistributionConfig"]
        viewers = config.get("ViewerCertificate", {})
        yield Distribution(
            address=one.address,
            names=tuple(config.get("Aliases", [])),
            certificate=str(viewers.get("AcmCertificateArn", viewers.get("IamCertificateId", ""))),
            # With its own certificate CloudFront speaks TLS 1.0 too, whatever a template says.
            # https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ViewerCertificate.html
            minimum_tls=viewers.get("MinimumProtocolVersion", "TLSv1"),
            web_acl=str(config.get("WebACLId", "")),
            origins=tuple(_origin(resolution, one, index, origin) for index, origin in enumerate(config["Origins"])),
            behaviours=tuple(_behaviours(resolution, one, config)),
            kept_errors=_kept_errors(config),
        )


def _kept_errors(config: Mapping[str, Any]) -> dict[int, float]:
    said = {int(each["ErrorCode"]): each for each in config.get("CustomErrorResponses", [])}
    return {status: float(said.get(status, {}).get("ErrorCachingMinTTL", KEPT_UNLESS_SAID)) for status in SERVER_ERRORS}


def redirecting_functions(resolution: Resolution) -> Iterator[str]:
    """Yield the code that may choose an origin for a request, and with it a way past the behaviours."""
    for one in resolution.of_type("AWS::CloudFront::Function"):
        if CHOOSES_AN_ORIGIN.search(str(one.properties["FunctionCode"])):
            yield f"{one.address} uses CloudFront's module, with which it can choose another origin"
    for one in resolution.of_type(DISTRIBUTION):
        for address, behaviour in _all_behaviours(one.address, one.properties["DistributionConfig"]):
            if behaviour.get("LambdaFunctionAssociations"):
                yield f"{address} runs a Lambda function, which can choose another origin"


def unread_parts(resolution: Resolution) -> Iterator[str]:
    """Yield what could open a way in a distribution and is not read."""
    for one in resolution.of_type(DISTRIBUTION):
        config = one.properties["DistributionConfig"]
        for key in ("OriginGroups", "ContinuousDeploymentPolicyId", "S3Origin", "CustomOrigin", "TenantConfig"):
            if config.get(key) and config[key] != {"Quantity": 0}:
                yield f"{one.address}: the proof does not follow {key}"
        for index, origin in enumerate(config["Origins"]):
            if "VpcOriginConfig" in origin:
                yield f"{one.address}.Origins[{index}] leads into a VPC past its load balancer's own address"
        for address, behaviour in _all_behaviours(one.address, config):
            if "ForwardedValues" in behaviour:
                yield f"{address}: the proof does not follow ForwardedValues; name a cache policy"
            chosen = named(behaviour.get("ResponseHeadersPolicyId"))
            if behaviour.get("ResponseHeadersPolicyId") and chosen not in resolution.resources:
                yield f"{address} has a response headers policy that is not of the release"


def _origin(resolution: Resolution, distribution: Resource, index: int, origin: Mapping[str, Any]) -> Origin:
    server = origin.get("CustomOriginConfig", {})
    return Origin(
        address=f"{distribution.address}.Origins[{index}]",
        id=origin["Id"],
        domain=origin["DomainName"],
        bucket="" if server else _bucket(resolution, origin["DomainName"]),
        signs=_signs(resolution, origin),
        protocol=server.get("OriginProtocolPolicy", ""),
        port=int(server.get("HTTPSPort", HTTPS)),
        tls=frozenset(server.get("OriginSSLProtocols", SILENT_TLS)),
        headers=tuple(
            SentHeader(
                header["HeaderName"].lower(), header["HeaderValue"], secret_of(resolution, header["HeaderValue"])
            )
            for header in origin.get("OriginCustomHeaders", [])
        ),
    )


def _bucket(resolution: Resolution, domain: str) -> str:
    """Return the bucket whose REST endpoint a name is; its website endpoint knows no signatures."""
    found = [one for one in references(domain) if one.attribute in ("RegionalDomainName", "DomainName")]
    buckets = [one.address for one in found if resolution.resources[one.address].type == BUCKET]
    return buckets[0] if len(buckets) == 1 and len(found) == 1 else ""


def _signs(resolution: Resolution, origin: Mapping[str, Any]) -> bool:
    control = resolution.resources.get(named(origin.get("OriginAccessControlId")))
    if control is None or control.type != "AWS::CloudFront::OriginAccessControl":
        return False
    config = control.properties["OriginAccessControlConfig"]
    how = (config["OriginAccessControlOriginType"], config["SigningBehavior"], config["SigningProtocol"])
    return how == ("s3", "always", "sigv4")


def _all_behaviours(address: str, config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield f"{address}.DefaultCacheBehavior", config["DefaultCacheBehavior"]
    for index, behaviour in enumerate(config.get("CacheBehaviors", [])):
        yield f"{address}.CacheBehaviors[{index}]", behaviour


def _behaviours(resolution: Resolution, distribution: Resource, config: Mapping[str, Any]) -> Iterator[Behaviour]:
    for address, behaviour in _all_behaviours(distribution.address, config):
        policy = resolution.resources.get(named(behaviour.get("ResponseHeadersPolicyId")))
        sent = _sent_headers(policy.properties["ResponseHeadersPolicyConfig"]) if policy else {}
        yield Behaviour(
            address,
            path=behaviour.get("PathPattern", EVERY_PATH),
            origin=behaviour["TargetOriginId"],
            viewer_protocol=behaviour["ViewerProtocolPolicy"],
            headers=effective(sent),
            keeps=_keeps(resolution, behaviour),
            # What a cache policy tells the origin is a part of the cache's key; what this policy tells it is not.
            # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/controlling-origin-requests.html
            tells_who_asks="OriginRequestPolicyId" in behaviour,
        )


def _keeps(resolution: Resolution, behaviour: Mapping[str, Any]) -> bool:
    """Return whether answers are kept; where the policy is neither of the release nor the one that disables it, yes."""
    chosen = behaviour.get("CachePolicyId")
    policy = resolution.resources.get(named(chosen))
    if policy is not None:
        return float(policy.properties["CachePolicyConfig"]["MaxTTL"]) > 0
    return bool(chosen != CACHING_DISABLED)


def _sent_headers(policy: Mapping[str, Any]) -> dict[SecurityHeader, str]:
    """Return the security headers of a policy that hold against what an origin sends, with their values."""
    config = policy.get("SecurityHeadersConfig", {})
    content, transport = config.get("ContentSecurityPolicy", {}), config.get("StrictTransportSecurity", {})
    referrer, frame = config.get("ReferrerPolicy", {}), config.get("FrameOptions", {})
    content_type = config.get("ContentTypeOptions", {})
    found = {
        SecurityHeader.CONTENT: (content, content.get("ContentSecurityPolicy", "")),
        SecurityHeader.TRANSPORT: (transport, f"max-age={transport.get('AccessControlMaxAgeSec', 0)}"),
        SecurityHeader.REFERRER: (referrer, referrer.get("ReferrerPolicy", "")),
        SecurityHeader.FRAME: (frame, frame.get("FrameOption", "")),
        SecurityHeader.CONTENT_TYPE: (content_type, "nosniff"),
    }
    return {name: str(value) for name, (header, value) in found.items() if is_true(header.get("Override"))}
