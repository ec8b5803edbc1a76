"""The people who operate the platform, and what they may do: part of the stack `access`.

The user (E2) may assume the operators' role, with MFA, and care for its own password and MFA device; nothing else.
Neither an access key nor a password is created. An administrator of the account gives the user its first password,
which the user has to change (`aws iam create-login-profile --password-reset-required`); then the user registers an MFA
device that bears the user's name, signs in anew and switches to the role. Who else operates the platform becomes a
member of the group.

The role sees and operates this infrastructure (D9). It changes no resource of the stacks: that is the pipeline's work.
Sessions that only forward a port are not offered, because nobody could read afterwards what went through them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import awacs.application_autoscaling
import awacs.autoscaling
import awacs.backup
import awacs.cloudformation
import awacs.cloudwatch
import awacs.dynamodb
import awacs.ec2
import awacs.ec2_instance_connect
import awacs.ecs
import awacs.elasticloadbalancing
import awacs.iam
import awacs.kms
import awacs.logs
import awacs.rds
import awacs.rds_db
import awacs.secretsmanager
import awacs.sns
import awacs.ssm
import awacs.ssmmessages
import awacs.sts
import awacs.synthetics
import awacs.xray
from awacs.aws import (
    Action,
    ArnLike,
    Bool,
    BoolIfExists,
    Condition,
    PolicyDocument,
    Statement,
    StringEquals,
    StringLike,
)
from troposphere import GetAtt, Ref, Sub, Template
from troposphere.iam import Group, Policy, Role, User
from troposphere.kms import Key
from troposphere.ssm import Document

from generator.iam import (
    allow,
    arn,
    document,
    operator_boundary,
    people_with_mfa,
    workload_boundary,
)
from generator.naming import OPERATORS_NAMESPACE, PROJECT, in_environment, name_tag
from generator.nesting import only_if
from generator.web_acl import LOG_GROUP_PREFIX

SESSION_ACCESS, SSH_ACCESS = "SessionAccess", "SshAccess"
"""The conditions that the stack defines for the two ways to the bastion."""

MFA_SECONDS = 3600
"""How long ago people may have shown their MFA device when they take the role: as long as a session of the role."""

SSH_USER = "ec2-user"
DATABASE_USER = "operator"
"""Whom operators log in to the database as, with a token instead of a password; a migration creates it."""

OPENS_A_NEW_VERSION = "TestSecret"
"""How the name of the secret begins that leads to a new version of the containers: CloudFormation takes the logical id.
"""

HERE = "${AWS::Region}:${AWS::AccountId}"
OURS = f"{PROJECT}-${{EnvironmentName}}"


@dataclass(frozen=True)
class Sessions:
    """How operators enter the bastion through Session Manager."""

    server: str
    """What the bastion is called in its `Name` tag."""
    document: Document
    key: Key


def add_operators(template: Template, sessions: Sessions) -> tuple[User, Role]:
    """Add the group, one user, and the role that they may assume (E2, D9)."""
    role = template.add_resource(
        Role(
            "OperatorRole",
            Description="Sees and operates the platform.",
            AssumeRolePolicyDocument=document(people_with_mfa(MFA_SECONDS)),
            MaxSessionDuration=MFA_SECONDS,
            PermissionsBoundary=workload_boundary(),
            Policies=[
                Policy(PolicyName="Observe", PolicyDocument=document(*_observe())),
                Policy(PolicyName="Operate", PolicyDocument=document(*_operate())),
                only_if(SESSION_ACCESS, Policy(PolicyName="Sessions", PolicyDocument=_enter_by_session(sessions))),
                only_if(SSH_ACCESS, Policy(PolicyName="Ssh", PolicyDocument=_enter_by_ssh(sessions.server))),
            ],
            Tags=name_tag("operator-role"),
        )
    )
    group = template.add_resource(
        Group(
            "OperatorGroup",
            Policies=[Policy(PolicyName="BecomeOperator", PolicyDocument=document(*_become_operator(role)))],
        )
    )
    user = template.add_resource(
        User("OperatorUser", Groups=[Ref(group)], PermissionsBoundary=operator_boundary(), Tags=name_tag("operator"))
    )
    return user, role


def _become_operator(role: Role) -> list[Statement]:
    """Return what a user may do. Giving up a device takes that device, or a stolen password would be enough."""
    own_user = arn("iam::${AWS::AccountId}:user/${!aws:username}")
    own_device = arn("iam::${AWS::AccountId}:mfa/${!aws:username}")
    with_mfa = Condition(Bool({"aws:MultiFactorAuthPresent": "true"}))
    of_the_user = [
        awacs.iam.ChangePassword,
        awacs.iam.EnableMFADevice,
        awacs.iam.GetMFADevice,
        awacs.iam.GetUser,
        awacs.iam.ListMFADevices,
        awacs.iam.ResyncMFADevice,
    ]
    return [
        allow("AssumeTheRole", [awacs.sts.AssumeRole], [GetAtt(role, "Arn")], with_mfa),
        allow("OwnPasswordAndDevice", of_the_user, [own_user]),
        allow("MakeOwnDevice", [awacs.iam.CreateVirtualMFADevice], [own_device]),
        allow(
            "GiveUpOwnDevice",
            [awacs.iam.DeactivateMFADevice, awacs.iam.DeleteVirtualMFADevice],
            [own_user, own_device],
            with_mfa,
        ),
    ]


def _observe() -> list[Statement]:
    stacks = _named(awacs.cloudformation, "", "DescribeStackEvents", "DescribeStackResources", "DescribeStacks")
    stacks += _named(awacs.cloudformation, "", "GetTemplate", "ListStackResources")
    logs = _named(awacs.logs, "", "DescribeLogStreams", "FilterLogEvents", "GetLogEvents", "StartQuery")
    return [
        allow("SeeWhatIsThere", _lists_and_descriptions(), ["*"]),
        allow("SeeStacks", stacks, [arn(f"cloudformation:{HERE}:stack/{OURS}{rest}/*") for rest in ("", "-*")]),
        allow("SeeAlarms", [awacs.cloudwatch.DescribeAlarmHistory], [arn(f"cloudwatch:{HERE}:alarm:{OURS}-*")]),
        allow(
            "SeeDashboards",
            [awacs.cloudwatch.GetDashboard],
            [arn(f"cloudwatch::${{AWS::AccountId}}:dashboard/{OURS}{rest}") for rest in ("", "-*")],
        ),
        allow("SeeWhoIsTold", [awacs.sns.ListSubscriptionsByTopic], [arn(f"sns:{HERE}:{OURS}-*")]),
        allow(
            "SeeTheCanary",
            [awacs.synthetics.GetCanary, awacs.synthetics.GetCanaryRuns],
            [arn(f"synthetics:{HERE}:canary:{OURS}*")],
        ),
        allow(
            "SeeBackups", [awacs.backup.ListRecoveryPointsByBackupVault], [arn(f"backup:{HERE}:backup-vault:{OURS}-*")]
        ),
        allow(
            "ReadLogs",
            logs,
            [
                arn(f"logs:{HERE}:log-group:{OURS}-*"),
                arn(f"logs:{HERE}:log-group:/aws/ecs/containerinsights/{OURS}-*"),
                arn(f"logs:{HERE}:log-group:/aws/rds/instance/{OURS}-*"),
                arn(f"logs:{HERE}:log-group:{LOG_GROUP_PREFIX}{OURS}:*"),
            ],
        ),
        *_see_containers(),
        *_see_stores(),
        allow(
            "SeeWhyServersDoNotStart",
            [awacs.ec2.GetConsoleOutput],
            [arn(f"ec2:{HERE}:instance/*")],
            Condition(StringEquals(_tags("web-server", "aws:ResourceTag"))),
        ),
        allow(
            "ReadParameters",
            [awacs.ssm.GetParameter, awacs.ssm.GetParameters, awacs.ssm.GetParametersByPath],
            [arn(f"ssm:{HERE}:parameter/{PROJECT}/${{EnvironmentName}}/*")],
        ),
    ]


def _lists_and_descriptions() -> list[Action]:
    """Return what IAM limits to no resource; nothing in it is secret."""
    return [
        *_named(awacs.application_autoscaling, "Describe", "ScalableTargets", "ScalingActivities", "ScheduledActions"),
        *_named(awacs.autoscaling, "Describe", "AutoScalingGroups", "AutoScalingInstances", "InstanceRefreshes"),
        *_named(awacs.autoscaling, "Describe", "ScalingActivities", "ScheduledActions"),
        *_named(awacs.backup, "List", "BackupJobs", "BackupVaults", "CopyJobs", "RestoreJobs"),
        awacs.cloudformation.ListStacks,
        *_named(awacs.cloudwatch, "", "DescribeAlarms", "GetMetricData", "GetMetricStatistics", "ListMetrics"),
        *_named(awacs.ec2, "Describe", "Instances", "InstanceStatus", "NatGateways", "NetworkAcls", "RouteTables"),
        *_named(awacs.ec2, "Describe", "SecurityGroups", "Subnets", "Vpcs"),
        # Names, versions and variables of task definitions; secrets stand there by their ARN.
        *_named(awacs.ecs, "", "DescribeTaskDefinition", "ListTaskDefinitions"),
        *_named(awacs.elasticloadbalancing, "Describe", "Listeners", "LoadBalancers", "Rules", "TargetGroups"),
        awacs.elasticloadbalancing.DescribeTargetHealth,
        *_named(awacs.logs, "", "DescribeLogGroups", "DescribeQueryDefinitions", "GetQueryResults", "StopQuery"),
        awacs.rds.DescribeEvents,
        *_named(awacs.ssm, "Describe", "InstanceInformation", "Sessions"),
        awacs.ssm.GetConnectionStatus,
        *_named(awacs.synthetics, "Describe", "Canaries", "CanariesLastRun"),
        *_named(awacs.xray, "", "BatchGetTraces", "GetGroups", "GetServiceGraph", "GetTraceSummaries"),
    ]


def _see_containers() -> list[Statement]:
    return [
        allow(
            "SeeContainers",
            [
                *_named(awacs.ecs, "Describe", "Clusters", "ServiceDeployments", "ServiceRevisions", "Services"),
                *_named(awacs.ecs, "", "DescribeTasks", "ListServiceDeployments"),
            ],
            _of_the_cluster("cluster", "service", "service-deployment", "service-revision", "task"),
        ),
        # Lists of a cluster, which IAM limits to no service or task.
        allow("ListContainers", [awacs.ecs.ListServices, awacs.ecs.ListTasks], ["*"], _in_the_cluster()),
    ]


def _see_stores() -> list[Statement]:
    return [
        allow(
            "SeeTheDatabase",
            [awacs.rds.DescribeDBInstances, awacs.rds.DescribePendingMaintenanceActions],
            [arn(f"rds:{HERE}:db:{OURS}-*")],
        ),
        allow("SeeTheTable", [awacs.dynamodb.DescribeContinuousBackups], [arn(f"dynamodb:{HERE}:table/{OURS}-*")]),
    ]


def _operate() -> list[Statement]:
    groups = arn(f"autoscaling:{HERE}:autoScalingGroup:*:autoScalingGroupName/{OURS}-*")
    return [
        allow(
            "ReplaceServers",
            [awacs.autoscaling.StartInstanceRefresh, awacs.autoscaling.CancelInstanceRefresh],
            [groups],
        ),
        allow(
            "ScaleByHand",
            _named(
                awacs.autoscaling, "", "ResumeProcesses", "SetDesiredCapacity", "TerminateInstanceInAutoScalingGroup"
            ),
            [groups],
        ),
        # What a paused deployment waits for, and the way back from one that goes wrong (docs/pages.md).
        allow(
            "ContinueOrRollBack",
            _named(awacs.ecs, "", "ContinueServiceDeployment", "StopServiceDeployment"),
            _of_the_cluster("service", "service-deployment"),
        ),
        allow("ReplaceTasks", [awacs.ecs.StopTask], _of_the_cluster("task")),
        # Who says whether a new version may go on has to be able to ask it before visitors do. KMS knows the secret by
        # the context in which it was encrypted; another environment's is refused where it is asked for.
        allow(
            "AskANewVersion",
            [awacs.secretsmanager.GetSecretValue],
            [arn(f"secretsmanager:{HERE}:secret:{OPENS_A_NEW_VERSION}-*")],
            Condition(StringEquals(_tags("test-secret", "aws:ResourceTag"))),
        ),
        allow("DecryptThatSecret", [awacs.kms.Decrypt], [arn(f"kms:{HERE}:key/*")], _of_the_test_secret()),
        # PutMetricData knows no resource. Servers write to other namespaces: none of them can keep a page from people.
        allow(
            "AcknowledgePages",
            [awacs.cloudwatch.PutMetricData],
            ["*"],
            Condition(StringEquals({"cloudwatch:namespace": OPERATORS_NAMESPACE})),
        ),
        # By any id of a database: this stack does not wait for the one there is.
        allow("LogInToTheDatabase", [awacs.rds_db.connect], [arn(f"rds-db:{HERE}:dbuser:*/{DATABASE_USER}")]),
    ]


def _enter_by_session(sessions: Sessions) -> PolicyDocument:
    """Allow sessions on the bastion with our document. Without the check, the account's default one would do as well.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-sessiondocumentaccesscheck.html
    https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-restrict-access-quickstart.html
    """
    recorded = BoolIfExists({"ssm:SessionDocumentAccessCheck": "true"})
    own = StringLike({"ssm:resourceTag/aws:ssmmessages:session-id": ["${aws:userid}"]})
    return document(
        allow(
            "EnterTheBastion",
            [awacs.ssm.StartSession],
            [arn(f"ec2:{HERE}:instance/*")],
            Condition([StringEquals(_tags(sessions.server, "ssm:resourceTag")), recorded]),
        ),
        allow(
            "RecordedSessionsOnly",
            [awacs.ssm.StartSession],
            [arn(f"ssm:{HERE}:document/${{{sessions.document.title}}}")],
        ),
        allow(
            "OwnSessions",
            [awacs.ssm.ResumeSession, awacs.ssm.TerminateSession],
            [arn(f"ssm:{HERE}:session/*")],
            Condition(own),
        ),
        allow(
            "SpeakInOwnSessions", [awacs.ssmmessages.OpenDataChannel], [arn(f"ssm:{HERE}:session/${{!aws:userid}}-*")]
        ),
        allow("EncryptSessions", [awacs.kms.GenerateDataKey], [GetAtt(sessions.key, "Arn")]),
    )


def _enter_by_ssh(server: str) -> PolicyDocument:
    """Allow to hand the bastion a public key, which it accepts for a minute; the address is the network's matter."""
    of_the_bastion = StringEquals({**_tags(server, "aws:ResourceTag"), "ec2:osuser": SSH_USER})
    return document(
        allow(
            "EnterTheBastion",
            [awacs.ec2_instance_connect.SendSSHPublicKey],
            [arn(f"ec2:{HERE}:instance/*")],
            Condition(of_the_bastion),
        )
    )


def _of_the_cluster(*kinds: str) -> list[Sub]:
    """Return the ARNs of what ECS has for this environment: the cluster begins with its name, all else with that."""
    return [arn(f"ecs:{HERE}:{kind}/{OURS}-*{'' if kind == 'cluster' else '/*'}") for kind in kinds]


def _in_the_cluster() -> Condition:
    return Condition(ArnLike({"ecs:cluster": arn(f"ecs:{HERE}:cluster/{OURS}-*")}))


def _of_the_test_secret() -> Condition:
    through = {"kms:ViaService": Sub("secretsmanager.${AWS::Region}.amazonaws.com")}
    context = {"kms:EncryptionContext:SecretARN": arn(f"secretsmanager:{HERE}:secret:{OPENS_A_NEW_VERSION}-*")}
    return Condition([StringEquals(through), ArnLike(context)])


def _tags(name: str, condition_key: str) -> dict[str, Sub | str]:
    return {f"{condition_key}/Name": in_environment(f"{OURS}-{name}"), f"{condition_key}/Project": PROJECT}


def _named(service: ModuleType, prefix: str, *names: str) -> list[Action]:
    return [service.Action(prefix + name) for name in names]
