"""CloudFormation's parameter types as Python types: what may flow between stacks, and within which bounds.

A value of one of these types is a troposphere helper, so it goes straight into a resource property. It wraps one of
three things: the `Ref` of a parameter inside a stack, the `GetAtt` of a nested stack's output inside a root, or a
literal out of `params/<environment>.json`. The class says which CloudFormation type and constraint the parameter has,
wherever it appears; `nesting` compares the classes, so that a wire between the wrong ends fails at generation.

Constraints are CloudFormation's own (`AllowedPattern`, `AllowedValues`, `MinValue`, `MaxValue`,
`ConstraintDescription`):
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any, ClassVar, Self

from troposphere import AWSHelperFn, Join, Select

from generator.database_classes import PATTERN

ARN_PREFIX = r"arn:aws[a-z-]*:"
REGION = r"[a-z]{2}(-[a-z]+)+-\d"
RANGE = r"(\d{1,3}\.){3}\d{1,3}"
APPROVER = rf"{ARN_PREFIX}iam::\d{{12}}:(root|user/[\w+=.@/-]+)"


class ParameterType(AWSHelperFn):
    """A typed value of a stack's boundary. Subclasses are CloudFormation's parameter types with our bounds."""

    cloudformation_type: ClassVar[str] = "String"
    allowed_pattern: ClassVar[str | None] = None
    allowed_values: ClassVar[tuple[str, ...]] = ()
    minimum: ClassVar[int | None] = None
    maximum: ClassVar[int | None] = None
    allowed: ClassVar[str] = ""
    """What is allowed, in words: `ConstraintDescription` in the template and the message for a wrong `params` file."""

    def __init__(self, value: AWSHelperFn | str) -> None:
        self.data = value

    @property
    def literal(self) -> str:
        """The value itself, where it is known before deployment. Raises `TypeError` for a reference."""
        if not isinstance(self.data, str):
            raise TypeError(f"{type(self).__name__} holds a reference, not a literal: {self.data!r}")
        return self.data

    @classmethod
    def constraints(cls) -> dict[str, object]:
        """Return the constraint properties of a CloudFormation parameter of this type.

        Words that only repeat the allowed values are left out: the root, whose body is limited, has twenty of those.
        """
        *most, last = cls.allowed_values or ("",)
        says_more = cls.allowed != f"{', '.join(most)} or {last}."
        bounds = {
            "AllowedPattern": cls.allowed_pattern,
            "AllowedValues": list(cls.allowed_values) or None,
            "MinValue": cls.minimum,
            "MaxValue": cls.maximum,
            "ConstraintDescription": (cls.allowed or None) if says_more else None,
        }
        return {name: bound for name, bound in bounds.items() if bound is not None}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the literal as a typed value. Raises `ValueError` saying what is allowed."""
        if cls._accepts(text):
            return cls(text)
        raise ValueError(f"{text!r} is not allowed; allowed: {cls.allowed or ', '.join(cls.allowed_values)}")

    @classmethod
    def _accepts(cls, text: str) -> bool:
        if cls.allowed_values:
            return text in cls.allowed_values
        if cls.minimum is not None and cls.maximum is not None:
            return text.isascii() and text.isdigit() and cls.minimum <= int(text) <= cls.maximum
        return cls.allowed_pattern is None or re.fullmatch(cls.allowed_pattern, text, re.ASCII) is not None


class ParameterTypeList(ParameterType):
    """A list of ids. Between stacks it travels as one comma-separated string, as CloudFormation demands of outputs."""

    @classmethod
    def of(cls, *items: AWSHelperFn | str) -> Self:
        """Return the list of these items, as a stack's output."""
        return cls(Join(",", list(items)))

    def item(self, index: int) -> AWSHelperFn:
        """Return one item of a list parameter, counted from 0."""
        return Select(str(index), self)


