"""The policies of deployments allow what deployments do and nothing else; a scope that is taken away is noticed.

What is asked comes from the names and tags that CloudFormation gives. This shows that the policies mean what they say,
not that AWS's lists of needed actions are complete.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator.deployment_permissions.policies import MAXIMUM_CHARACTERS, OF_SERVICES, PURPOSE, SUBJECTS
from generator.deployment_permissions.scopes import SCOPES
from tests.deployment_policies import (
    ACCOUNT,
    DEPLOYED,
    HOME,
    ROOTS,
    WITHOUT_REGION,
    Documents,
    allowed,
    documents_of,
    statements,
)
from tests.intrinsics import Templates
from tests.releases import at_resource

WORKLOAD = f"arn:aws:iam::{ACCOUNT}:policy/web-platform-workload"
OPERATOR = f"arn:aws:iam::{ACCOUNT}:policy/web-platform-operator"
WEB_ROLE = f"arn:aws:iam::{ACCOUNT}:role/web-platform-dev-Security-1AB-WebServerRole-2CD"
DATABASE = f"arn:aws:rds:{HOME}:{ACCOUNT}:db:web-platform-dev-database"
KEY = f"arn:aws:kms:{HOME}:{ACCOUNT}:key/1"
OURS, OTHERS, UNTAGGED = {"aws:ResourceTag/Project": "web-platform"}, {"aws:ResourceTag/Project": "billing"}, {}


@pytest.fixture(scope="module")
def documents(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Documents:
    return documents_of(tmp_path_factory.mktemp("release"), templates)


# Limits


def test_iams_limits_hold_with_the_longest_values(templates: Templates, tmp_path: Path) -> None:
    longest = {
        "ArtifactKeyArn": f"arn:aws-us-gov:kms:ap-southeast-2:{ACCOUNT}:key/mrk-{'0' * 32}",
        "TemplateBucketName": "b" * 63,
        "RegionalTests": "true",
        "AdditionalRegions": ",".join(["ap-southeast-2"] * 4),
    }
    documents = documents_of(tmp_path / "v9.9.9", templates, **longest)
    sizes = [len(json.dumps(document, separators=(",", ":"))) for document in documents]
    assert max(sizes) <= MAXIMUM_CHARACTERS
    assert len(sizes) == len(SUBJECTS) <= 10


def test_logical_ids_and_names_are_an_interface(templates: Templates) -> None:
    policies = {title: policy for root in ROOTS for title, policy in templates[root]["Resources"].items()}
    assert {title: each["Properties"]["ManagedPolicyName"] for title, each in policies.items()} == {
        f"{subject}Policy": f"web-platform-deploy-{subject.lower()}" for subject in SUBJECTS
    }
    assert PURPOSE.keys() == SUBJECTS.keys()
    assert list(templates["deployment_policies_services"]["Resources"]) == [f"{name}Policy" for name in OF_SERVICES]


def test_sids_are_unique(documents: Documents) -> None:
    for document in documents:
        sids = [statement["Sid"] for statement in document["Statement"]]
        assert len(sids) == len(set(sids))


# What deployments do, and what they never do

VPC = f"arn:aws:ec2:{HOME}:{ACCOUNT}:vpc/vpc-1"
SUBNET = f"arn:aws:ec2:{HOME}:{ACCOUNT}:subnet/subnet-1"
GROUP = f"arn:aws:ec2:{HOME}:{ACCOUNT}:security-group/sg-1"
LAUNCH_TEMPLATE = f"arn:aws:ec2:{HOME}:{ACCOUNT}:launch-template/lt-1"
BOOTSTRAP_STACK = f"arn:aws:cloudformation:{HOME}:{ACCOUNT}:stack/web-platform-target/1"
BOUNDED = {"iam:PermissionsBoundary": WORKLOAD}
VIA_RDS = {"kms:ViaService": f"rds.{HOME}.amazonaws.com"}
EVERYTHING = "arn:aws:iam::aws:policy/AdministratorAccess"
MONITORING = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"

DISTRIBUTION = f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"
PAGE_ROUTES = f"arn:aws:cloudfront::{ACCOUNT}:function/web-platform-dev-{HOME}-page-routes"
BALANCER = f"arn:aws:elasticloadbalancing:{HOME}:{ACCOUNT}:loadbalancer/app/a/1"
ACL = f"arn:aws:wafv2:{HOME}:{ACCOUNT}:regional/webacl/a/1"
GLOBAL_ACL = f"arn:aws:wafv2:us-east-1:{ACCOUNT}:global/webacl/a/1"
SECRET = f"arn:aws:secretsmanager:{HOME}:{ACCOUNT}:secret:OriginSecret-1"
AUTO_SCALING_GROUP = (
    f"arn:aws:autoscaling:{HOME}:{ACCOUNT}:autoScalingGroup:1:autoScalingGroupName/web-platform-dev-WebTier-1-Group-2"
)

TOPIC = f"arn:aws:sns:{HOME}:{ACCOUNT}:web-platform-dev-Observability-1AB-PageTopic-2CD"
ALARM = f"arn:aws:cloudwatch:{HOME}:{ACCOUNT}:alarm:web-platform-dev-Observability-1AB-Outage-2CD"
VAULT = f"arn:aws:backup:{HOME}:{ACCOUNT}:backup-vault:web-platform-dev-1a2b3c4d"
PLAN = f"arn:aws:backup:{HOME}:{ACCOUNT}:backup-plan:1"
RESTORE_TESTS = f"arn:aws:backup:{HOME}:{ACCOUNT}:restore-testing-plan:web_platform_dev-1"
RECOVERY_POINT = f"arn:aws:rds:{HOME}:{ACCOUNT}:snapshot:awsbackup:job-1"
BACKUP_ROLE = f"arn:aws:iam::{ACCOUNT}:role/web-platform-backup"
RESTORE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/web-platform-restore"
REPLICATION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/web-platform-replication"
CANARY = f"arn:aws:synthetics:{HOME}:{ACCOUNT}:canary:web-platform-dev"
CANARY_ROLE = f"arn:aws:iam::{ACCOUNT}:role/web-platform-dev-Observability-1AB-CanaryRole-2CD"
FUNCTION = f"arn:aws:lambda:{HOME}:{ACCOUNT}:function:cwsyn-web-platform-dev-1"
BUDGET = f"arn:aws:budgets::{ACCOUNT}:budget/web-platform-dev-monthly"
SCHEDULE = (
    f"arn:aws:scheduler:{HOME}:{ACCOUNT}:schedule/web-platform-dev-Cost-1-Hours/web-platform-dev-Cost-1-StopDatabase"
)
SUBSCRIPTION = f"arn:aws:ce::{ACCOUNT}:anomalysubscription/1"
CONTACT = f"arn:aws:ssm-contacts:{HOME}:{ACCOUNT}:contact/web-platform-dev-first"
TRAIL_ALARM = f"arn:aws:cloudwatch:{HOME}:{ACCOUNT}:alarm:web-platform-audit-trail-RootUserUsed-1AB"
TRAIL_TOPIC = f"arn:aws:sns:{HOME}:{ACCOUNT}:web-platform-audit-trail-Topic-1AB"
TRAIL_KEY = {**OURS, "aws:ResourceTag/Name": "web-platform-dev-audit-trail"}
NEW_AND_OURS = {"aws:RequestTag/Project": "web-platform"}

CLUSTER = f"arn:aws:ecs:{HOME}:{ACCOUNT}:cluster/web-platform-dev"
SERVICE = f"arn:aws:ecs:{HOME}:{ACCOUNT}:service/web-platform-dev/web-platform-dev-Containers-1AB-Service-2CD"
TASK_DEFINITION = f"arn:aws:ecs:{HOME}:{ACCOUNT}:task-definition/web-platform-dev-Containers-1AB-TaskDefinition-2CD:1"
SCALABLE_TARGET = f"arn:aws:application-autoscaling:{HOME}:{ACCOUNT}:scalable-target/0ec5"
NAMESPACE = f"arn:aws:servicediscovery:{HOME}:{ACCOUNT}:namespace/ns-1"
TEST_SECRET = f"arn:aws:secretsmanager:{HOME}:{ACCOUNT}:secret:TestSecret-0123456789ab-a1b2c3"
TASK_ROLE = f"arn:aws:iam::{ACCOUNT}:role/web-platform-dev-Security-1AB-TaskRole-2CD"
EXECUTION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/web-platform-dev-Containers-1AB-ExecutionRole-2CD"
MOVING_ROLE = f"arn:aws:iam::{ACCOUNT}:role/web-platform-dev-Containers-1AB-DeploymentRole-2CD"
SERVICE_LINKED = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role"
SCALES_TASKS = "ecs.application-autoscaling.amazonaws.com"

DONE = [
    ("ecs:CreateCluster", CLUSTER, {}),
    ("ecs:PutClusterCapacityProviders", CLUSTER, {}),
    ("ecs:RegisterTaskDefinition", TASK_DEFINITION, {}),
    ("ecs:DeregisterTaskDefinition", "*", {}),
    ("ecs:CreateService", SERVICE, {}),
    ("ecs:UpdateService", SERVICE, {}),
    ("ecs:StopServiceDeployment", f"{SERVICE.replace(':service/', ':service-deployment/')}/1", {}),
    ("servicediscovery:CreatePrivateDnsNamespace", "*", NEW_AND_OURS),
    ("servicediscovery:GetOperation", NAMESPACE, UNTAGGED),
    ("servicediscovery:DeleteNamespace", NAMESPACE, OURS),
    ("route53:CreateHostedZone", "*", {}),
    ("application-autoscaling:RegisterScalableTarget", SCALABLE_TARGET, UNTAGGED),
    ("application-autoscaling:PutScalingPolicy", SCALABLE_TARGET, OURS),
    ("iam:PassRole", TASK_ROLE, {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
    ("iam:PassRole", EXECUTION_ROLE, {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
    ("iam:PassRole", MOVING_ROLE, {"iam:PassedToService": "ecs.amazonaws.com"}),
    (
        "iam:CreateServiceLinkedRole",
        f"{SERVICE_LINKED}/{SCALES_TASKS}/AWSServiceRoleForApplicationAutoScaling_ECSService",
        {"iam:AWSServiceName": SCALES_TASKS},
    ),
    (
        "iam:CreateServiceLinkedRole",
        f"{SERVICE_LINKED}/ecs.amazonaws.com/AWSServiceRoleForECS",
        {"iam:AWSServiceName": "ecs.amazonaws.com"},
    ),
    (
        "logs:CreateLogGroup",
        f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:/aws/ecs/containerinsights/web-platform-dev/performance",
        {},
    ),
    ("secretsmanager:DeleteSecret", TEST_SECRET, OURS),
    ("sns:CreateTopic", TOPIC, {}),
    ("sns:SetTopicAttributes", TOPIC, {}),
    ("sns:Subscribe", TOPIC, {}),
    ("sns:Unsubscribe", "*", {}),
    ("cloudwatch:PutMetricAlarm", ALARM, {}),
    ("cloudwatch:PutCompositeAlarm", "*", {}),
    ("cloudwatch:PutDashboard", f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/web-platform-dev", {}),
    ("cloudwatch:TagResource", f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/web-platform-dev", {}),
    ("events:PutRule", f"arn:aws:events:{HOME}:{ACCOUNT}:rule/web-platform-dev-Observability-1-Rule-2", {}),
    ("logs:PutMetricFilter", f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:web-platform-dev-WebTier-1:log-stream:", {}),
    ("logs:PutQueryDefinition", "*", {}),
    ("xray:CreateGroup", f"arn:aws:xray:{HOME}:{ACCOUNT}:group/web-platform-dev/1", {}),
    ("synthetics:CreateCanary", "*", NEW_AND_OURS),
    ("synthetics:StartCanary", CANARY, {}),
    ("lambda:CreateFunction", FUNCTION, {}),
    ("lambda:GetLayerVersion", f"arn:aws:lambda:{HOME}:378653112637:layer:AWS-CW-SyntheticsSelenium:9", {}),
    ("iam:PassRole", CANARY_ROLE, {"iam:PassedToService": "synthetics.amazonaws.com"}),
    ("iam:PassRole", CANARY_ROLE, {"iam:PassedToService": "lambda.amazonaws.com"}),
    ("backup:CreateBackupVault", VAULT, {}),
    ("backup:DeleteBackupVault", VAULT, {}),
    ("backup:PutBackupVaultLockConfiguration", VAULT, {}),
    ("backup:CreateBackupPlan", PLAN, {}),
    ("backup:CreateBackupSelection", PLAN, OURS),
    ("backup:CreateRestoreTestingPlan", RESTORE_TESTS, {}),
    ("backup-storage:MountCapsule", "*", {}),
    ("iam:PassRole", BACKUP_ROLE, {"iam:PassedToService": "backup.amazonaws.com"}),
    ("iam:PassRole", RESTORE_ROLE, {"iam:PassedToService": "restore-testing.backup.amazonaws.com"}),
    ("iam:PassRole", REPLICATION_ROLE, {"iam:PassedToService": "s3.amazonaws.com"}),
    ("iam:GetRole", BACKUP_ROLE, {}),
    ("kms:RetireGrant", KEY, {"kms:ViaService": f"backup.{HOME}.amazonaws.com"}),
    ("s3:PutReplicationConfiguration", "arn:aws:s3:::web-platform-dev-storage-1ab-releasebucket-2cd", {}),
    ("budgets:ModifyBudget", BUDGET, {}),
    ("ce:CreateAnomalySubscription", "*", NEW_AND_OURS),
    ("ce:UpdateAnomalySubscription", SUBSCRIPTION, OURS),
    ("resource-groups:CreateGroup", "*", NEW_AND_OURS),
    ("scheduler:CreateSchedule", SCHEDULE, {}),
    ("autoscaling:PutScheduledUpdateGroupAction", AUTO_SCALING_GROUP, {}),
    ("ssm-contacts:CreateContact", CONTACT, {}),
    ("ssm-incidents:CreateResponsePlan", "*", NEW_AND_OURS),
    ("cloudfront:CreateDistribution", DISTRIBUTION, {"aws:RequestTag/Project": "web-platform"}),
    ("cloudfront:CreateFunction", PAGE_ROUTES, {}),
    ("cloudfront:TagResource", DISTRIBUTION, {"aws:RequestTag/Project": "web-platform"}),
    ("cloudfront:UpdateDistribution", DISTRIBUTION, OURS),
    ("cloudfront:PublishFunction", PAGE_ROUTES, {}),
    ("cloudfront:TagResource", PAGE_ROUTES, {}),
    ("cloudfront:CreateOriginAccessControl", "*", {}),
    ("cloudfront:UpdateCachePolicy", f"arn:aws:cloudfront::{ACCOUNT}:cache-policy/1", {}),
    ("s3:PutBucketAcl", "arn:aws:s3:::web-platform-dev-edge-1ab-edgelogbucket-2cd", {}),
    ("wafv2:CreateWebACL", ACL, UNTAGGED),
    ("wafv2:CreateWebACL", f"arn:aws:wafv2:{HOME}:{ACCOUNT}:regional/managedruleset/x/y", {}),
    ("wafv2:PutLoggingConfiguration", ACL, OURS),
    ("wafv2:AssociateWebACL", ACL, OURS),
    ("wafv2:AssociateWebACL", BALANCER, {}),
    ("wafv2:GetWebACL", GLOBAL_ACL, OURS),
    ("elasticloadbalancing:SetWebAcl", BALANCER, {}),
    ("logs:CreateLogDelivery", "*", {}),
    ("logs:CreateLogGroup", f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:aws-waf-logs-web-platform-dev", {}),
    ("shield:CreateProtection", "*", {}),
    ("shield:DeleteProtection", f"arn:aws:shield::{ACCOUNT}:protection/1", OURS),
    ("secretsmanager:GetRandomPassword", "*", {}),
    ("secretsmanager:GetSecretValue", SECRET, OURS),
    ("ec2:CreateVpc", VPC, UNTAGGED),
    ("ec2:ModifyVpcAttribute", VPC, UNTAGGED),
    ("ec2:CreateSubnet", VPC, OURS),
    ("ec2:CreateSubnet", SUBNET, UNTAGGED),
    ("ec2:CreateTags", VPC, {"aws:RequestTag/Project": "web-platform"}),
    ("ec2:RunInstances", SUBNET, {**OURS, "ec2:LaunchTemplate": LAUNCH_TEMPLATE}),
    ("ec2:RunInstances", LAUNCH_TEMPLATE, {"aws:ResourceTag/Name": "web-platform-dev-web-server"}),
    ("iam:CreateRole", WEB_ROLE, BOUNDED),
    ("iam:PutRolePolicy", WEB_ROLE, BOUNDED),
    ("iam:AttachRolePolicy", WEB_ROLE, {**BOUNDED, "iam:PolicyARN": MONITORING}),
    ("iam:PassRole", WEB_ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}),
    ("kms:CreateKey", "*", {"aws:RequestTag/Project": "web-platform"}),
    ("kms:PutKeyPolicy", KEY, OURS),
    ("kms:CreateAlias", KEY, UNTAGGED),
    ("kms:CreateGrant", KEY, {**VIA_RDS, "kms:GrantIsForAWSResource": "true"}),
    ("rds:CreateDBInstance", DATABASE, {}),
    ("rds:DeleteDBInstance", DATABASE, {}),
    ("s3:GetObject", "arn:aws:s3:::the-templates/v1/network.yaml", {}),
    ("s3:PutBucketPolicy", "arn:aws:s3:::web-platform-dev-storage-1ab-logbucket-2cd", {}),
    ("cloudformation:CreateStack", f"arn:aws:cloudformation:{HOME}:{ACCOUNT}:stack/web-platform-dev-Network-1/2", {}),
    ("ssm:GetParameters", f"arn:aws:ssm:{HOME}:{ACCOUNT}:parameter/web-platform/dev/certificate-arn", {}),
]

REFUSED = {
    "another's cluster": ("ecs:DeleteCluster", f"arn:aws:ecs:{HOME}:{ACCOUNT}:cluster/billing", {}),
    "another's service": ("ecs:UpdateService", f"arn:aws:ecs:{HOME}:{ACCOUNT}:service/billing/shop", {}),
    "another's task definition": (
        "ecs:RegisterTaskDefinition",
        f"arn:aws:ecs:{HOME}:{ACCOUNT}:task-definition/billing:1",
        {},
    ),
    "a task run by itself": ("ecs:RunTask", TASK_DEFINITION, {}),
    "a task entered": ("ecs:ExecuteCommand", f"arn:aws:ecs:{HOME}:{ACCOUNT}:task/web-platform-dev/1", {}),
    "the account's settings of ECS": ("ecs:PutAccountSettingDefault", "*", {}),
    "a namespace without our tag": ("servicediscovery:CreatePrivateDnsNamespace", "*", {}),
    "a namespace made another's": ("servicediscovery:TagResource", "*", {"aws:RequestTag/Project": "billing"}),
    "another's namespace gone": ("servicediscovery:DeleteNamespace", NAMESPACE, OTHERS),
    "a hosted zone gone": ("route53:DeleteHostedZone", "arn:aws:route53:::hostedzone/Z1", {}),
    "another's tasks scaled": ("application-autoscaling:PutScalingPolicy", SCALABLE_TARGET, OTHERS),
    "the role that moves requests for a task": (
        "iam:PassRole",
        MOVING_ROLE,
        {"iam:PassedToService": "ecs-tasks.amazonaws.com"},
    ),
    "the role of tasks for a machine": ("iam:PassRole", TASK_ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}),
    "a secret made anew, of another project": ("secretsmanager:DeleteSecret", TEST_SECRET, OTHERS),
    "another's topic opened": ("sns:SetTopicAttributes", f"arn:aws:sns:{HOME}:{ACCOUNT}:billing", {}),
    "a page sent": ("sns:Publish", TOPIC, {}),
    "another's alarm gone": ("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{HOME}:{ACCOUNT}:alarm:billing", {}),
    "an alarm silenced": ("cloudwatch:DisableAlarmActions", ALARM, {}),
    "a page acknowledged": ("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "web-platform-operators"}),
    "the audit trail's alarm gone": ("cloudwatch:DeleteAlarms", TRAIL_ALARM, {}),
    "the audit trail's topic gone": ("sns:DeleteTopic", TRAIL_TOPIC, {}),
    "the audit trail's log gone": (
        "logs:DeleteLogGroup",
        f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:web-platform-audit-trail-LogGroup-1AB",
        {},
    ),
    "the audit trail's filters gone": (
        "logs:DeleteMetricFilter",
        f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:web-platform-audit-trail-LogGroup-1AB",
        {},
    ),
    "the audit trail's bucket opened": ("s3:PutBucketPolicy", "arn:aws:s3:::web-platform-audit-trail-bucket-1ab", {}),
    "the audit trail's key opened": ("kms:PutKeyPolicy", KEY, TRAIL_KEY),
    "the audit trail's key made another's": (
        "kms:TagResource",
        KEY,
        {**TRAIL_KEY, "aws:RequestTag/Project": "web-platform"},
    ),
    "another's canary gone": (
        "synthetics:DeleteCanary",
        f"arn:aws:synthetics:{HOME}:{ACCOUNT}:canary:billing",
        {},
    ),
    "a canary without our tag": ("synthetics:CreateCanary", "*", {}),
    "a function that is no canary": (
        "lambda:CreateFunction",
        f"arn:aws:lambda:{HOME}:{ACCOUNT}:function:web-platform-dev",
        {},
    ),
    "the canary's function called": ("lambda:InvokeFunction", FUNCTION, {}),
    "the canary's role for a machine": ("iam:PassRole", CANARY_ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}),
    "a backup gone": ("backup:DeleteRecoveryPoint", RECOVERY_POINT, OURS),
    "a backup shortened": ("backup:UpdateRecoveryPointLifecycle", RECOVERY_POINT, OURS),
    "a backup restored": ("backup:StartRestoreJob", RECOVERY_POINT, OURS),
    "another's vault gone": (
        "backup:DeleteBackupVault",
        f"arn:aws:backup:{HOME}:{ACCOUNT}:backup-vault:billing",
        {},
    ),
    "a vault opened": ("backup:DeleteBackupVaultAccessPolicy", VAULT, {}),
    "a vault unlocked": ("backup:DeleteBackupVaultLockConfiguration", VAULT, {}),
    "another's vault locked": (
        "backup:PutBackupVaultLockConfiguration",
        f"arn:aws:backup:{HOME}:{ACCOUNT}:backup-vault:billing",
        {},
    ),
    "another's backup plan gone": ("backup:DeleteBackupPlan", PLAN, OTHERS),
    "the backups' role for another service": (
        "iam:PassRole",
        BACKUP_ROLE,
        {"iam:PassedToService": "lambda.amazonaws.com"},
    ),
    "the backups' role changed": ("iam:PutRolePolicy", BACKUP_ROLE, BOUNDED),
    "the backups' role opened": ("iam:UpdateAssumeRolePolicy", RESTORE_ROLE, BOUNDED),
    "another's budget": ("budgets:ModifyBudget", f"arn:aws:budgets::{ACCOUNT}:budget/billing", {}),
    "another's anomalies": ("ce:DeleteAnomalySubscription", SUBSCRIPTION, OTHERS),
    "a group without our tag": ("resource-groups:CreateGroup", "*", {}),
    "another's schedule": (
        "scheduler:UpdateSchedule",
        f"arn:aws:scheduler:{HOME}:{ACCOUNT}:schedule/default/billing",
        {},
    ),
    "another's rule": ("events:PutTargets", f"arn:aws:events:{HOME}:{ACCOUNT}:rule/billing", {}),
    "another's contact": (
        "ssm-contacts:DeleteContact",
        f"arn:aws:ssm-contacts:{HOME}:{ACCOUNT}:contact/billing",
        {},
    ),
    "another's distribution": ("cloudfront:UpdateDistribution", DISTRIBUTION, OTHERS),
    "another's distribution made ours": (
        "cloudfront:TagResource",
        DISTRIBUTION,
        {**OTHERS, "aws:RequestTag/Project": "web-platform"},
    ),
    "another's function": (
        "cloudfront:UpdateFunction",
        f"arn:aws:cloudfront::{ACCOUNT}:function/billing-routes",
        {},
    ),
    "another's firewall": ("wafv2:UpdateWebACL", ACL, OTHERS),
    "another's firewall for our load balancer": ("wafv2:AssociateWebACL", ACL, OTHERS),
    "another's log of a firewall": ("wafv2:DeleteLoggingConfiguration", ACL, OTHERS),
    "the firewall of the distribution changed": ("wafv2:UpdateWebACL", GLOBAL_ACL, OURS),
    "the firewall of the distribution gone": ("wafv2:DeleteWebACL", GLOBAL_ACL, OURS),
    "another's protection gone": ("shield:DeleteProtection", f"arn:aws:shield::{ACCOUNT}:protection/1", OTHERS),
    "the subscription ended": ("shield:DeleteSubscription", "*", {}),
    "the origin's secret gone": ("secretsmanager:DeleteSecret", SECRET, OURS),
    "another's log bucket opened": ("s3:PutBucketAcl", "arn:aws:s3:::billing", {}),
    "a subnet in another project's network": ("ec2:CreateSubnet", VPC, OTHERS),
    "a subnet in a network that is nobody's": ("ec2:CreateSubnet", VPC, UNTAGGED),
    "another project's network made ours": (
        "ec2:CreateTags",
        VPC,
        {**OTHERS, "aws:RequestTag/Project": "web-platform"},
    ),
    "our network made another project's": ("ec2:CreateTags", VPC, {**OURS, "aws:RequestTag/Project": "billing"}),
    "a rule in another project's group": ("ec2:AuthorizeSecurityGroupIngress", GROUP, OTHERS),
    "another project's network gone": ("ec2:DeleteVpc", VPC, OTHERS),
    "a launch into another network": ("ec2:RunInstances", SUBNET, {**OTHERS, "ec2:LaunchTemplate": LAUNCH_TEMPLATE}),
    "a launch without a template": ("ec2:RunInstances", f"arn:aws:ec2:{HOME}:{ACCOUNT}:instance/*", {}),
    "a role without a boundary": ("iam:CreateRole", WEB_ROLE, {}),
    "a role with the wrong boundary": ("iam:CreateRole", WEB_ROLE, {"iam:PermissionsBoundary": OPERATOR}),
    "a role of another name": ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/billing", BOUNDED),
    "more rights for an unbounded role": ("iam:PutRolePolicy", WEB_ROLE, {}),
    "another trust for an unbounded role": ("iam:UpdateAssumeRolePolicy", WEB_ROLE, {}),
    "a role that may do everything": ("iam:AttachRolePolicy", WEB_ROLE, {**BOUNDED, "iam:PolicyARN": EVERYTHING}),
    "a role without its boundary again": ("iam:DeleteRolePermissionsBoundary", WEB_ROLE, BOUNDED),
    "a user without a boundary": ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/web-platform-x", {}),
    "an access key": ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/web-platform-x", {}),
    "a password": ("iam:CreateLoginProfile", f"arn:aws:iam::{ACCOUNT}:user/web-platform-x", {}),
    "a policy of its own widened": (
        "iam:CreatePolicyVersion",
        f"arn:aws:iam::{ACCOUNT}:policy/web-platform-deploy-network",
        {},
    ),
    "its own role changed": (
        "iam:PutRolePolicy",
        f"arn:aws:iam::{ACCOUNT}:role/web-platform-cloudformation",
        BOUNDED,
    ),
    "the emergency's role opened": (
        "iam:UpdateAssumeRolePolicy",
        f"arn:aws:iam::{ACCOUNT}:role/web-platform-break-glass",
        BOUNDED,
    ),
    "the servers' role for another service": (
        "iam:PassRole",
        WEB_ROLE,
        {"iam:PassedToService": "lambda.amazonaws.com"},
    ),
    "the deployment's role passed on": (
        "iam:PassRole",
        f"arn:aws:iam::{ACCOUNT}:role/web-platform-deployment",
        {"iam:PassedToService": "ec2.amazonaws.com"},
    ),
    "another role passed on": (
        "iam:PassRole",
        f"arn:aws:iam::{ACCOUNT}:role/administrator",
        {"iam:PassedToService": "ec2.amazonaws.com"},
    ),
    "a role for another AWS service": (
        "iam:CreateServiceLinkedRole",
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/guardduty.amazonaws.com/x",
        {"iam:AWSServiceName": "guardduty.amazonaws.com"},
    ),
    "a key gone": ("kms:ScheduleKeyDeletion", KEY, OURS),
    "a key off": ("kms:DisableKey", KEY, OURS),
    "a key that no longer rotates": ("kms:DisableKeyRotation", KEY, OURS),
    "another's key opened": ("kms:PutKeyPolicy", KEY, OTHERS),
    "nobody's key opened": ("kms:PutKeyPolicy", KEY, UNTAGGED),
    "what a key protects, read directly": ("kms:Decrypt", KEY, OURS),
    "a grant to a person": ("kms:CreateGrant", KEY, {**OURS, **VIA_RDS}),
    "backups of the database gone": (
        "rds:DeleteDBSnapshot",
        f"arn:aws:rds:{HOME}:{ACCOUNT}:snapshot:web-platform-dev-1",
        {},
    ),
    "its automated backups gone": (
        "rds:DeleteDBInstanceAutomatedBackup",
        f"arn:aws:rds:{HOME}:{ACCOUNT}:auto-backup:1",
        {},
    ),
    "its backup shared": (
        "rds:ModifyDBSnapshotAttribute",
        f"arn:aws:rds:{HOME}:{ACCOUNT}:snapshot:web-platform-dev-1",
        {},
    ),
    "another database changed": ("rds:ModifyDBInstance", f"arn:aws:rds:{HOME}:{ACCOUNT}:db:billing", {}),
    "sessions gone": ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{HOME}:{ACCOUNT}:table/web-platform-dev-S-1", {}),
    "sessions read": ("dynamodb:Scan", f"arn:aws:dynamodb:{HOME}:{ACCOUNT}:table/web-platform-dev-S-1", {}),
    "files gone": (
        "elasticfilesystem:DeleteFileSystem",
        f"arn:aws:elasticfilesystem:{HOME}:{ACCOUNT}:file-system/1",
        OURS,
    ),
    "files in the clear": (
        "elasticfilesystem:CreateFileSystem",
        "*",
        {"aws:RequestTag/Project": "web-platform", "elasticfilesystem:Encrypted": "false"},
    ),
    "another's secret read": (
        "secretsmanager:GetSecretValue",
        f"arn:aws:secretsmanager:{HOME}:{ACCOUNT}:secret:billing",
        OTHERS,
    ),
    "objects read": ("s3:GetObject", "arn:aws:s3:::web-platform-dev-storage-1ab-logbucket-2cd/x", {}),
    "logs of access deleted": ("s3:DeleteObject", "arn:aws:s3:::web-platform-dev-storage-1ab-logbucket-2cd/x", {}),
    "another bucket opened": ("s3:PutBucketPolicy", "arn:aws:s3:::billing", {}),
    "the test's uploads, where nothing is tested": ("s3:GetObject", "arn:aws:s3:::taskcat-3f9a1c/x", {}),
    "the bootstrap's stacks": ("cloudformation:UpdateStack", BOOTSTRAP_STACK, {}),
    "another stack": ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{HOME}:{ACCOUNT}:stack/billing/1", {}),
    "another's parameter": ("ssm:GetParameters", f"arn:aws:ssm:{HOME}:{ACCOUNT}:parameter/billing/key", {}),
    "another's logs gone": ("logs:DeleteLogGroup", f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:billing", {}),
    "the account's trail": ("cloudtrail:StopLogging", f"arn:aws:cloudtrail:{HOME}:{ACCOUNT}:trail/all", {}),
}


@pytest.mark.parametrize(("action", "resource", "context"), DONE, ids=lambda value: str(value)[:60])
def test_d9_deployments_do_their_work(
    documents: Documents, action: str, resource: str, context: dict[str, str]
) -> None:
    assert allowed(documents, action, resource, **context)


@pytest.mark.parametrize(("action", "resource", "context"), DONE, ids=lambda value: str(value)[:60])
def test_d9_inside_the_boundary_too(
    templates: Templates, documents: Documents, tmp_path: Path, action: str, resource: str, context: dict[str, str]
) -> None:
    index = list(templates["boundaries"]["Resources"]).index("DeliveryBoundary")
    boundary = documents_of(tmp_path / "v9.9.9", templates, ["boundaries"])[index]
    assert allowed(documents, action, resource, boundary=boundary, **context)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [act for act in DONE if not act[0].startswith(WITHOUT_REGION) and act[1] != GLOBAL_ACL],
    ids=lambda value: str(value)[:60],
)
def test_d9_and_nowhere_else(documents: Documents, action: str, resource: str, context: dict[str, str]) -> None:
    assert not allowed(documents, action, resource.replace(HOME, "us-west-2"), region="us-west-2", **context)


@pytest.mark.parametrize("act", REFUSED)
def test_d9_deployments_are_refused(documents: Documents, act: str) -> None:
    action, resource, context = REFUSED[act]
    assert not allowed(documents, action, resource, **context)


def test_regional_tests_are_deployed_where_they_are_asked_for_and_read_their_own_uploads(
    templates: Templates, tmp_path: Path
) -> None:
    given = {"RegionalTests": "true", "AdditionalRegions": "us-east-1,ap-southeast-2"}
    documents = documents_of(tmp_path / "v9.9.9", templates, **given)
    uploads = "arn:aws:s3:::taskcat-3f9a1c-111122223333-us-east-1/taskcat-3f9a1c/network.yaml"
    assert allowed(documents, "s3:GetObject", uploads, region="us-east-1")
    for region in (HOME, "us-east-1", "ap-southeast-2"):
        assert allowed(documents, "ec2:CreateVpc", VPC.replace(HOME, region), region=region)
    assert not allowed(documents, "ec2:CreateVpc", VPC.replace(HOME, "us-west-2"), region="us-west-2")


def test_roles_are_passed_to_the_services_that_they_trust(templates: Templates, documents: Documents) -> None:
    passing = [each for each in statements(documents) if each.get("Action") == ["iam:PassRole"]]
    patterns = {resource for each in passing for resource in each["Resource"]}
    for name in DEPLOYED:
        for title, role in templates[name]["Resources"].items():
            if role["Type"] == "AWS::IAM::Role":
                trusted = json.dumps(role["Properties"]["AssumeRolePolicyDocument"])
                by_services = '"Service"' in trusted
                pattern = f"arn:aws:iam::{ACCOUNT}:role/web-platform-*-{title}-*"
                assert (pattern in patterns) == by_services, title
    for each in passing:
        [services] = each["Condition"]["StringEquals"].values()
        assert services
        assert all(service.endswith(".amazonaws.com") for service in services)


def test_fixed_names_are_within_what_may_be_named(templates: Templates) -> None:
    """Where a template gives a name itself, the policies must know names like it."""
    named = {
        "AWS::Logs::LogGroup": ("LogGroupName", "logs:log-group", "log-group:"),
        "AWS::RDS::DBInstance": ("DBInstanceIdentifier", "rds:db", "db:"),
        "AWS::KMS::Alias": ("AliasName", "kms:alias", "alias/"),
        "AWS::SSM::Parameter": ("Name", "ssm:parameter", "parameter"),
        "AWS::SSM::Document": ("Name", "ssm:document", "document/"),
        "AWS::IAM::User": ("UserName", "iam:user", "user/"),
        "AWS::IAM::Role": ("RoleName", "iam:role", "role/"),
        "AWS::Backup::BackupVault": ("BackupVaultName", "backup:backupVault", "backup-vault:"),
        "AWS::CloudWatch::Dashboard": ("DashboardName", "cloudwatch:dashboard", "dashboard/"),
        "AWS::ResourceGroups::Group": ("Name", "resource-groups:group", "group/"),
        "AWS::SSMContacts::Contact": ("Alias", "ssm-contacts:contact", "contact/"),
        "AWS::SSMIncidents::ResponsePlan": ("Name", "ssm-incidents:response-plan", "response-plan/"),
        "AWS::Synthetics::Canary": ("Name", "synthetics:canary", "canary:"),
        "AWS::XRay::Group": ("GroupName", "xray:group", "group/"),
    }
    seen = set()
    for name in DEPLOYED:
        for title, resource in templates[name]["Resources"].items():
            property_name, scope, separator = named.get(resource["Type"], ("", "", ""))
            fixed = resource.get("Properties", {}).get(property_name)
            if fixed is not None:
                seen.add(resource["Type"])
                written = fixed["Fn::Sub"]
                text = (written if isinstance(written, str) else written[0]).removeprefix("alias/")
                prefixes = [arn.partition(separator)[2].rstrip("*") for arn in SCOPES[scope].arns]
                assert text.startswith(tuple(prefixes)), (title, text)
    assert named.keys() - seen <= {"AWS::IAM::User", "AWS::IAM::Role", "AWS::SSM::Document"}


# A scope that is taken away is noticed

MUTATIONS = {
    "another's topic opened": ("OperationsPolicy", "SnsNamed", "Resource"),
    "another's alarm gone": ("OperationsPolicy", "CloudwatchNamed", "Resource"),
    "another's canary gone": ("OperationsPolicy", "SyntheticsNamed", "Resource"),
    "a canary without our tag": ("OperationsPolicy", "TaggedFromTheStart", "Condition"),
    "a function that is no canary": ("OperationsPolicy", "LambdaNamed", "Resource"),
    "the canary's role for a machine": ("IdentityPolicy", "PassRolesToLambdaAndSynthetics", "Condition"),
    "another's rule": ("OperationsPolicy", "EventsNamed", "Resource"),
    "another's contact": ("OperationsPolicy", "SsmContactsNamed", "Resource"),
    "another's vault locked": ("UpkeepPolicy", "BackupNamed", "Resource"),
    "another's backup plan gone": ("UpkeepPolicy", "BackupOurs", "Condition"),
    "another's budget": ("UpkeepPolicy", "BudgetsNamed", "Resource"),
    "another's anomalies": ("UpkeepPolicy", "CeOurs", "Condition"),
    "another's schedule": ("UpkeepPolicy", "SchedulerNamed", "Resource"),
    "the backups' role for another service": ("IdentityPolicy", "PassBackupRole", "Condition"),
    "the backups' role changed": ("GuardPolicy", "OtherRolesAreOnlyHandedOver", "Resource"),
    "the audit trail's alarm gone": ("GuardPolicy", "WhatWatchesDelivery", "Resource"),
    "the audit trail's topic gone": ("GuardPolicy", "WhatWatchesDelivery", "Resource"),
    "the audit trail's log gone": ("GuardPolicy", "WhatWatchesDelivery", "Resource"),
    "the audit trail's bucket opened": ("GuardPolicy", "WhatWatchesDelivery", "Resource"),
    "the audit trail's key opened": ("GuardPolicy", "KeysOfWhatWatches", "Resource"),
    "another's cluster": ("ComputePolicy", "EcsNamed", "Resource"),
    "another's namespace gone": ("NetworkPolicy", "ServicediscoveryOurs", "Condition"),
    "a namespace without our tag": ("NetworkPolicy", "NamespacesTaggedFromTheStart", "Condition"),
    "another's tasks scaled": ("OperationsPolicy", "ApplicationAutoscalingOurs", "Condition"),
    "the role that moves requests for a task": ("IdentityPolicy", "PassRolesToEcs", "Condition"),
    "a secret made anew, of another project": ("DataPolicy", "SecretsMadeAnew", "Condition"),
    "another's distribution": ("EdgePolicy", "CloudfrontOurs", "Condition"),
    "another's distribution made ours": ("EdgePolicy", "CloudfrontTags", "Condition"),
    "another's function": ("EdgePolicy", "CloudfrontNamed", "Resource"),
    "another's firewall": ("EdgePolicy", "Wafv2Ours", "Condition"),
    "another's protection gone": ("EdgePolicy", "ShieldNew", "Condition"),
    "another's log bucket opened": ("DataPolicy", "S3Named", "Resource"),
    "a role without a boundary": ("IdentityPolicy", "RolesWithinTheBoundary", "Condition"),
    "the servers' role for another service": ("IdentityPolicy", "PassRolesToEc2", "Condition"),
    "another project's network gone": ("NetworkPolicy", "Ec2Ours", "Condition"),
    "a rule in another project's group": ("NetworkPolicy", "Ec2New", "Condition"),
    "another project's network made ours": ("NetworkPolicy", "Ec2Tags", "Condition"),
    "a launch into another network": ("ComputePolicy", "LaunchInside", "Condition"),
    "nobody's key opened": ("EncryptionPolicy", "KmsOurs", "Condition"),
    "what a key protects, read directly": ("EncryptionPolicy", "KeysThroughServices", "Condition"),
    "a grant to a person": ("EncryptionPolicy", "GrantsToServices", "Condition"),
    "files in the clear": ("DataPolicy", "FilesTaggedAndEncrypted", "Condition"),
    "another's secret read": ("DataPolicy", "SecretsmanagerOurs", "Condition"),
    "another database changed": ("DataPolicy", "RdsNamed", "Resource"),
    "another stack": ("DeliveryPolicy", "CloudformationNamed", "Resource"),
    "another role passed on": ("IdentityPolicy", "PassRolesToEc2", "Resource"),
    "the bootstrap's stacks": ("GuardPolicy", "StacksOfTheBootstrap", "Resource"),
    "its own role changed": ("GuardPolicy", "RolesAndPoliciesOfTheBootstrap", "Resource"),
}


@pytest.mark.parametrize("act", MUTATIONS)
def test_a_scope_that_is_taken_away_is_noticed(templates: Templates, tmp_path: Path, act: str) -> None:
    title, sid, part = MUTATIONS[act]
    broken = {root: json.loads(json.dumps(templates[root])) for root in ROOTS}
    [root] = [root for root in ROOTS if title in broken[root]["Resources"]]
    found = broken[root]["Resources"][title]["Properties"]["PolicyDocument"]["Statement"]
    [index] = [number for number, statement in enumerate(found) if statement["Sid"] == sid]
    wider = {"Condition": None, "Resource": ["arn:aws:s3:::nothing"] if title == "GuardPolicy" else ["*"]}[part]
    edit = at_resource(root, title, f"Properties.PolicyDocument.Statement.{index}.{part}", wider)
    edit(broken)
    action, resource, context = REFUSED[act]
    assert allowed(documents_of(tmp_path / "v9.9.9", broken), action, resource, **context)
