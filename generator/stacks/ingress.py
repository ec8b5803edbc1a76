"""The way in: an Application Load Balancer in the public subnets, its listeners, certificate, firewall and names.

Owns the only thing of the VPC that clients on the internet can reach (W1, E13). HTTP is answered with a redirect to
HTTPS (W3); HTTPS speaks TLS 1.2 and 1.3 and nothing older (W4). With a domain the certificate is requested here and
validated through DNS; without one the ARN of an imported certificate is read from SSM (W5). A web ACL filters requests
(D8). Never creates target groups: what a request is forwarded to belongs to the web tier, and until there is one, the
answer is 503.

Owns all DNS records: the domain leads to CloudFront, and `origin.<domain>`, the name by which CloudFront finds the load
balancer, to the load balancer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from troposphere import AWSHelperFn, Equals, GetAtt, If, Not, Ref, Sub, Template
from troposphere.certificatemanager import Certificate, DomainValidationOption
from troposphere.elasticloadbalancingv2 import (
    Action,
    FixedResponseConfig,
    Listener,
    LoadBalancer,
    LoadBalancerAttributes,
    RedirectConfig,
)
from troposphere.elasticloadbalancingv2 import Certificate as ListenerDefaultCertificate
from troposphere.route53 import RecordSetType
from troposphere.validators.route53 import AliasTarget
from troposphere.wafv2 import WebACLAssociation

from generator.naming import CERTIFICATE_PARAMETER, PROJECT, in_environment, name_tag
from generator.nesting import add_condition, only_if
from generator.origin import ORIGIN_HEADER, origin_name, origin_secret
from generator.parameter_types import (
    BucketName,
    CertificateArn,
    DnsName,
    DomainName,
    EnvironmentName,
    HostedZoneId,
    KeyArn,
    ListenerArn,
    OriginSecretArn,
    ResourceName,
    SecurityGroupId,
    SubnetIds,
    Toggle,
    Url,
    output,
    parameter,
)
from generator.response_headers import listener_attributes
from generator.shield import add_protection
from generator.web_acl import add_web_acl, without_header

# TLS 1.2 with forward secrecy and authenticated ciphers only, and TLS 1.3.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
IDLE_TIMEOUT_SECONDS = 60
ACCESS_LOG_PREFIX = "load-balancer"
CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
"""The hosted zone of all distributions.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-route53-recordset-aliastarget.html
"""

HAS_DOMAIN, HAS_FIREWALL, HAS_SHIELD = "HasDomain", "HasFirewall", "HasShieldAdvanced"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    public_subnet_ids: SubnetIds = parameter("Subnets of the load balancer.")
    load_balancer_group_id: SecurityGroupId = parameter("Security group of the load balancer.")
    log_bucket_name: BucketName = parameter("Bucket that receives access logs.")
    domain_name: DomainName = parameter("Domain of the application, or empty.")
    hosted_zone_id: HostedZoneId = parameter("Hosted zone of the domain, or empty.")
    distribution_domain_name: DnsName = parameter("Name of the distribution, to which the domain leads, or none.")
    origin_secret_arn: OriginSecretArn = parameter("Secret by which requests from CloudFront are known, or none.")
    web_application_firewall: Toggle = parameter("Whether a web ACL filters requests.")
    shield_advanced: Toggle = parameter("Whether Shield Advanced protects the load balancer.")
    logs_key_arn: KeyArn = parameter("Key that encrypts the web ACL's log group.")
    deletion_protection: Toggle = parameter("Whether the load balancer refuses to be deleted.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    load_balancer_dns_name: DnsName = output("DNS name of the load balancer.")
    load_balancer_full_name: ResourceName = output("Full name of the load balancer, as CloudWatch metrics spell it.")
    https_listener_arn: ListenerArn = output("HTTPS listener, to which compute stacks add their rules.")
    certificate_arn: CertificateArn = output("Certificate of the domain, or none where it is imported.")
    application_url: Url = output("Address of the application.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, HAS_DOMAIN, Not(Equals(parameters.domain_name, "")))
    add_condition(template, HAS_FIREWALL, Equals(parameters.web_application_firewall, "true"))
    add_condition(template, HAS_SHIELD, Equals(parameters.shield_advanced, "true"))
    load_balancer = _load_balancer(template, parameters)
    certificate = _certificate(template, parameters)
    _http_listener(template, load_balancer)
    https = _https_listener(template, load_balancer, certificate)
    _records(template, parameters, load_balancer)
    _firewall(template, parameters, load_balancer)
    add_protection(template, "LoadBalancerProtection", "load-balancer", Ref(load_balancer), HAS_SHIELD)
    host = If(HAS_DOMAIN, parameters.domain_name, GetAtt(load_balancer, "DNSName"))
    return Outputs(
        load_balancer_dns_name=DnsName(GetAtt(load_balancer, "DNSName")),
        load_balancer_full_name=ResourceName(GetAtt(load_balancer, "LoadBalancerFullName")),
        https_listener_arn=ListenerArn(Ref(https)),
        certificate_arn=CertificateArn(If(HAS_DOMAIN, Ref(certificate), "none")),
        application_url=Url(Sub("https://${Host}/", Host=host)),
    )


def _load_balancer(template: Template, parameters: Parameters) -> LoadBalancer:
    attributes = {
        "access_logs.s3.enabled": "true",
        "access_logs.s3.bucket": parameters.log_bucket_name,
        "access_logs.s3.prefix": ACCESS_LOG_PREFIX,
        "deletion_protection.enabled": parameters.deletion_protection,
        "idle_timeout.timeout_seconds": str(IDLE_TIMEOUT_SECONDS),
        "routing.http.desync_mitigation_mode": "strictest",
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "routing.http2.enabled": "true",
    }
    return template.add_resource(
        LoadBalancer(
            "LoadBalancer",
            Type="application",
            Scheme="internet-facing",
            IpAddressType="ipv4",
            Subnets=parameters.public_subnet_ids,
            SecurityGroups=[parameters.load_balancer_group_id],
            LoadBalancerAttributes=[LoadBalancerAttributes(Key=key, Value=value) for key, value in attributes.items()],
            Tags=name_tag("load-balancer"),
        )
    )


def _certificate(template: Template, parameters: Parameters) -> Certificate:
    """Add the certificate of both names: CloudFront asks for the load balancer's own, or for the one that visitors use.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-https-cloudfront-to-custom-origin.html
    """
    names = [parameters.domain_name, origin_name()]
    return template.add_resource(
        Certificate(
            "Certificate",
            Condition=HAS_DOMAIN,
            DomainName=parameters.domain_name,
            SubjectAlternativeNames=[origin_name()],
            ValidationMethod="DNS",
            DomainValidationOptions=[
                DomainValidationOption(DomainName=name, HostedZoneId=parameters.hosted_zone_id) for name in names
            ],
            Tags=name_tag("certificate"),
        )
    )


def _http_listener(template: Template, load_balancer: LoadBalancer) -> None:
    permanently_to_https = RedirectConfig(Protocol="HTTPS", Port="443", StatusCode="HTTP_301")
    template.add_resource(
        Listener(
            "HttpListener",
            LoadBalancerArn=Ref(load_balancer),
            Port="80",
            Protocol="HTTP",
            DefaultActions=[Action(Type="redirect", RedirectConfig=permanently_to_https)],
        )
    )


def _https_listener(template: Template, load_balancer: LoadBalancer, certificate: Certificate) -> Listener:
    imported = in_environment(f"{{{{resolve:ssm:/{PROJECT}/${{EnvironmentName}}/{CERTIFICATE_PARAMETER}}}}}")
    nothing_behind = FixedResponseConfig(StatusCode="503", ContentType="text/plain", MessageBody="Not in service.")
    return template.add_resource(
        Listener(
            "HttpsListener",
            LoadBalancerArn=Ref(load_balancer),
            Port="443",
            Protocol="HTTPS",
            SslPolicy=TLS_POLICY,
            Certificates=[ListenerDefaultCertificate(CertificateArn=If(HAS_DOMAIN, Ref(certificate), imported))],
            DefaultActions=[Action(Type="fixed-response", FixedResponseConfig=nothing_behind)],
            ListenerAttributes=listener_attributes(),
        )
    )


def _records(template: Template, parameters: Parameters, load_balancer: LoadBalancer) -> None:
    """Add the records of the domain. CloudFront answers over IPv6 too, and finds the load balancer over IPv4."""
    distribution: dict[str, Any] = {"dnsname": parameters.distribution_domain_name, "hostedzoneid": CLOUDFRONT_ZONE}
    balancer = {
        "dnsname": GetAtt(load_balancer, "DNSName"),
        "hostedzoneid": GetAtt(load_balancer, "CanonicalHostedZoneID"),
        "evaluatetargethealth": True,
    }
    _record(template, parameters, "AliasRecord", parameters.domain_name, "A", distribution)
    _record(template, parameters, "AliasRecordIpv6", parameters.domain_name, "AAAA", distribution)
    _record(template, parameters, "OriginRecord", origin_name(), "A", balancer)


def _record(
    template: Template, parameters: Parameters, title: str, name: AWSHelperFn, record_type: str, target: dict[str, Any]
) -> None:
    template.add_resource(
        RecordSetType(
            title,
            Condition=HAS_DOMAIN,
            HostedZoneId=parameters.hosted_zone_id,
            Name=name,
            Type=record_type,
            AliasTarget=AliasTarget(**target),  # type: ignore[no-untyped-call]
        )
    )


def _firewall(template: Template, parameters: Parameters, load_balancer: LoadBalancer) -> None:
    """Add the web ACL. What comes through CloudFront has been counted there, by the visitors' own addresses."""
    past_cloudfront = only_if(HAS_DOMAIN, without_header(ORIGIN_HEADER, origin_secret()))
    acl = add_web_acl(
        template,
        scope="REGIONAL",
        key=parameters.logs_key_arn,
        limited_to=past_cloudfront,
        condition=HAS_FIREWALL,
    )
    template.add_resource(
        WebACLAssociation(
            "WebAclAssociation",
            Condition=HAS_FIREWALL,
            ResourceArn=Ref(load_balancer),
            WebACLArn=GetAtt(acl, "Arn"),
        )
    )