def parameter(description: str, *, default: str | None = None) -> Any:
    """Declare a field of a stack's `Parameters`: its description and, for roots alone, its default.

    The default is a string whatever the type: a template whose defaults are integers makes taskcat ignore overrides.
    """
    return field(metadata={"description": description, "default": default})


def output(description: str) -> Any:
    """Declare a field of a stack's `Outputs`."""
    return field(metadata={"description": description})


class Toggle(ParameterType):
    """Something that is either there or not."""

    allowed_values = ("true", "false")
    allowed = "true or false."


class EnvironmentName(ParameterType):
    """The environment's name, part of Name tags and SSM paths. Short, because AWS appends to names made from it."""

    allowed_pattern = r"^[a-z][a-z0-9-]{1,15}$"
    allowed = "2 to 16 lower-case letters, digits and hyphens, starting with a letter."


class AccountId(ParameterType):
    """An AWS account."""

    allowed_pattern = r"^\d{12}$"
    allowed = "The twelve digits of an AWS account."


class ApproverArns(ParameterType):
    """Who may let releases into production: users or whole accounts, or nobody in particular.

    No roles: a session of a role does not say that its owner has shown an MFA device.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html
    """

    allowed_pattern = rf"^$|^{APPROVER}(,{APPROVER})*$"
    allowed = "ARNs of IAM users or of accounts (ending in :root), separated by commas; empty: this account's people."


class RepositoryName(ParameterType):
    """A repository at a Git host, or nothing where the source comes from a bucket."""

    allowed_pattern = r"^$|^[\w.-]+(/[\w.-]+)+$"
    allowed = "Owner and name of a repository, such as my-team/my-shop, or empty for a source bucket."


class SourceProvider(ParameterType):
    """The Git host of the repository."""

    allowed_values = ("AzureDevOps", "Bitbucket", "GitHub", "GitLab")
    allowed = "AzureDevOps, Bitbucket, GitHub or GitLab."


class BranchName(ParameterType):
    """A branch of the repository."""

    allowed_pattern = r"^[\w./-]{1,255}$"
    allowed = "The name of a branch, such as main."


class EmailAddress(ParameterType):
    """Where mail goes, or nowhere."""

    allowed_pattern = r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$"
    allowed = "An e-mail address, or empty for none."


class OnCallUrl(ParameterType):
    """Where a paging service takes what Amazon SNS sends, or nowhere. SNS confirms a subscription there by HTTPS."""

    allowed_pattern = r"^$|^https://[^\s]+$"
    allowed = "An HTTPS address that a paging service gives for Amazon SNS, or empty for none."


class AuditRetentionDays(ParameterType):
    """How long it is kept who did what, in days: one of the periods that CloudWatch Logs offers.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
    """

    allowed_pattern = r"^(90|120|150|180|365|400|545|731|1096|1827|2192|2557|2922|3288|3653)$"
    allowed = "Days: 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."


class RecoveryRegion(ParameterType):
    """The second region, in which copies of the data are, or nothing."""

    allowed_pattern = rf"^$|^{REGION}$"
    allowed = "Another region than the environment's own, such as eu-central-1, or empty for no copies."


class VaultLock(ParameterType):
    """Who can delete backups before their time: whoever may, only administrators of backups, or nobody for ever.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html
    """

    allowed_values = ("none", "governance", "compliance")
    allowed = "none; governance, which administrators can lift; or compliance, which after 3 days nobody can lift."


class CostAnomalyMonitor(ParameterType):
    """Whose cost anomalies are told. An account can have one monitor of its services, and most have it already.

    https://docs.aws.amazon.com/cost-management/latest/userguide/getting-started-ad.html
    """

    allowed_pattern = rf"^(none|new|{ARN_PREFIX}ce::\d{{12}}:anomalymonitor/[0-9a-f-]+)$"
    allowed = "none; new, where the account has no monitor of its services; or the ARN of the one that it has."


