"""CloudFront as a relay: a broken distribution, origin or name breaks the right claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.checks.exposure import cloudfront
from generator.checks.exposure.statements import APPLICATION_PATHS, ORIGIN_HEADER
from tests.exposure import (
    APPLICATION_ORIGIN,
    CONFIG,
    DOMAIN,
    Break,
    added,
    assert_broken,
    behind_cloudfront,
    distribution,
    removed,
    taken_away,
    unbroken,
)
from tests.releases import Edit, Templates, setting

VIEWERS = "CloudFront answers plain HTTP with a redirect to HTTPS, on every path"
VIEWER_TLS = "CloudFront speaks TLS 1.2 or newer under a domain of ours"
APPLICATION = "CloudFront asks the load balancer over HTTPS with TLS 1.2, for the application's paths alone"
WEBSITE = "Everything else CloudFront reads from a bucket, and signs what it asks"
FUNCTIONS = "No code at the edge chooses another origin"
KEPT = "What CloudFront keeps for the next viewer was asked for in nobody's name"
HEADERS = "Every answer of CloudFront carries the security headers"
NAMES = "Viewers' names lead to CloudFront, and only its origin's name to the load balancer"
KNOWN = "Everything that touches the network is in the model"
IMAGES_BEHAVIOUR = f"{CONFIG}.CacheBehaviors.2.Fn::If.1"


def with_code(code: str) -> Edit:
    """An edit that puts code before the function that finds pages."""

    def edit(templates: Templates) -> None:
        function = templates["edge"]["Resources"]["PageRoutes"]["Properties"]
        function["FunctionCode"] = f"{code}\n{function['FunctionCode']}"

    return edit


def another_origin(templates: Templates) -> None:
    """Add a server that the distribution may ask, whether there is a domain or not."""
    origins = templates["edge"]["Resources"]["Distribution"]["Properties"][CONFIG]["Origins"]
    over_https = {"OriginProtocolPolicy": "https-only", "OriginSSLProtocols": ["TLSv1.2"]}
    origins.append({"Id": "other", "DomainName": "other.example.com", "CustomOriginConfig": over_https})


VIEWS = [
    behind_cloudfront(
        "CloudFront sends no secret",
        APPLICATION,
        f"Edge/Distribution.Origins[1] is asked without a secret in {ORIGIN_HEADER}",
        distribution(f"{APPLICATION_ORIGIN}.OriginCustomHeaders", None),
    ),
    behind_cloudfront(
        "the website is served over plain HTTP too",
        VIEWERS,
        "a viewer's request for * over HTTP: Edge/Distribution.DefaultCacheBehavior is allow-all",
        distribution(f"{CONFIG}.DefaultCacheBehavior.ViewerProtocolPolicy", "allow-all"),
    ),
    behind_cloudfront(
        "images are served over plain HTTP too",
        VIEWERS,
        "a viewer's request for /product-images/* over HTTP: Edge/Distribution.CacheBehaviors[2] is allow-all",
        distribution(f"{IMAGES_BEHAVIOUR}.ViewerProtocolPolicy", "allow-all"),
    ),
    behind_cloudfront(
        "viewers may speak TLS 1.0",
        VIEWER_TLS,
        "a viewer's connection with an old TLS: Edge/Distribution speaks TLSv1 and newer",
        distribution(f"{CONFIG}.ViewerCertificate.Fn::If.1.MinimumProtocolVersion", "TLSv1"),
    ),
    behind_cloudfront(
        "nobody says what viewers may speak",
        VIEWER_TLS,
        "Edge/Distribution speaks TLSv1 and newer",
        distribution(f"{CONFIG}.ViewerCertificate.Fn::If.1.MinimumProtocolVersion", None),
    ),
    behind_cloudfront(
        "viewers see CloudFront's own certificate",
        VIEWER_TLS,
        f"Edge/Distribution shows CloudFront's own certificate, not that of {DOMAIN}",
        distribution(f"{CONFIG}.ViewerCertificate", {"CloudFrontDefaultCertificate": True}),
    ),
    behind_cloudfront(
        "viewers see the certificate of another environment",
        VIEWER_TLS,
        "Edge/Distribution shows {{resolve:ssm:/web-platform/dev/edge/certificate-arn}}",
        distribution(
            f"{CONFIG}.ViewerCertificate.Fn::If.1.AcmCertificateArn",
            "{{resolve:ssm:/web-platform/dev/edge/certificate-arn}}",
        ),
    ),
    behind_cloudfront(
        "the distribution has another name",
        VIEWER_TLS,
        f"Edge/Distribution answers as www.example.com, not as {DOMAIN}",
        distribution(f"{CONFIG}.Aliases", ["www.example.com"]),
    ),
    Break(
        "a distribution has a name where there is no domain",
        (distribution(f"{CONFIG}.Aliases", ["www.example.com"]),),
        VIEWER_TLS,
        ("Edge/Distribution answers as www.example.com, not as none",),
    ),
    behind_cloudfront(
        "a policy of headers is left out",
        HEADERS,
        "an answer to * lacks content-security-policy, referrer-policy, strict-transport-security",
        distribution(f"{CONFIG}.DefaultCacheBehavior.ResponseHeadersPolicyId", None),
    ),
    behind_cloudfront(
        "answers of the application are kept",
        KEPT,
        "/api/* is kept for others: Edge/Distribution.CacheBehaviors[1] tells the origin who asks",
        distribution(f"{CONFIG}.CacheBehaviors.1.Fn::If.1.CachePolicyId", {"Ref": "ImagesCachePolicy"}),
    ),
    behind_cloudfront(
        "answers of the application are kept as somebody else's policy says",
        KEPT,
        "an answer to one viewer of /api/* is kept for others",
        distribution(f"{CONFIG}.CacheBehaviors.1.Fn::If.1.CachePolicyId", "658327ea-f89d-4fab-a63d-7e88639e58f6"),
    ),
    behind_cloudfront(
        "a server's error is kept",
        KEPT,
        "a 503 that one viewer met is shown to others for 10 seconds: Edge/Distribution",
        distribution(f"{CONFIG}.CustomErrorResponses.3.ErrorCachingMinTTL", 10),
    ),
    behind_cloudfront(
        "nothing is said of a server's error, which CloudFront keeps then",
        KEPT,
        "a 500 that one viewer met is shown to others for 10 seconds: Edge/Distribution",
        taken_away("edge", "Distribution", f"{CONFIG}.CustomErrorResponses", 1),
    ),
    behind_cloudfront(
        "images are asked for with a viewer's cookies",
        KEPT,
        "an answer to one viewer of /product-images/* is kept for others",
        distribution(f"{IMAGES_BEHAVIOUR}.OriginRequestPolicyId", "216adef6-5c7f-47e4-b989-5492eafa07d3"),
    ),
    behind_cloudfront(
        "a behaviour is written as of old",
        KNOWN,
        "Edge/Distribution.DefaultCacheBehavior: the proof does not follow ForwardedValues",
        distribution(f"{CONFIG}.DefaultCacheBehavior.ForwardedValues", {"QueryString": True}),
    ),
    behind_cloudfront(
        "frames are allowed from everywhere",
        HEADERS,
        "an answer to /api/* lacks x-frame-options: Edge/Distribution.CacheBehaviors[1]",
        setting(
            "edge", "ApplicationHeadersPolicy", "ResponseHeadersPolicyConfig.SecurityHeadersConfig.FrameOptions", None
        ),
    ),
    behind_cloudfront(
        "an origin's own policy of content wins",
        HEADERS,
        "an answer to * lacks content-security-policy: Edge/Distribution.DefaultCacheBehavior",
        setting(
            "edge",
            "PagesHeadersPolicy",
            "ResponseHeadersPolicyConfig.SecurityHeadersConfig.ContentSecurityPolicy.Override",
            False,
        ),
    ),
    behind_cloudfront(
        "HTTPS is remembered for an hour",
        HEADERS,
        "an answer to /assets/* lacks strict-transport-security",
        setting(
            "edge",
            "AssetsHeadersPolicy",
            "ResponseHeadersPolicyConfig.SecurityHeadersConfig.StrictTransportSecurity.AccessControlMaxAgeSec",
            3600,
        ),
    ),
    behind_cloudfront(
        "a policy of headers is somebody else's",
        KNOWN,
        "Edge/Distribution.DefaultCacheBehavior has a response headers policy that is not of the release",
        distribution(f"{CONFIG}.DefaultCacheBehavior.ResponseHeadersPolicyId", "67f7725c-6f97-4210-82d7-5512b31e9d03"),
    ),
    behind_cloudfront(
        "the function takes hold of origins",
        FUNCTIONS,
        "Edge/PageRoutes uses CloudFront's module, with which it can choose another origin",
        with_code("import cf from 'cloudfront';"),
    ),
    behind_cloudfront(
        "a Lambda function runs at the edge",
        FUNCTIONS,
        "Edge/Distribution.DefaultCacheBehavior runs a Lambda function",
        distribution(
            f"{CONFIG}.DefaultCacheBehavior.LambdaFunctionAssociations",
            [
                {
                    "EventType": "origin-request",
                    "LambdaFunctionARN": "arn:aws:lambda:us-east-1:111122223333:function:f:1",
                }
            ],
        ),
    ),
]

ORIGINS = [
    behind_cloudfront(
        "the load balancer is asked over plain HTTP",
        APPLICATION,
        "Edge/Distribution.Origins[1] is asked over http-only on port 443",
        distribution(f"{APPLICATION_ORIGIN}.CustomOriginConfig.OriginProtocolPolicy", "http-only"),
    ),
    behind_cloudfront(
        "the load balancer is asked as the viewer asks",
        APPLICATION,
        "Edge/Distribution.Origins[1] is asked over match-viewer on port 443",
        distribution(f"{APPLICATION_ORIGIN}.CustomOriginConfig.OriginProtocolPolicy", "match-viewer"),
    ),
    behind_cloudfront(
        "the load balancer is asked with TLS 1.0",
        APPLICATION,
        "Edge/Distribution.Origins[1] is asked with TLSv1",
        distribution(f"{APPLICATION_ORIGIN}.CustomOriginConfig.OriginSSLProtocols", ["TLSv1", "TLSv1.2"]),
    ),
    behind_cloudfront(
        "nobody says how the load balancer is asked",
        APPLICATION,
        "Edge/Distribution.Origins[1] is asked with SSLv3, TLSv1",
        distribution(f"{APPLICATION_ORIGIN}.CustomOriginConfig.OriginSSLProtocols", None),
    ),
    behind_cloudfront(
        "another path goes to the application",
        APPLICATION,
        f"a viewer's request for /admin/*: Edge/Distribution.CacheBehaviors[2] hands it to origin.{DOMAIN}",
        distribution(f"{IMAGES_BEHAVIOUR}.PathPattern", "/admin/*"),
    ),
    behind_cloudfront(
        "a path of the application is asked of the bucket",
        APPLICATION,
        "a viewer's request for /product-images/*: Edge/Distribution asks ⟨Edge/WebsiteBucket.RegionalDomainName⟩",
        distribution(f"{IMAGES_BEHAVIOUR}.TargetOriginId", "website"),
    ),
    Break(
        "without a domain, CloudFront has the application too",
        (another_origin,),
        APPLICATION,
        ("Edge/Distribution.Origins[1] leads to other.example.com, and without a domain CloudFront serves",),
    ),
    behind_cloudfront(
        "requests to the bucket are not signed",
        WEBSITE,
        "a request to Edge/WebsiteBucket is not signed: Edge/Distribution.Origins[0]",
        distribution(f"{CONFIG}.Origins.0.OriginAccessControlId", None),
    ),
    behind_cloudfront(
        "requests to the bucket are signed where the viewer signs none",
        WEBSITE,
        "a request to Edge/WebsiteBucket is not signed",
        setting("edge", "OriginAccessControl", "OriginAccessControlConfig.SigningBehavior", "no-override"),
    ),
    behind_cloudfront(
        "the website is asked of a stranger",
        WEBSITE,
        "a viewer's request for *: Edge/Distribution.DefaultCacheBehavior reads no bucket of the release",
        distribution(f"{CONFIG}.Origins.0.DomainName", "somebody-elses.s3.eu-west-1.amazonaws.com"),
    ),
    behind_cloudfront(
        "the viewers' name leads past CloudFront",
        NAMES,
        f"the name {DOMAIN} leads to Ingress/LoadBalancer: Ingress/AliasRecord",
        setting("ingress", "AliasRecord", "AliasTarget.DNSName", {"Fn::GetAtt": ["LoadBalancer", "DNSName"]}),
    ),
    behind_cloudfront(
        "another name leads to the load balancer",
        NAMES,
        f"the name direct.{DOMAIN} leads to Ingress/LoadBalancer: Ingress/Direct",
        added(
            "ingress",
            "Direct",
            "AWS::Route53::RecordSet",
            Name={"Fn::Sub": "direct.${DomainName}"},
            Type="A",
            AliasTarget={"DNSName": {"Fn::GetAtt": ["LoadBalancer", "DNSName"]}, "HostedZoneId": "Z0000000002"},
        ),
    ),
    behind_cloudfront(
        "CloudFront asks a stranger",
        NAMES,
        "the name shop.example.org leads nowhere: the release has no record of it",
        distribution(f"{APPLICATION_ORIGIN}.DomainName", "shop.example.org"),
    ),
    behind_cloudfront(
        "CloudFront tells what somebody wrote down",
        APPLICATION,
        f"Edge/Distribution.Origins[1] is asked without a secret in {ORIGIN_HEADER}",
        distribution(f"{APPLICATION_ORIGIN}.OriginCustomHeaders.0.HeaderValue", "open sesame"),
    ),
    behind_cloudfront(
        "the origin has no name",
        NAMES,
        f"the name origin.{DOMAIN} leads nowhere: the release has no record of it",
        removed("ingress", "OriginRecord"),
    ),
    behind_cloudfront(
        "the load balancer's certificate is not for the origin's name",
        NAMES,
        f"no certificate of a listener is for origin.{DOMAIN}",
        setting("ingress", "Certificate", "SubjectAlternativeNames", None),
    ),
]

BREAKS = [*VIEWS, *ORIGINS]


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: case.name)
def test_a_broken_template_breaks_the_claim(case: Break, tmp_path: Path) -> None:
    assert_broken(case, tmp_path)


def test_every_claim_can_be_broken() -> None:
    assert unbroken(cloudfront.claims(), BREAKS) == set()


def test_the_application_has_its_paths() -> None:
    """What is meant, in the words of the reader of these tests."""
    assert APPLICATION_PATHS == ("/api/*", "/product-images/*", "/healthz")
