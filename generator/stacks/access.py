"""How people and other networks get in: the operators' user and role, the bastion, a VPN, a workflow that publishes.

Owns what is used from outside to work on the platform, and nothing of the platform waits for it. Never opens a port:
the security groups and their rules are the security stack's.

Bastion (E5): the one machine from which people reach the database. With access mode `ssm` it stands in a private
subnet, accepts no connection at all, and is entered through Session Manager, each session encrypted and recorded. With
`ssh` it stands in a public subnet and accepts SSH from the operators' addresses; the keys are those that EC2 Instance
Connect brings for a minute, on the word of the operators' role. With `none` there is no bastion. It is an Auto Scaling
group of one, so that a bastion that fails, or whose zone does, is replaced without anybody's help; a deployment does
not wait for its packages, because a broken bastion must not undo a release.

Operators (E2, D9) are in `access_operators`, the VPN (D1, D8) in `access_vpn`. Federation (D9), where a GitHub workflow
is named: it may put application archives into the release bucket and pages into the website's, and that is all. Of
another Git host the names of the conditions would differ, which cannot be parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import awacs.cloudformation
import awacs.kms
import awacs.logs
import awacs.s3
import awacs.sts
from awacs.aws import Condition, Null, Principal, StringEquals
from troposphere import And, Equals, GetAtt, If, Not, Or, Ref, Sub, Template
from troposphere import Condition as ConditionReference
from troposphere.autoscaling import AutoScalingGroup, LaunchTemplateSpecification, MetricsCollection
from troposphere.iam import InstanceProfile, OIDCProvider, Policy, Role
from troposphere.kms import Key
from troposphere.logs import LogGroup
from troposphere.policies import AutoScalingRollingUpdate, UpdatePolicy
from troposphere.ssm import Document

from generator.iam import (
    account_root,
    allow,
    allow_principal,
    arn,
    document,
    join_session_manager,
    service_principal,
    workload_boundary,
)
from generator.keys import add_key
from generator.launch_template import Server, launch_template
from generator.logs import audit_log_group
from generator.naming import PROJECT, in_environment, name_tag
from generator.nesting import add_condition, only_if
from generator.parameter_types import (
    AccessMode,
    AuditRetentionDays,
    BucketName,
    EnvironmentName,
    FederatedSubject,
    ImageId,
    KeyArn,
    ResourceName,
    RoleArn,
    RouteTableId,
    RouteTableIds,
    SecurityGroupId,
    SubnetIds,
    VpcId,
    VpnCidr,
    VpnGatewayAddress,
    ZoneCount,
    output,
    parameter,
)
from generator.stacks.access_operators import SESSION_ACCESS, SSH_ACCESS, Sessions, add_operators
from generator.stacks.access_vpn import HAS_VPN, HAS_VPN_IN_THIRD_ZONE, RemoteNetwork, add_vpn
from generator.user_data import BASTION as BASTION_SCRIPTS
from generator.user_data import user_data

HAS_BASTION, HAS_PUBLISHER = "HasBastion", "HasPublisher"
BASTION = "bastion"
INSTANCE_TYPE = "t3.micro"  # E5
IDLE_MINUTES, SESSION_MINUTES = 20, 60
SUSPENDED_DURING_UPDATE = ["AZRebalance", "HealthCheck", "ReplaceUnhealthy", "ScheduledActions"]

GIT_HOST = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
"""https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws"""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    vpc_id: VpcId = parameter("The VPC.")
    zone_count: ZoneCount = parameter("Number of availability zones.")
    public_subnet_ids: SubnetIds = parameter("Subnets of a bastion that is reached over SSH.")
    private_subnet_ids: SubnetIds = parameter("Subnets of a bastion that Session Manager reaches.")
    public_route_table_id: RouteTableId = parameter("Route table that learns the way to the VPN.")
    private_route_table_ids: RouteTableIds = parameter("Route tables that learn it too, one for each zone.")
    bastion_group_id: SecurityGroupId = parameter("Security group of the bastion.")
    logs_key_arn: KeyArn = parameter("Key that encrypts the log groups.")
    data_key_arn: KeyArn = parameter("Key that encrypts the release bucket.")
    release_bucket_name: BucketName = parameter("Bucket to which a workflow publishes archives.")
    website_bucket_name: BucketName = parameter("Bucket to which it publishes the website.")
    web_server_image_id: ImageId = parameter("AMI of the bastion: the web servers', pinned by the release.")
    audit_retention_days: AuditRetentionDays = parameter("Days for which it is kept who was on the bastion.")
    access_mode: AccessMode = parameter("How operators reach the bastion.")
    vpn_gateway_address: VpnGatewayAddress = parameter("Public address of a VPN device, or empty.")
    vpn_cidr: VpnCidr = parameter("Network behind the VPN device, or empty.")
    federated_subject: FederatedSubject = parameter("GitHub workflow that may publish, or empty.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    operator_user_name: ResourceName = output("User of an operator, who sets up MFA and assumes the role.")
    operator_role_arn: RoleArn = output("Role of the operators.")
    bastion_auto_scaling_group_name: ResourceName = output("Auto Scaling group of the bastion, or none.")
    session_document_name: ResourceName = output("Document with which sessions on the bastion are started, or none.")
    access_log_group_name: ResourceName = output("Log group of who was on the bastion and did what, or none.")
    publisher_role_arn: ResourceName = output("Role of the workflow that publishes, or none.")
    vpn_connection_id: ResourceName = output("VPN to the team's own network, or none.")


def build(template: Template, parameters: Parameters) -> Outputs:
    _add_conditions(template, parameters)
    logs = template.add_resource(
        audit_log_group(
            "AccessLogGroup",
            tag="access-logs",
            key=parameters.logs_key_arn,
            retention_days=parameters.audit_retention_days,
            condition=HAS_BASTION,
        )
    )
    sessions = Sessions(BASTION, _session_document(template, logs, key := _session_key(template)), key)
    user, operator = add_operators(template, sessions)
    group = _bastion(template, parameters, logs, key)
    publisher = _publisher(template, parameters)
    vpn = add_vpn(
        template,
        RemoteNetwork(parameters.vpn_gateway_address, parameters.vpn_cidr),
        parameters.vpc_id,
        parameters.public_route_table_id,
        parameters.private_route_table_ids,
        parameters.logs_key_arn,
    )
    return Outputs(
        operator_user_name=ResourceName(Ref(user)),
        operator_role_arn=RoleArn(GetAtt(operator, "Arn")),
        bastion_auto_scaling_group_name=ResourceName(If(HAS_BASTION, Ref(group), "none")),
        session_document_name=ResourceName(If(SESSION_ACCESS, Ref(sessions.document), "none")),
        access_log_group_name=ResourceName(If(HAS_BASTION, Ref(logs), "none")),
        publisher_role_arn=ResourceName(If(HAS_PUBLISHER, GetAtt(publisher, "Arn"), "none")),
        vpn_connection_id=ResourceName(If(HAS_VPN, Ref(vpn), "none")),
    )


def _add_conditions(template: Template, parameters: Parameters) -> None:
    add_condition(template, SSH_ACCESS, Equals(parameters.access_mode, "ssh"))
    add_condition(template, SESSION_ACCESS, Equals(parameters.access_mode, "ssm"))
    add_condition(template, HAS_BASTION, Or(ConditionReference(SSH_ACCESS), ConditionReference(SESSION_ACCESS)))
    add_condition(template, HAS_PUBLISHER, Not(Equals(parameters.federated_subject, "")))
    add_condition(template, HAS_VPN, Not(Equals(parameters.vpn_gateway_address, "")))
    three_zones = Equals(parameters.zone_count, "3")
    add_condition(template, HAS_VPN_IN_THIRD_ZONE, And(ConditionReference(HAS_VPN), three_zones))


def _session_key(template: Template) -> Key:
    """Add the key of the sessions: it makes the key with which client and bastion encrypt what they say.

    Both ask KMS themselves, always in the name of a session. "*" in a key policy is this key alone.
    https://docs.aws.amazon.com/systems-manager/latest/userguide/session-preferences-enable-encryption.html
    """
    in_a_session = Condition(Null({"kms:EncryptionContext:aws:ssm:SessionId": "false"}))
    use = [awacs.kms.Decrypt, awacs.kms.GenerateDataKey]
    return add_key(
        template,
        "SessionKey",
        description=in_environment(f"Sessions of {PROJECT} ${{EnvironmentName}}."),
        alias=in_environment(f"alias/{PROJECT}-${{EnvironmentName}}-session"),
        tag="session-key",
        statements=[
            allow_principal("UseInSessionsByIamPolicies", Principal("AWS", account_root()), use, ["*"], in_a_session)
        ],
        condition=SESSION_ACCESS,
    )


def _session_document(template: Template, logs: LogGroup, key: Key) -> Document:
    """Add the document that says how a session is: encrypted, written to the log as it goes, and ended when idle.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-schema.html
    """
    inputs = {
        "cloudWatchLogGroupName": Ref(logs),
        "cloudWatchEncryptionEnabled": True,
        "cloudWatchStreamingEnabled": True,
        "kmsKeyId": GetAtt(key, "Arn"),
        "idleSessionTimeout": str(IDLE_MINUTES),
        "maxSessionDuration": str(SESSION_MINUTES),
        "runAsEnabled": False,
        "shellProfile": {"linux": "exec bash --login"},
    }
    return template.add_resource(
        Document(
            "SessionDocument",
            Condition=SESSION_ACCESS,
            DocumentType="Session",
            DocumentFormat="JSON",
            UpdateMethod="NewVersion",
            Content={
                "schemaVersion": "1.0",
                "description": "A recorded session on the bastion.",
                "sessionType": "Standard_Stream",
                "inputs": inputs,
            },
            Tags=name_tag("session"),
        )
    )


def _bastion(template: Template, parameters: Parameters, logs: LogGroup, key: Key) -> AutoScalingGroup:
    role = _bastion_role(template, logs, key)
    profile = template.add_resource(InstanceProfile("BastionProfile", Condition=HAS_BASTION, Roles=[Ref(role)]))
    settings = {"ACCESS_MODE": parameters.access_mode, "REGION": Ref("AWS::Region"), "LOG_GROUP": Ref(logs)}
    server = Server(
        name=BASTION,
        environment_name=parameters.environment_name,
        image=parameters.web_server_image_id,
        instance_type=INSTANCE_TYPE,
        profile=profile,
        group=parameters.bastion_group_id,
        public_address=If(SSH_ACCESS, True, False),
        user_data=user_data(BASTION_SCRIPTS, settings),
    )
    made_of = template.add_resource(launch_template("BastionLaunchTemplate", server, HAS_BASTION))
    return template.add_resource(
        AutoScalingGroup(
            "Bastion",
            Condition=HAS_BASTION,
            LaunchTemplate=LaunchTemplateSpecification(
                LaunchTemplateId=Ref(made_of), Version=GetAtt(made_of, "LatestVersionNumber")
            ),
            VPCZoneIdentifier=If(SSH_ACCESS, parameters.public_subnet_ids, parameters.private_subnet_ids),
            MinSize="1",
            MaxSize="1",
            HealthCheckType="EC2",
            MetricsCollection=[MetricsCollection(Granularity="1Minute")],
            Tags=[
                {
                    "Key": "Name",
                    "Value": in_environment(f"{PROJECT}-${{EnvironmentName}}-{BASTION}"),
                    "PropagateAtLaunch": False,
                }
            ],
            UpdatePolicy=UpdatePolicy(
                AutoScalingRollingUpdate=AutoScalingRollingUpdate(
                    MinInstancesInService=0, MaxBatchSize=1, SuspendProcesses=SUSPENDED_DURING_UPDATE
                )
            ),
        )
    )


def _bastion_role(template: Template, logs: LogGroup, key: Key) -> Role:
    write = [awacs.logs.CreateLogStream, awacs.logs.DescribeLogStreams, awacs.logs.PutLogEvents]
    sessions = document(
        join_session_manager(),
        # Before it records a session, the agent looks for the log group among all.
        allow("FindTheLogGroup", [awacs.logs.DescribeLogGroups], ["*"]),
        allow("DecryptSessions", [awacs.kms.Decrypt], [GetAtt(key, "Arn")]),
    )
    return template.add_resource(
        Role(
            "BastionRole",
            Condition=HAS_BASTION,
            Description="What the bastion may do.",
            AssumeRolePolicyDocument=document(allow_principal("Ec2", service_principal("ec2"), [awacs.sts.AssumeRole])),
            PermissionsBoundary=workload_boundary(),
            Policies=[
                Policy(
                    PolicyName="WriteLogs",
                    PolicyDocument=document(allow("WriteLogs", write, [GetAtt(logs, "Arn")])),
                ),
                only_if(SESSION_ACCESS, Policy(PolicyName="RecordSessions", PolicyDocument=sessions)),
            ],
            Tags=name_tag("bastion-role"),
        )
    )


def _publisher(template: Template, parameters: Parameters) -> Role:
    """Add the role of a workflow. IAM knows the host's certificates itself, so that no thumbprint is kept here."""
    provider = template.add_resource(
        OIDCProvider(
            "GitHost",
            Condition=HAS_PUBLISHER,
            Url=f"https://{GIT_HOST}",
            ClientIdList=[AUDIENCE],
            Tags=name_tag("git-host"),
        )
    )
    the_workflow = {f"{GIT_HOST}:aud": AUDIENCE, f"{GIT_HOST}:sub": parameters.federated_subject}
    through_s3 = {"kms:ViaService": Sub("s3.${AWS::Region}.amazonaws.com")}
    published = [arn("s3:::${ReleaseBucketName}/*.tar.gz"), arn("s3:::${WebsiteBucketName}/*")]
    here = arn(f"cloudformation:${{AWS::Region}}:${{AWS::AccountId}}:stack/{PROJECT}-${{EnvironmentName}}/*")
    publish = document(
        # Reading tells what is there already.
        allow("PublishArchivesAndWebsite", [awacs.s3.GetObject, awacs.s3.PutObject], published),
        allow("FindTheBuckets", [awacs.cloudformation.DescribeStacks], [here]),
        # An archive in several parts is put together with the key that encrypted them.
        allow(
            "EncryptThem",
            [awacs.kms.Decrypt, awacs.kms.GenerateDataKey],
            [parameters.data_key_arn],
            Condition(StringEquals(through_s3)),
        ),
    )
    trust = allow_principal(
        "Workflow",
        Principal("Federated", Ref(provider)),
        [awacs.sts.AssumeRoleWithWebIdentity],
        condition=Condition(StringEquals(the_workflow)),
    )
    return template.add_resource(
        Role(
            "PublisherRole",
            Condition=HAS_PUBLISHER,
            Description="Lets a workflow publish application archives.",
            AssumeRolePolicyDocument=document(trust),
            PermissionsBoundary=workload_boundary(),
            Policies=[Policy(PolicyName="Publish", PolicyDocument=publish)],
            Tags=name_tag("publisher-role"),
        )
    )