class MonthlyBudget(ParameterType):
    """What an environment may cost in a month, in US dollars."""

    cloudformation_type = "Number"
    minimum, maximum = 1, 1_000_000
    allowed = "Whole US dollars a month, between 1 and 1000000."


class TimeZone(ParameterType):
    """A time zone, by its name in the IANA database. Whether there is such a one, `environment` looks up."""

    allowed_pattern = r"^[A-Z][A-Za-z]+(/[A-Z][A-Za-z_+-]+(/[A-Z][A-Za-z_]+)?)?$"
    allowed = "A name of the IANA time zone database, such as Europe/Amsterdam or UTC."


class VpcCidr(ParameterType):
    """The VPC's address range. Always a /16, so that the subnets' sizes are the same everywhere."""

    allowed_pattern = r"^(10\.\d{1,3}|172\.(1[6-9]|2\d|3[01])|192\.168)\.0\.0/16$"
    allowed = "A private IPv4 network of size /16, such as 10.10.0.0/16."


class Cidr(ParameterType):
    """Any IPv4 range that a stack computed."""

    allowed_pattern = rf"^{RANGE}/\d{{1,2}}$"
    allowed = "An IPv4 network in CIDR notation."


class OperatorCidr(ParameterType):
    """Where operators come from. Ranges larger than /8 are refused, the whole internet (0.0.0.0/0) above all (E5)."""

    allowed_pattern = rf"^{RANGE}/([89]|[12]\d|3[0-2])$"
    allowed = "An IPv4 network between /8 and /32 that operators connect from; never the whole internet (0.0.0.0/0)."


class VpnGatewayAddress(ParameterType):
    """The public address of the team's own VPN device, or nothing. Addresses that the internet does not route are
    refused by `environment`; a pattern would not be readable.
    """

    allowed_pattern = rf"^$|^{RANGE}$"
    allowed = "The public IPv4 address of a VPN device, or empty for no VPN."


class VpnCidr(ParameterType):
    """The network behind the VPN, or nothing. Ranges larger than /8 are refused: their route would catch the rest."""

    allowed_pattern = rf"^$|^{RANGE}/([89]|[12]\d|3[0-2])$"
    allowed = "An IPv4 network between /8 and /32 behind the VPN, or empty for no VPN."


class FederatedSubject(ParameterType):
    """Whose workflows may publish, as GitHub's tokens say it, or nobody.

    One branch, tag or environment of one repository: no wildcard, and no pull request, which anybody can open.
    https://docs.github.com/en/actions/reference/security/oidc
    """

    allowed_pattern = r"^$|^repo:[\w.@-]+/[\w.@-]+:(ref:refs/(heads|tags)/[\w./-]+|environment:[\w.-]+)$"
    allowed = "The subject of a GitHub workflow's token, such as repo:my-team/my-shop:ref:refs/heads/main, or empty."


class AvailabilityZone(ParameterType):
    """The name of an availability zone, chosen by the user because not every zone can host every resource."""

    cloudformation_type = "AWS::EC2::AvailabilityZone::Name"
    allowed_pattern = r"^[a-z]{2}(-[a-z]+)+-\d[a-z]$"
    allowed = "The name of an availability zone, such as eu-west-1a."


class OptionalAvailabilityZone(ParameterType):
    """The name of a zone, or nothing where two zones are enough."""

    allowed_pattern = r"^$|^[a-z]{2}(-[a-z]+)+-\d[a-z]$"
    allowed = "The name of an availability zone, such as eu-west-1c, or empty for two zones."


class RegionNames(ParameterType):
    """Regions, separated by commas, or nothing."""

    allowed_pattern = rf"^$|^{REGION}(,{REGION})*$"
    allowed = "Names of regions, separated by commas, such as us-east-1,ap-southeast-2, or empty for none."


class ZoneCount(ParameterType):
    """How many availability zones the network spans."""

    allowed_values = ("2", "3")
    allowed = "2 or 3."


