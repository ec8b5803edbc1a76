"""Where the load balancer takes CloudFront's requests alone: whoever else gets in breaks the right claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.checks.exposure.statements import ORIGIN_HEADER
from tests.exposure import (
    ANYWHERE,
    APPLICATION_ORIGIN,
    CONFIG,
    Break,
    added,
    assert_broken,
    behind_cloudfront,
    distribution,
    rule,
    taken_away,
)
from tests.releases import Templates, at_resource, setting

SHUT = "Behind CloudFront, the load balancer takes nobody else's packets, and the internet reaches nothing at all"
CLOUDFRONT = "CloudFront reaches the load balancer on TCP 443, and nothing else"
REACHED = "CloudFront reaches the load balancer, where that takes nobody else's requests"
INGRESS = "Ingress rules alone let in whom they are meant to let in"
KNOWN = "Everything that touches the network is in the model"
SECRET = "Behind CloudFront, the load balancer forwards nothing without the secret header of its distribution"
LISTENER_HEADERS = "Every answer of the load balancer over HTTPS carries the security headers"
BALANCER_GROUP = {"Fn::GetAtt": ["LoadBalancerGroup", "GroupId"]}
SECRET_OF_THE_RULE = "Conditions.1.Fn::If.1.HttpHeaderConfig.Values"
UNGUESSABLE = {"ExcludePunctuation": True, "PasswordLength": 48}


def everywhere(templates: Templates) -> None:
    """Put the whole internet in the place of CloudFront's prefix list."""
    properties = templates["security"]["Resources"]["LoadBalancerInCloudFront"]["Properties"]
    del properties["SourcePrefixListId"]
    properties["CidrIp"] = ANYWHERE


PACKETS = [
    behind_cloudfront(
        "the prefix list is replaced by the internet",
        SHUT,
        "198.51.100.7 (internet) from port 1024 → 10.30.0.4 (Ingress/LoadBalancer) tcp 443: let through by",
        everywhere,
    ),
    behind_cloudfront(
        "the prefix list is replaced by the internet, in its layer",
        INGRESS,
        "(internet) → 10.30.0.4 (Ingress/LoadBalancer) tcp 443: let in by Security/LoadBalancerInCloudFront",
        everywhere,
    ),
    behind_cloudfront(
        "port 80 is open to the internet",
        SHUT,
        "tcp 80: let through by Network/InternetGateway, Network/PublicAclInHttp, Security/Plain",
        rule("security", "Plain", BALANCER_GROUP, CidrIp=ANYWHERE, FromPort=80, ToPort=80),
    ),
    behind_cloudfront(
        "port 80 is open to CloudFront",
        CLOUDFRONT,
        "198.51.100.7 (CloudFront) from port 1024 → 10.30.0.4 (Ingress/LoadBalancer) tcp 80",
        setting("security", "LoadBalancerInCloudFront", "FromPort", 80),
    ),
    behind_cloudfront(
        "CloudFront's rule is there for everybody else",
        REACHED,
        "198.51.100.7 (CloudFront) from port 1024 → 10.30.0.4 (Ingress/LoadBalancer) tcp 443: dropped at ingress",
        at_resource("security", "LoadBalancerInCloudFront", "Condition", "ForEverybody"),
    ),
    behind_cloudfront(
        "web servers answer CloudFront themselves",
        INGRESS,
        "198.51.100.7 (CloudFront) → 10.30.64.4 (WebTier/WebServerGroup) tcp 443: let in by Security/Shortcut",
        rule(
            "security",
            "Shortcut",
            {"Fn::GetAtt": ["WebServerGroup", "GroupId"]},
            SourcePrefixListId={"Fn::FindInMap": ["CloudFrontAddresses", {"Ref": "AWS::Region"}, "Id"]},
            FromPort=443,
            ToPort=443,
        ),
    ),
    behind_cloudfront(
        "the prefix list is that of another region",
        KNOWN,
        "Security/LoadBalancerInCloudFront names the prefix list pl-3b927c52; the proof knows CloudFront's alone",
        setting("security", "LoadBalancerInCloudFront", "SourcePrefixListId", "pl-3b927c52"),
    ),
    behind_cloudfront(
        "a global accelerator leads to the load balancer",
        KNOWN,
        "Ingress/Accelerated (AWS::GlobalAccelerator::EndpointGroup) stands in Ingress/LoadBalancer",
        added(
            "ingress",
            "Accelerated",
            "AWS::GlobalAccelerator::EndpointGroup",
            EndpointConfigurations=[{"EndpointId": {"Ref": "LoadBalancer"}}],
        ),
    ),
    behind_cloudfront(
        "something else answers the internet",
        KNOWN,
        "Edge/Api answers the internet in a way that the proof does not know: AWS::ApiGatewayV2::Api",
        added("edge", "Api", "AWS::ApiGatewayV2::Api", Name="shop", ProtocolType="HTTP"),
    ),
    behind_cloudfront(
        "an origin is inside the VPC",
        KNOWN,
        "Edge/Distribution.Origins[1] leads into a VPC",
        distribution(f"{APPLICATION_ORIGIN}.VpcOriginConfig", {"VpcOriginId": "vo_0123456789"}),
    ),
    behind_cloudfront(
        "an origin has a stand-in",
        KNOWN,
        "Edge/Distribution: the proof does not follow OriginGroups",
        distribution(f"{CONFIG}.OriginGroups", {"Quantity": 1, "Items": [{"Id": "either"}]}),
    ),
]

