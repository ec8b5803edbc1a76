"""The edge: CloudFront in front of the static website and, with a domain, of the application.

Owns the website's bucket, which nobody reads but this distribution (E7), the distribution with its caching, headers and
error pages (D4), and the bucket of their access logs. What is said once for all distributions of an account, and must
be in us-east-1, comes from the root `global_edge` through SSM parameters: the web ACL and the viewers' certificate.

CloudFront refuses origins with a self-signed certificate. Without a domain it serves the website alone, under its own
name and certificate, whose TLS versions AWS chooses; the application is reached at the load balancer. With a domain it
serves both under that name, over TLS 1.2 and 1.3 (W4): the paths of the application go to the load balancer, under a
name that its certificate has, over HTTPS with TLS 1.2, with a secret that only this distribution knows.

An error page replaces the answers of both origins: a client of the application's API goes by the status, which stays.
Never creates DNS records: they are the ingress stack's, which waits for this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import awacs.s3
from awacs.aws import Condition, StringEquals
from troposphere import AWSHelperFn, Equals, GetAtt, If, Not, Ref, Sub, Template
from troposphere.cloudfront import (
    CacheBehavior,
    CustomErrorResponse,
    CustomOriginConfig,
    DefaultCacheBehavior,
    Distribution,
    DistributionConfig,
    FunctionAssociation,
    Logging,
    Origin,
    OriginAccessControl,
    OriginAccessControlConfig,
    OriginCustomHeader,
    S3OriginConfig,
    ViewerCertificate,
)
from troposphere.s3 import Bucket, LoggingConfiguration
from troposphere.secretsmanager import GenerateSecretString, Secret

from generator.buckets import (
    WITH_ACLS,
    access_log_bucket,
    announced_to_eventbridge,
    bucket_policy,
    delivery_of_access_logs,
    encrypted_by_s3,
    lifecycle,
    objects,
    private_and_versioned,
    replicated,
)
from generator.iam import allow_principal, arn, service_principal
from generator.naming import (
    EDGE_CERTIFICATE_PARAMETER,
    EDGE_WEB_ACL_PARAMETER,
    PROJECT,
    WEBSITE_REPLICA,
    in_environment,
    name_tag,
    name_tag_of_data,
)
from generator.nesting import add_condition, only_if
from generator.origin import ORIGIN_HEADER, origin_name, origin_secret
from generator.parameter_types import (
    BucketName,
    DistributionId,
    DnsName,
    DomainName,
    EnvironmentName,
    KeyArn,
    OriginSecretArn,
    RecoveryRegion,
    Toggle,
    output,
    parameter,
)
from generator.regions import add_recovery_condition
from generator.retention import retain
from generator.shield import add_protection
from generator.stacks.edge_policies import (
    ALL_VIEWER,
    APPLICATION_PATHS,
    CACHING_DISABLED,
    IMAGES_PATH,
    CachePolicies,
    HeadersPolicies,
    add_cache_policies,
    add_headers_policies,
    add_page_routes,
    global_name,
)

HAS_DOMAIN, HAS_FIREWALL, HAS_SHIELD = "HasDomain", "HasFirewall", "HasShieldAdvanced"
WEBSITE, APPLICATION = "website", "application"
ASSETS_PATH = "/assets/*"

# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html
VIEWER_TLS = "TLSv1.2_2021"
ORIGIN_TLS = "TLSv1.2"
"""The newest that CloudFront offers towards an origin."""

PRICE_CLASS = "PriceClass_100"  # North America and Europe; visitors from elsewhere are served from there
ENCRYPTED: dict[str, Any] = {"ViewerProtocolPolicy": "redirect-to-https", "Compress": True}
FOR_READERS = {**ENCRYPTED, "AllowedMethods": ["GET", "HEAD"]}
FOR_WRITERS = {**ENCRYPTED, "AllowedMethods": ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]}
"""What behaviours have in common: HTTP is upgraded to HTTPS (W3), and answers are compressed."""

ERROR_PAGES = {404: "/404.html", 502: "/unavailable.html", 503: "/unavailable.html", 504: "/unavailable.html"}
ERROR_SECONDS = {404: 10, 500: 0, 502: 0, 503: 0, 504: 0}
"""For how long CloudFront keeps an error. What failed for one visitor must not fail for the next, and CloudFront heeds
the `no-store` of a 404 alone; without a figure it keeps an error for ten seconds.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html"""

KEEP_ALIVE_SECONDS = 50
"""Of connections to the load balancer, shorter than it keeps them itself, so that it never closes one in use."""

SECRET_CHARACTERS = 48


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    data_key_arn: KeyArn = parameter("Key that encrypts the secret of the origin.")
    domain_name: DomainName = parameter("Domain of the application, or empty.")
    web_application_firewall: Toggle = parameter("Whether the web ACL of the global edge filters requests.")
    shield_advanced: Toggle = parameter("Whether Shield Advanced protects the distribution.")
    recovery_region: RecoveryRegion = parameter("Region that gets a replica of the website's bucket, or empty.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    distribution_id: DistributionId = output("CloudFront distribution.")
    distribution_domain_name: DnsName = output("Name of the distribution at CloudFront.")
    website_bucket_name: BucketName = output("Bucket of the static website.")
    origin_secret_arn: OriginSecretArn = output("Secret by which the load balancer knows the distribution, or none.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, HAS_DOMAIN, Not(Equals(parameters.domain_name, "")))
    add_condition(template, HAS_FIREWALL, Equals(parameters.web_application_firewall, "true"))
    add_condition(template, HAS_SHIELD, Equals(parameters.shield_advanced, "true"))
    add_recovery_condition(template, parameters.recovery_region)
    log_bucket = access_log_bucket(template, "EdgeLogBucket", "edge-logs", WITH_ACLS)
    website = _website_bucket(template, log_bucket)
    secret = _origin_secret(template, parameters)
    distribution = _distribution(template, parameters, website, log_bucket, secret)
    ours = arn("cloudfront::${AWS::AccountId}:distribution/${Distribution}", Distribution=Ref(distribution))
    _protect_buckets(template, website, log_bucket, ours)
    add_protection(template, "DistributionProtection", "distribution", ours, HAS_SHIELD)
    return Outputs(
        distribution_id=DistributionId(Ref(distribution)),
        distribution_domain_name=DnsName(GetAtt(distribution, "DomainName")),
        website_bucket_name=BucketName(Ref(website)),
        origin_secret_arn=OriginSecretArn(If(HAS_DOMAIN, Ref(secret), "none")),
    )


def _website_bucket(template: Template, log_bucket: Bucket) -> Bucket:
    """Add the bucket of the website. What is in it is public anyhow: S3's own keys spare a call to KMS each time."""
    return template.add_resource(
        retain(
            Bucket(
                "WebsiteBucket",
                BucketEncryption=encrypted_by_s3(),
                LifecycleConfiguration=lifecycle(),
                LoggingConfiguration=LoggingConfiguration(
                    DestinationBucketName=Ref(log_bucket), LogFilePrefix="website-bucket/"
                ),
                NotificationConfiguration=announced_to_eventbridge(),
                ReplicationConfiguration=replicated(WEBSITE_REPLICA, with_key=False),
                Tags=name_tag_of_data("website", for_long=True),
                **private_and_versioned(),
            )
        )
    )


