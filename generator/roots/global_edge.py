"""What CloudFront uses and must be in its home region: the web ACL of the distribution and the viewers' certificate.

Owns the web ACL that filters requests before CloudFront answers any (D8), with its log, and with a domain the viewers'
certificate, validated through DNS (W5). An administrator deploys it once for each environment, to us-east-1 of the
environment's account, and stores what it gives out in SSM parameters of the environment's region, where the stack
`edge` reads them: `/web-platform/<environment>/edge/web-acl-arn` and `.../certificate-arn`.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import Equals, GetAtt, If, Not, Ref, Template
from troposphere.certificatemanager import Certificate, DomainValidationOption
from troposphere.kms import Alias, Key

from generator.iam import document
from generator.keys import DELETION_WINDOW_DAYS, administration, grants_for_aws_alone, use_by_cloudwatch_logs
from generator.naming import PROJECT, in_environment, name_tag
from generator.nesting import add_condition
from generator.parameter_types import (
    CertificateArn,
    DomainName,
    EnvironmentName,
    HostedZoneId,
    KeyArn,
    Toggle,
    WebAclArn,
    output,
    parameter,
)
from generator.retention import retain
from generator.web_acl import add_web_acl

HAS_DOMAIN, HAS_FIREWALL = "HasDomain", "HasFirewall"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    web_application_firewall: Toggle = parameter("Filter requests with AWS WAF.", default="true")
    domain_name: DomainName = parameter("Domain of the application; empty for CloudFront's own name.", default="")
    hosted_zone_id: HostedZoneId = parameter("Route 53 hosted zone of the domain; empty without one.", default="")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    web_acl_arn: WebAclArn = output("Web ACL of the distribution, or none.")
    certificate_arn: CertificateArn = output("Certificate of the distribution, or none.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, HAS_DOMAIN, Not(Equals(parameters.domain_name, "")))
    add_condition(template, HAS_FIREWALL, Equals(parameters.web_application_firewall, "true"))
    key = KeyArn(GetAtt(_logs_key(template), "Arn"))
    acl = add_web_acl(template, scope="CLOUDFRONT", key=key, suffix="-edge", condition=HAS_FIREWALL)
    certificate = _certificate(template, parameters)
    return Outputs(
        web_acl_arn=WebAclArn(If(HAS_FIREWALL, GetAtt(acl, "Arn"), "none")),
        certificate_arn=CertificateArn(If(HAS_DOMAIN, Ref(certificate), "none")),
    )


def _logs_key(template: Template) -> Key:
    """Add the key of the log: keys of the platform's own stacks are in its region."""
    key = template.add_resource(
        retain(
            Key(
                "LogsKey",
                Condition=HAS_FIREWALL,
                Description=in_environment(f"Logs of the global edge of {PROJECT} ${{EnvironmentName}}."),
                EnableKeyRotation=True,
                PendingWindowInDays=DELETION_WINDOW_DAYS,
                KeyPolicy=document(administration(), grants_for_aws_alone(), use_by_cloudwatch_logs()),
                Tags=name_tag("edge-logs-key"),
            )
        )
    )
    template.add_resource(
        Alias(
            "LogsKeyAlias",
            Condition=HAS_FIREWALL,
            AliasName=in_environment(f"alias/{PROJECT}-${{EnvironmentName}}-edge-logs"),
            TargetKeyId=Ref(key),
        )
    )
    return key


def _certificate(template: Template, parameters: Parameters) -> Certificate:
    validation = DomainValidationOption(DomainName=parameters.domain_name, HostedZoneId=parameters.hosted_zone_id)
    return template.add_resource(
        Certificate(
            "Certificate",
            Condition=HAS_DOMAIN,
            DomainName=parameters.domain_name,
            ValidationMethod="DNS",
            DomainValidationOptions=[validation],
            Tags=name_tag("edge-certificate"),
        )
    )
