"""The way in: an Application Load Balancer in the public subnets, its listeners and its certificate.

Owns the only thing that clients on the internet can reach (W1, E13). HTTP is answered with a redirect to HTTPS (W3);
HTTPS speaks TLS 1.2 and 1.3 and nothing older (W4). With a domain the certificate is requested here and validated
through DNS; without one the ARN of an imported certificate is read from SSM (W5). Never creates target groups: what a
request is forwarded to belongs to the web tier, and until there is one, the answer is 503.
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import Equals, GetAtt, If, Not, Ref, Sub, Template
from troposphere.certificatemanager import Certificate, DomainValidationOption
from troposphere.elasticloadbalancingv2 import (
    Action,
    FixedResponseConfig,
    Listener,
    ListenerAttribute,
    LoadBalancer,
    LoadBalancerAttributes,
    RedirectConfig,
)
from troposphere.elasticloadbalancingv2 import Certificate as ListenerDefaultCertificate
from troposphere.route53 import RecordSetType
from troposphere.validators.route53 import AliasTarget

from generator.naming import PROJECT, in_environment, name_tag
from generator.nesting import add_condition
from generator.parameter_types import (
    BucketName,
    DnsName,
    DomainName,
    EnvironmentName,
    HostedZoneId,
    ListenerArn,
    ResourceName,
    SecurityGroupId,
    SubnetIds,
    Toggle,
    Url,
    output,
    parameter,
)

# TLS 1.2 with forward secrecy and authenticated ciphers only, and TLS 1.3.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
IDLE_TIMEOUT_SECONDS = 60
ACCESS_LOG_PREFIX = "load-balancer"
STRICT_TRANSPORT_SECURITY = "max-age=31536000"  # a year; subdomains are the domain owner's to decide


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    public_subnet_ids: SubnetIds = parameter("Subnets of the load balancer.")
    load_balancer_group_id: SecurityGroupId = parameter("Security group of the load balancer.")
    log_bucket_name: BucketName = parameter("Bucket that receives access logs.")
    domain_name: DomainName = parameter("Domain of the application, or empty.")
    hosted_zone_id: HostedZoneId = parameter("Hosted zone of the domain, or empty.")
    deletion_protection: Toggle = parameter("Whether the load balancer refuses to be deleted.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    load_balancer_dns_name: DnsName = output("DNS name of the load balancer.")
    load_balancer_full_name: ResourceName = output("Full name of the load balancer, as CloudWatch metrics spell it.")
    https_listener_arn: ListenerArn = output("HTTPS listener, to which compute stacks add their rules.")
    application_url: Url = output("Address of the application.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, "HasDomain", Not(Equals(parameters.domain_name, "")))
    load_balancer = _load_balancer(template, parameters)
    certificate = _certificate(template, parameters)
    _http_listener(template, load_balancer)
    https = _https_listener(template, parameters, load_balancer, certificate)
    _alias_record(template, parameters, load_balancer)
    host = If("HasDomain", parameters.domain_name, GetAtt(load_balancer, "DNSName"))
    return Outputs(
        load_balancer_dns_name=DnsName(GetAtt(load_balancer, "DNSName")),
        load_balancer_full_name=ResourceName(GetAtt(load_balancer, "LoadBalancerFullName")),
        https_listener_arn=ListenerArn(Ref(https)),
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
    validation = DomainValidationOption(DomainName=parameters.domain_name, HostedZoneId=parameters.hosted_zone_id)
    return template.add_resource(
        Certificate(
            "Certificate",
            Condition="HasDomain",
            DomainName=parameters.domain_name,
            ValidationMethod="DNS",
            DomainValidationOptions=[validation],
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


def _https_listener(
    template: Template, parameters: Parameters, load_balancer: LoadBalancer, certificate: Certificate
) -> Listener:
    imported = in_environment(f"{{{{resolve:ssm:/{PROJECT}/${{EnvironmentName}}/certificate-arn}}}}")
    nothing_behind = FixedResponseConfig(StatusCode="503", ContentType="text/plain", MessageBody="Not in service.")
    return template.add_resource(
        Listener(
            "HttpsListener",
            LoadBalancerArn=Ref(load_balancer),
            Port="443",
            Protocol="HTTPS",
            SslPolicy=TLS_POLICY,
            Certificates=[ListenerDefaultCertificate(CertificateArn=If("HasDomain", Ref(certificate), imported))],
            DefaultActions=[Action(Type="fixed-response", FixedResponseConfig=nothing_behind)],
            ListenerAttributes=[
                ListenerAttribute(
                    Key="routing.http.response.strict_transport_security.header_value",
                    Value=STRICT_TRANSPORT_SECURITY,
                ),
                ListenerAttribute(Key="routing.http.response.server.enabled", Value="false"),
            ],
        )
    )


def _alias_record(template: Template, parameters: Parameters, load_balancer: LoadBalancer) -> None:
    template.add_resource(
        RecordSetType(
            "AliasRecord",
            Condition="HasDomain",
            HostedZoneId=parameters.hosted_zone_id,
            Name=parameters.domain_name,
            Type="A",
            AliasTarget=AliasTarget(  # type: ignore[no-untyped-call]
                dnsname=GetAtt(load_balancer, "DNSName"),
                hostedzoneid=GetAtt(load_balancer, "CanonicalHostedZoneID"),
                evaluatetargethealth=True,
            ),
        )
    )