def _origin_secret(template: Template, parameters: Parameters) -> Secret:
    """Add the secret that CloudFront tells the load balancer (W1): addresses of CloudFront are everybody's.

    It opens nothing but a way round the distribution, so that it is changed by hand (docs/edge.md) and not by schedule.
    """
    generated = GenerateSecretString(PasswordLength=SECRET_CHARACTERS, ExcludePunctuation=True)
    return template.add_resource(
        retain(
            Secret(
                "OriginSecret",
                Condition=HAS_DOMAIN,
                Description=in_environment(f"What CloudFront tells the origin of {PROJECT} ${{EnvironmentName}}."),
                GenerateSecretString=generated,
                KmsKeyId=parameters.data_key_arn,
                Tags=name_tag("origin-secret"),
            )
        )
    )


def _distribution(
    template: Template, parameters: Parameters, website: Bucket, log_bucket: Bucket, secret: Secret
) -> Distribution:
    cache = add_cache_policies(template, HAS_DOMAIN)
    headers = add_headers_policies(template, HAS_DOMAIN)
    access = _origin_access(template)
    routes = FunctionAssociation(
        EventType="viewer-request", FunctionARN=GetAtt(add_page_routes(template), "FunctionARN")
    )
    return template.add_resource(
        Distribution(
            "Distribution",
            DistributionConfig=DistributionConfig(
                Comment=in_environment(f"{PROJECT} ${{EnvironmentName}}"),
                Enabled=True,
                Aliases=only_if(HAS_DOMAIN, [parameters.domain_name]),
                ViewerCertificate=_viewer_certificate(),
                HttpVersion="http2and3",
                IPV6Enabled=True,
                PriceClass=PRICE_CLASS,
                WebACLId=only_if(HAS_FIREWALL, _resolved(EDGE_WEB_ACL_PARAMETER)),
                Logging=Logging(Bucket=GetAtt(log_bucket, "DomainName"), Prefix="cloudfront/", IncludeCookies=False),
                DefaultRootObject="index.html",
                Origins=[_website_origin(website, access), only_if(HAS_DOMAIN, _application_origin(secret))],
                DefaultCacheBehavior=DefaultCacheBehavior(
                    TargetOriginId=WEBSITE,
                    CachePolicyId=Ref(cache.pages),
                    ResponseHeadersPolicyId=Ref(headers.pages),
                    FunctionAssociations=[routes],
                    **FOR_READERS,
                ),
                CacheBehaviors=[_assets(cache, headers), *_application(cache, headers)],
                CustomErrorResponses=_errors(),
            ),
            Tags=name_tag("distribution"),
        )
    )