class NatGateways(ParameterType):
    """One NAT gateway for all zones, which is cheap, or one in each, which survives the loss of a zone."""

    allowed_values = ("single", "per-zone")
    allowed = "single or per-zone."


class AccessMode(ParameterType):
    """How operators reach the inside: Session Manager, an SSH bastion, or not at all."""

    allowed_values = ("ssm", "ssh", "none")
    allowed = "ssm, ssh or none."


class TargetProtocol(ParameterType):
    """What the load balancer speaks to web servers: offload TLS (HTTP) or encrypt again (HTTPS), W4."""

    allowed_values = ("HTTPS", "HTTP")
    allowed = "HTTPS or HTTP."


class LoadBalancerAccess(ParameterType):
    """Whom the load balancer answers: everybody, or CloudFront alone, which then filters all requests first."""

    allowed_values = ("internet", "cloudfront")
    allowed = "internet or cloudfront."


class DomainName(ParameterType):
    """A domain name that the team owns, or nothing."""

    allowed_pattern = r"^$|^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$"
    allowed = "A domain name such as www.example.com, or empty for an imported certificate."


class HostedZoneId(ParameterType):
    """The Route 53 hosted zone in which the domain's records are made, or nothing."""

    allowed_pattern = r"^$|^Z[A-Z0-9]{1,31}$"
    allowed = "The id of a Route 53 public hosted zone, such as Z0123456789ABC, or empty."


class Compute(ParameterType):
    """Where the application runs: on EC2 web servers, in containers on Fargate, or on both side by side (D2)."""

    allowed_values = ("ec2", "fargate", "both")
    allowed = "ec2, fargate or both."


class PathPatterns(ParameterType):
    """Paths of requests. A load balancer's rule matches five values at most, of which one is CloudFront's secret.

    CloudFormation holds each item of the list to the pattern and does not count: a fifth path is refused where settings
    are read, and by the load balancer.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
    """

    cloudformation_type = "CommaDelimitedList"
    allowed_pattern = r"^/[\w./*?~-]{0,127}(,/[\w./*?~-]{0,127}){0,3}$"
    allowed = "One to four path patterns, separated by commas, such as /* or /checkout/*,/cart/*."


class GreenShare(ParameterType):
    """Which share of the web servers' requests goes to the green ones, in percent."""

    allowed_values = ("0", "10", "50", "100")
    allowed = "0, 10, 50 or 100."


class ContainerSize(ParameterType):
    """How large a task is: what its containers have together of vCPU and memory."""

    allowed_values = ("small", "medium", "large")
    allowed = "small (0.5 vCPU, 1 GiB), medium (1 vCPU, 2 GiB) or large (2 vCPU, 4 GiB)."


class SpotShare(ParameterType):
    """Which share of the tasks beyond the first runs on spare capacity, which AWS may take back, in percent."""

    allowed_values = ("0", "50", "75")
    allowed = "0, 50 or 75."


class TrafficShift(ParameterType):
    """How requests move from the blue tasks to the green ones: all at once, or a tenth of them first."""

    allowed_values = ("all-at-once", "canary")
    allowed = "all-at-once or canary."


class Minutes(ParameterType):
    """How long a deployment waits, in minutes. ECS waits a day at most."""

    cloudformation_type = "Number"
    minimum, maximum = 0, 1440
    allowed = "Minutes, between 0 and 1440."


class RequestRate(ParameterType):
    """A number of requests in a minute."""

    cloudformation_type = "Number"
    minimum, maximum = 1, 1_000_000
    allowed = "Requests a minute, between 1 and 1000000."


class TraceShare(ParameterType):
    """Which share of the requests is traced."""

    allowed_pattern = r"^(1|0\.(0[1-9]|[1-9]\d?))$"
    allowed = "A share between 0.01 and 1, such as 0.05."


class ImageUri(ParameterType):
    """An image in a private repository, by its digest and never by a tag, or none."""

    allowed_pattern = (
        r"^none$|^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9][a-z0-9._/-]*@sha256:[0-9a-f]{64}$"
    )
    allowed = "An image of Amazon ECR by its digest, or none."