SECRETS = [
    behind_cloudfront(
        "the load balancer sends no headers",
        LISTENER_HEADERS,
        "an answer of Ingress/HttpsListener lacks content-security-policy, strict-transport-security",
        setting("ingress", "HttpsListener", "ListenerAttributes", None),
    ),
    behind_cloudfront(
        "the rule asks for no header",
        SECRET,
        "a request of somebody else's distribution: WebTier/ForwardToWebServers forwards it and asks for no secret",
        taken_away("web_tier", "ForwardToWebServers", "Conditions", 1),
    ),
    behind_cloudfront(
        "the rule asks for another header",
        SECRET,
        "WebTier/ForwardToWebServers forwards it and asks for no secret",
        setting("web_tier", "ForwardToWebServers", "Conditions.1.Fn::If.1.HttpHeaderConfig.HttpHeaderName", "X-Other"),
    ),
    behind_cloudfront(
        "the rule wants another secret",
        SECRET,
        f"forwards it and wants {ORIGIN_HEADER}, but no secret that CloudFront sends",
        added(
            "web_tier", "OtherSecret", "AWS::SecretsManager::Secret", GenerateSecretString={"ExcludePunctuation": True}
        ),
        setting(
            "web_tier",
            "ForwardToWebServers",
            SECRET_OF_THE_RULE,
            [{"Fn::Sub": "{{resolve:secretsmanager:${OtherSecret}:SecretString}}"}],
        ),
    ),
    behind_cloudfront(
        "any value of the header will do",
        SECRET,
        f"forwards it and wants {ORIGIN_HEADER}, but no secret that CloudFront sends",
        setting("web_tier", "ForwardToWebServers", SECRET_OF_THE_RULE, ["*"]),
    ),
    behind_cloudfront(
        "the secret is written down at both ends",
        SECRET,
        f"forwards it and wants {ORIGIN_HEADER}, but no secret that CloudFront sends",
        setting("web_tier", "ForwardToWebServers", SECRET_OF_THE_RULE, ["open sesame"]),
        distribution(f"{APPLICATION_ORIGIN}.OriginCustomHeaders.0.HeaderValue", "open sesame"),
    ),
    behind_cloudfront(
        "the secret is written down in its resource",
        SECRET,
        "no secret that CloudFront sends",
        setting("edge", "OriginSecret", "SecretString", "open sesame"),
    ),
    behind_cloudfront(
        "the secret may hold wildcards",
        SECRET,
        "no secret that CloudFront sends",
        setting("edge", "OriginSecret", "GenerateSecretString.ExcludePunctuation", False),
    ),
    behind_cloudfront(
        "the secret can be guessed",
        SECRET,
        "no secret that CloudFront sends",
        setting("edge", "OriginSecret", "GenerateSecretString.PasswordLength", 8),
    ),
    behind_cloudfront(
        "the listener forwards by default",
        SECRET,
        "a request of somebody else's distribution: Ingress/HttpsListener forwards it and asks for no secret",
        setting("ingress", "HttpsListener", "DefaultActions", [{"Type": "forward", "TargetGroupArn": "arn"}]),
    ),
    behind_cloudfront(
        "a second rule forwards without the header",
        SECRET,
        "WebTier/HealthForEverybody forwards it and asks for no secret",
        added(
            "web_tier",
            "HealthForEverybody",
            "AWS::ElasticLoadBalancingV2::ListenerRule",
            ListenerArn={"Ref": "HttpsListenerArn"},
            Priority=1,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/healthz"]}}],
            Actions=[{"Type": "forward", "TargetGroupArn": {"Ref": "WebServers"}}],
        ),
    ),
]

BREAKS = [*PACKETS, *SECRETS]


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: case.name)
def test_a_broken_template_breaks_the_claim(case: Break, tmp_path: Path) -> None:
    assert_broken(case, tmp_path)