def _origin_access(template: Template) -> OriginAccessControl:
    """Add what signs CloudFront's requests to the bucket (E7)."""
    return template.add_resource(
        OriginAccessControl(
            "OriginAccessControl",
            OriginAccessControlConfig=OriginAccessControlConfig(
                Name=global_name(WEBSITE),
                OriginAccessControlOriginType="s3",
                SigningBehavior="always",
                SigningProtocol="sigv4",
            ),
        )
    )


def _viewer_certificate() -> If:
    own = ViewerCertificate(
        AcmCertificateArn=_resolved(EDGE_CERTIFICATE_PARAMETER),
        MinimumProtocolVersion=VIEWER_TLS,
        SslSupportMethod="sni-only",
    )
    return If(HAS_DOMAIN, own, ViewerCertificate(CloudFrontDefaultCertificate=True))


def _resolved(name: str) -> Sub:
    """Return what an SSM parameter of the environment says."""
    return in_environment(f"{{{{resolve:ssm:/{PROJECT}/${{EnvironmentName}}/{name}}}}}")


def _website_origin(website: Bucket, access: OriginAccessControl) -> Origin:
    return Origin(
        Id=WEBSITE,
        DomainName=GetAtt(website, "RegionalDomainName"),
        OriginAccessControlId=GetAtt(access, "Id"),
        S3OriginConfig=S3OriginConfig(OriginAccessIdentity=""),
    )


def _application_origin(secret: Secret) -> Origin:
    """Return the load balancer, by a name and not by its own: the stack that has it waits for this one."""
    proof = OriginCustomHeader(HeaderName=ORIGIN_HEADER, HeaderValue=origin_secret(OriginSecretArn=Ref(secret)))
    return Origin(
        Id=APPLICATION,
        DomainName=origin_name(),
        CustomOriginConfig=CustomOriginConfig(
            HTTPSPort=443,
            OriginProtocolPolicy="https-only",
            OriginSSLProtocols=[ORIGIN_TLS],
            OriginKeepaliveTimeout=KEEP_ALIVE_SECONDS,
        ),
        OriginCustomHeaders=[proof],
    )


def _assets(cache: CachePolicies, headers: HeadersPolicies) -> CacheBehavior:
    return CacheBehavior(
        PathPattern=ASSETS_PATH,
        TargetOriginId=WEBSITE,
        CachePolicyId=Ref(cache.assets),
        ResponseHeadersPolicyId=Ref(headers.assets),
        **FOR_READERS,
    )


def _application(cache: CachePolicies, headers: HeadersPolicies) -> list[AWSHelperFn]:
    """Return the behaviours of the application's paths: images are kept, everything else is asked for each time."""
    kept: dict[str, Any] = {"CachePolicyId": Ref(cache.images), **FOR_READERS}
    asked: dict[str, Any] = {"CachePolicyId": CACHING_DISABLED, "OriginRequestPolicyId": ALL_VIEWER, **FOR_WRITERS}
    return [
        only_if(
            HAS_DOMAIN,
            CacheBehavior(
                PathPattern=path,
                TargetOriginId=APPLICATION,
                ResponseHeadersPolicyId=Ref(headers.application),
                **(kept if path == IMAGES_PATH else asked),
            ),
        )
        for path in APPLICATION_PATHS
    ]


def _errors() -> list[CustomErrorResponse]:
    errors = {
        status: CustomErrorResponse(ErrorCode=status, ErrorCachingMinTTL=seconds)
        for status, seconds in ERROR_SECONDS.items()
    }
    for status, page in ERROR_PAGES.items():
        errors[status].ResponseCode, errors[status].ResponsePagePath = status, page
    return list(errors.values())


def _protect_buckets(template: Template, website: Bucket, log_bucket: Bucket, ours: Sub) -> None:
    """Let our distribution, which `ours` names, read the website, and S3 write its log."""
    this_distribution = Condition(StringEquals({"aws:SourceArn": ours}))
    cloudfront = service_principal("cloudfront")
    bucket_policy(
        template,
        website,
        allow_principal("ReadingByCloudFront", cloudfront, [awacs.s3.GetObject], [objects(website)], this_distribution),
        # Without it S3 calls forbidden (403) what is not there (404).
        allow_principal(
            "TellingWhatIsMissing", cloudfront, [awacs.s3.ListBucket], [GetAtt(website, "Arn")], this_distribution
        ),
    )
    logged = delivery_of_access_logs(
        "WebsiteBucketAccessLogs", log_bucket, [GetAtt(website, "Arn")], "website-bucket/*"
    )
    bucket_policy(template, log_bucket, logged)