class InstanceType(ParameterType):
    """An EC2 instance type with an x86-64 processor, which is what the pinned AMI is built for."""

    allowed_pattern = r"^(t2|t3|t3a|m[5-8](i|a)?|c[5-8](i|a)?|r[5-8](i|a)?)\.[a-z0-9]+$"
    allowed = "An x86-64 instance type of the families t, m, c or r, such as t3.micro."


class DatabaseInstanceClass(ParameterType):
    """An RDS instance class of which `database_classes` says how much memory it has."""

    allowed_pattern = f"^{PATTERN}$"
    allowed = "An RDS instance class of database_classes.py: db.t3, t4g, m5 to m7i or r5 to r7i, such as db.t3.micro."


class DatabaseStorage(ParameterType):
    """Allocated database storage in GiB. RDS for PostgreSQL on gp3 takes 20 GiB or more."""

    cloudformation_type = "Number"
    minimum, maximum = 20, 1000
    allowed = "A number of GiB between 20 and 1000."


class ServerMinimum(ParameterType):
    """The number of web servers that always run; below the maximum, so that a rolling update can add one."""

    cloudformation_type = "Number"
    minimum, maximum = 1, 2
    allowed = "1 or 2 web servers, fewer than WebServerMaximum."


class ServerMaximum(ParameterType):
    """The number of web servers under load. Never more than 3 in total (W8): CloudFormation itself refuses it."""

    cloudformation_type = "Number"
    minimum, maximum = 2, 3
    allowed = "2 or 3 web servers; an environment never has more than 3 (requirement W8)."


class CpuPercent(ParameterType):
    """Average CPU utilisation of the web servers, in percent."""

    cloudformation_type = "Number"
    minimum, maximum = 5, 95
    allowed = "A percentage between 5 and 95."


class ArchiveKey(ParameterType):
    """The S3 key of the application's archive in the release bucket, or nothing before the first one is uploaded."""

    allowed_pattern = r"^$|^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}\.tar\.gz$"
    allowed = (
        "The key of a .tar.gz archive in the release bucket, such as shop/1.4.2.tar.gz, or empty for the welcome page."
    )


class BucketName(ParameterType):
    """The name of an S3 bucket."""

    allowed_pattern = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
    allowed = "The name of an S3 bucket."


class KeyPrefix(ParameterType):
    """An S3 key prefix, one for each version: CloudFormation sees no change where the URL stays the same."""

    allowed_pattern = r"^([A-Za-z0-9._-]+/)+$"
    allowed = "One or more folders, each followed by a slash, such as web-platform/v1.1.0/."


class ImageId(ParameterType):
    """The id of an AMI."""

    cloudformation_type = "AWS::EC2::Image::Id"


class VpcId(ParameterType):
    """The id of a VPC."""

    cloudformation_type = "AWS::EC2::VPC::Id"


class SubnetIds(ParameterTypeList):
    """The ids of one tier's subnets, in the order of the zones."""

    cloudformation_type = "List<AWS::EC2::Subnet::Id>"


class RouteTableIds(ParameterTypeList):
    """The ids of one tier's route tables, in the order of the zones."""

    cloudformation_type = "CommaDelimitedList"


class RouteTableId(ParameterType):
    """The id of a route table."""

    allowed_pattern = r"^rtb-[0-9a-f]+$"
    allowed = "The id of a route table."


class SecurityGroupId(ParameterType):
    """The id of a security group."""

    cloudformation_type = "AWS::EC2::SecurityGroup::Id"


class KeyArn(ParameterType):
    """The ARN of a KMS key."""

    allowed_pattern = rf"^{ARN_PREFIX}kms:[a-z0-9-]+:\d{{12}}:key/[0-9a-zA-Z-]+$"
    allowed = "The ARN of a KMS key."


