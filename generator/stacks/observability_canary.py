"""The canary: a visitor who comes every five minutes, so that somebody notices before the customers do (D11).

It comes from outside the VPC, by the address that customers use. What it may do is write down what it saw, below
`canary/` of the log bucket, and count its visits: it has no log group, since its log is among what it writes down.
"""

from __future__ import annotations

from dataclasses import dataclass

import awacs.cloudwatch
import awacs.s3
import awacs.sts
from awacs.aws import Condition, StringEquals
from troposphere import Equals, GetAtt, If, Not, Or, Sub, Template
from troposphere.iam import Policy, Role
from troposphere.synthetics import Canary, Code, RunConfig, Schedule

from generator.canary import HANDLER, visit_script
from generator.iam import allow, allow_principal, arn, document, service_principal, workload_boundary
from generator.naming import PROJECT, in_environment, name_tag
from generator.nesting import add_condition
from generator.parameter_types import ArchiveKey, BucketName, Compute, DomainName, ResourceName, Toggle, Url

HAS_CANARY, HAS_VALID_CERTIFICATE, HAS_APPLICATION = "HasCanary", "HasValidCertificate", "HasApplication"

RUNTIME = "syn-python-selenium-14.0"
"""The newest with Python, of October 2026: AWS deprecates a runtime about a year after a newer one.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Library_python_selenium.html"""

NAMESPACE, SUCCESS = "CloudWatchSynthetics", "SuccessPercent"
VISIT_MINUTES = 5
VISIT_TIMEOUT_SECONDS = 60
MEMORY_MB = 960  # the least that the runtime takes; it brings a browser
RESULTS_DAYS = 7  # which Synthetics shows; the files expire with the access logs beside them
RESULTS_PREFIX = "canary"

API_PATH = "/api/products"
"""What the application answers with JSON and without a session: adapt it with the application."""


@dataclass(frozen=True)
class Visit:
    """Whether there is a canary, where it goes, and where it writes down what it saw."""

    asked_for: Toggle
    address: Url
    domain_name: DomainName
    application_archive_key: ArchiveKey
    compute: Compute
    log_bucket_name: BucketName


def add_canary(template: Template, visit: Visit) -> Canary:
    """Add the canary and its role, where asked for, and return it; `HAS_CANARY` is the condition."""
    add_condition(template, HAS_CANARY, Equals(visit.asked_for, "true"))
    add_condition(template, HAS_VALID_CERTIFICATE, Not(Equals(visit.domain_name, "")))
    # A container is always the application; a web server without an archive is a page that says so.
    archive_given = Not(Equals(visit.application_archive_key, ""))
    add_condition(template, HAS_APPLICATION, Or(archive_given, Equals(visit.compute, "fargate")))
    return template.add_resource(_canary(visit, _role(template, visit)))


def _canary(visit: Visit, role: Role) -> Canary:
    return Canary(
        "Canary",
        Condition=HAS_CANARY,
        Name=in_environment(f"{PROJECT}-${{EnvironmentName}}"),
        Code=Code(Handler=HANDLER, Script=visit_script()),
        # As a value of our own: troposphere's list of runtimes ends years before this one. The linter checks the rest.
        RuntimeVersion=ResourceName(RUNTIME),
        ExecutionRoleArn=GetAtt(role, "Arn"),
        ArtifactS3Location=Sub(f"s3://${{Bucket}}/{RESULTS_PREFIX}", Bucket=visit.log_bucket_name),
        Schedule=Schedule(Expression=f"rate({VISIT_MINUTES} minutes)"),
        StartCanaryAfterCreation=True,
        ProvisionedResourceCleanup="AUTOMATIC",
        RunConfig=RunConfig(
            TimeoutInSeconds=VISIT_TIMEOUT_SECONDS,
            MemoryInMB=MEMORY_MB,
            ActiveTracing=False,
            EnvironmentVariables={
                "ADDRESS": visit.address,
                "API_PATH": If(HAS_APPLICATION, API_PATH, ""),
                "VERIFY_CERTIFICATE": If(HAS_VALID_CERTIFICATE, "true", "false"),
            },
        ),
        SuccessRetentionPeriod=RESULTS_DAYS,
        FailureRetentionPeriod=RESULTS_DAYS,
        Tags=name_tag("canary"),
    )


def _role(template: Template, visit: Visit) -> Role:
    """Add the canary's role. Synthetics runs canaries as Lambda functions.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Canaries_CanaryPermissions.html
    """
    bucket = arn("s3:::${Bucket}", Bucket=visit.log_bucket_name)
    results = arn(f"s3:::${{Bucket}}/{RESULTS_PREFIX}/*", Bucket=visit.log_bucket_name)
    own_namespace = Condition(StringEquals({"cloudwatch:namespace": NAMESPACE}))
    permissions = document(
        allow("WriteDownWhatItSaw", [awacs.s3.GetObject, awacs.s3.PutObject], [results]),
        allow("FindTheBucket", [awacs.s3.GetBucketLocation], [bucket]),
        # Before it writes, the runtime asks for the names of the account's buckets, which IAM confines to no resource.
        allow("SeeNamesOfBuckets", [awacs.s3.ListAllMyBuckets], ["*"]),
        # Metrics have no ARN; the namespace is the only thing that confines them.
        allow("CountVisits", [awacs.cloudwatch.PutMetricData], ["*"], own_namespace),
    )
    return template.add_resource(
        Role(
            "CanaryRole",
            Condition=HAS_CANARY,
            Description="What the canary may do.",
            AssumeRolePolicyDocument=document(
                allow_principal("Lambda", service_principal("lambda"), [awacs.sts.AssumeRole])
            ),
            PermissionsBoundary=workload_boundary(),
            Policies=[Policy(PolicyName="Visit", PolicyDocument=permissions)],
            Tags=name_tag("canary-role"),
        )
    )
