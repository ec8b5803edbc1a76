"""What CloudFront uses and must be in its home region: the distribution's web ACL, certificate and alarms.

Owns the web ACL that filters requests before CloudFront answers any (D8), with its log, and with a domain the viewers'
certificate, validated through DNS (W5). CloudFront's metrics are in its home region alone, and so are the alarms on
them, with topics of their own (`global_edge_alarms`).

An administrator deploys it once for each environment, to us-east-1 of the environment's account, and stores what the
stack `edge` reads in SSM parameters of the environment's region: `/web-platform/<environment>/edge/web-acl-arn` and
`.../certificate-arn`.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html
"""

from __future__ import annotations

from dataclasses import dataclass

from awacs.aws import Statement
from troposphere import Equals, GetAtt, If, Not, Ref, Template
from troposphere.certificatemanager import Certificate, DomainValidationOption
from troposphere.kms import Key

from generator.keys import (
    add_key,
    use_by_cloudwatch_logs,
    use_by_publishers,
)
from generator.naming import PROJECT, in_environment, name_tag
from generator.nesting import add_condition
from generator.parameter_types import (
    CertificateArn,
    DomainName,
    EmailAddress,
    EnvironmentName,
    HostedZoneId,
    KeyArn,
    OnCallUrl,
    Toggle,
    TopicArn,
    WebAclArn,
    output,
    parameter,
)
from generator.roots.global_edge_alarms import HAS_DOMAIN, HAS_FIREWALL, add_edge_alarms, add_edge_topics
from generator.web_acl import add_web_acl


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    web_application_firewall: Toggle = parameter("Filter requests with AWS WAF.", default="true")
    domain_name: DomainName = parameter("Domain of the application; empty for CloudFront's own name.", default="")
    hosted_zone_id: HostedZoneId = parameter("Route 53 hosted zone of the domain; empty without one.", default="")
    on_call_email: EmailAddress = parameter("Who is paged when visitors suffer; empty for nobody.", default="")
    on_call_url: OnCallUrl = parameter("Paging service that is told as well; empty for none.", default="")
    operations_email: EmailAddress = parameter("Who gets what can wait until morning; empty for nobody.", default="")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    web_acl_arn: WebAclArn = output("Web ACL of the distribution, or none.")
    certificate_arn: CertificateArn = output("Certificate of the distribution, or none.")
    edge_page_topic_arn: TopicArn = output("Topic of what CloudFront's visitors suffer from now.")
    edge_operations_topic_arn: TopicArn = output("Topic of what can wait until morning.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, HAS_DOMAIN, Not(Equals(parameters.domain_name, "")))
    add_condition(template, HAS_FIREWALL, Equals(parameters.web_application_firewall, "true"))
    key = KeyArn(GetAtt(_logs_key(template), "Arn"))
    notifications = KeyArn(GetAtt(_notifications_key(template), "Arn"))
    topics = add_edge_topics(
        template, notifications, parameters.on_call_email, parameters.on_call_url, parameters.operations_email
    )
    acl = add_web_acl(template, scope="CLOUDFRONT", key=key, suffix="-edge", condition=HAS_FIREWALL)
    certificate = _certificate(template, parameters)
    add_edge_alarms(template, topics, certificate)
    return Outputs(
        web_acl_arn=WebAclArn(If(HAS_FIREWALL, GetAtt(acl, "Arn"), "none")),
        certificate_arn=CertificateArn(If(HAS_DOMAIN, Ref(certificate), "none")),
        edge_page_topic_arn=TopicArn(Ref(topics.page)),
        edge_operations_topic_arn=TopicArn(Ref(topics.operations)),
    )


def _logs_key(template: Template) -> Key:
    """Add the key of the log: keys of the platform's own stacks are in its region."""
    return _key(template, "Logs", [use_by_cloudwatch_logs()], HAS_FIREWALL)


def _notifications_key(template: Template) -> Key:
    """Add the key of the topics."""
    return _key(template, "Notifications", use_by_publishers("cloudwatch"))


def _key(template: Template, purpose: str, statements: list[Statement], condition: str | None = None) -> Key:
    return add_key(
        template,
        f"{purpose}Key",
        description=in_environment(f"{purpose} of the global edge of {PROJECT} ${{EnvironmentName}}."),
        alias=in_environment(f"alias/{PROJECT}-${{EnvironmentName}}-edge-{purpose.lower()}"),
        tag=f"edge-{purpose.lower()}-key",
        statements=statements,
        condition=condition,
    )


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