class RoleName(ParameterType):
    """The name of an IAM role."""

    allowed_pattern = r"^[\w+=,.@-]{1,64}$"
    allowed = "The name of an IAM role."


class RoleArn(ParameterType):
    """The ARN of an IAM role."""

    allowed_pattern = rf"^{ARN_PREFIX}iam::\d{{12}}:role/.+$"
    allowed = "The ARN of an IAM role."


class ManagedPolicyArn(ParameterType):
    """The ARN of a managed policy of this account."""

    allowed_pattern = rf"^{ARN_PREFIX}iam::\d{{12}}:policy/.+$"
    allowed = "The ARN of an IAM managed policy."


class ListenerArn(ParameterType):
    """The ARN of a load balancer's listener."""

    allowed_pattern = rf"^{ARN_PREFIX}elasticloadbalancing:[a-z0-9-]+:\d{{12}}:listener/.+$"
    allowed = "The ARN of a load balancer listener."


class FileSystemId(ParameterType):
    """The id of an EFS file system."""

    allowed_pattern = r"^fs-[0-9a-f]+$"
    allowed = "The id of an EFS file system."


class AccessPointId(ParameterType):
    """The id of an EFS access point."""

    allowed_pattern = r"^fsap-[0-9a-f]+$"
    allowed = "The id of an EFS access point."


class DistributionId(ParameterType):
    """The id of a CloudFront distribution."""

    allowed_pattern = r"^[A-Z0-9]+$"
    allowed = "The id of a CloudFront distribution."


class OriginSecretArn(ParameterType):
    """The ARN of the secret that CloudFront tells the load balancer, or none where it forwards nothing to it."""

    allowed_pattern = rf"^none$|^{ARN_PREFIX}secretsmanager:[a-z0-9-]+:\d{{12}}:secret:.+$"
    allowed = "The ARN of a secret, or none."


class WebAclArn(ParameterType):
    """The ARN of a web ACL of AWS WAF, or none where nothing is filtered."""

    allowed_pattern = rf"^none$|^{ARN_PREFIX}wafv2:[a-z0-9-]+:\d{{12}}:(global|regional)/webacl/.+$"
    allowed = "The ARN of a web ACL, or none."


class CertificateArn(ParameterType):
    """The ARN of a certificate, or none where there is no domain to certify."""

    allowed_pattern = rf"^none$|^{ARN_PREFIX}acm:[a-z0-9-]+:\d{{12}}:certificate/.+$"
    allowed = "The ARN of a certificate, or none."


class TableName(ParameterType):
    """The name of a DynamoDB table."""

    allowed_pattern = r"^[A-Za-z0-9_.-]{3,255}$"
    allowed = "The name of a DynamoDB table."


class DnsName(ParameterType):
    """A DNS name that AWS gave to a resource."""

    allowed_pattern = r"^[A-Za-z0-9.-]+$"
    allowed = "A DNS name."


class ResourceName(ParameterType):
    """The name of a resource that people look up in the console or name in a command."""

    allowed_pattern = r"^\S+$"
    allowed = "A name without spaces."


class Url(ParameterType):
    """An address that a browser opens."""

    allowed_pattern = r"^https://\S+$"
    allowed = "An https URL."


class Version(ParameterType):
    """The version of a release."""

    allowed_pattern = r"^\d+\.\d+\.\d+$"
    allowed = "Three numbers separated by dots."


class ResponsePlanArn(ParameterType):
    """The ARN of a response plan of Incident Manager, or none where it is not used."""

    allowed_pattern = rf"^none$|^{ARN_PREFIX}ssm-incidents::\d{{12}}:response-plan/.+$"
    allowed = "The ARN of a response plan, or none."


class TopicArn(ParameterType):
    """The ARN of an SNS topic."""

    allowed_pattern = rf"^{ARN_PREFIX}sns:[a-z0-9-]+:\d{{12}}:.+$"
    allowed = "The ARN of an SNS topic."
