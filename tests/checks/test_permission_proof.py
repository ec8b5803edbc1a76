"""The permission proof bites: each claim fails once a template is broken. That all hold, `generator check` proves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.checks.permissions import acts, proof, second_opinion
from generator.checks.permissions.iam_simulate import Simulator
from generator.errors import UserError
from tests.permissions import (
    RELEASE,
    Mutation,
    Templates,
    add,
    assert_noticed,
    broken,
    named,
    no_property,
    no_statement,
    places,
    properties,
    put,
    simulator,
    statements,
    without,
)


def everything_for_cloudformation(templates: Templates) -> None:
    everything = {"Sid": "Everything", "Effect": "Allow", "Action": ["*"], "Resource": ["*"]}
    document = {"Version": "2012-10-17", "Statement": [everything]}
    properties(templates, "target_account/CloudFormationRole")["Policies"] = [
        {"PolicyName": "Everything", "PolicyDocument": document}
    ]


def pass_roles(templates: Templates, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the statement by which CloudFormation hands roles to EC2."""
    for policy in templates["deployment_policies"]["Resources"].values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Sid"] == "PassRolesToEc2":
                change(statement)


def pass_any_role(templates: Templates) -> None:
    pass_roles(templates, lambda statement: statement.update(Resource=["*"]))


def pass_to_any_service(templates: Templates) -> None:
    pass_roles(templates, lambda statement: statement.pop("Condition"))


def no_role_within_the_boundary(templates: Templates) -> None:
    for policy in templates["deployment_policies"]["Resources"].values():
        document = policy["Properties"]["PolicyDocument"]
        document["Statement"] = [each for each in document["Statement"] if each["Sid"] != "RolesWithinTheBoundary"]


def build_becomes_deployment(templates: Templates) -> None:
    role = {"Fn::Sub": "arn:${AWS::Partition}:iam::${DevAccountId}:role/web-platform-deployment"}
    statements(templates, "pipeline/BuildRole/Policies/0/PolicyDocument").append(
        {"Sid": "TooMuch", "Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": [role]}
    )
    all_of_the_tools_account_deploy(templates)


def all_of_the_tools_account_deploy(templates: Templates) -> None:
    trust = "target_account/DeploymentRole/AssumeRolePolicyDocument"
    roles = {"Fn::Sub": "arn:${AWS::Partition}:iam::${ToolsAccountId}:role/web-platform-*"}
    named(templates, trust, "RolesOfTheToolsAccount")["Condition"] = {"ArnLike": {"aws:PrincipalArn": [roles]}}


def approvers_deploy(templates: Templates) -> None:
    role = {"Fn::Sub": "arn:${AWS::Partition}:iam::${DevAccountId}:role/web-platform-deployment"}
    add(APPROVER, Action=["sts:AssumeRole"], Resource=[role])(templates)
    all_of_the_tools_account_deploy(templates)


def build_approves(templates: Templates) -> None:
    role = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/web-platform-pipeline-approver"}
    add("pipeline/BuildRole/Policies/0/PolicyDocument", Action=["sts:AssumeRole"], Resource=[role])(templates)


def operators_approve(templates: Templates) -> None:
    """An environment's account is named in the role's trust, and its operators' role and boundary let them take it."""
    account = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${DevAccountId}:root"}}
    put("pipeline/ApproverRole/AssumeRolePolicyDocument", "PeopleWithMfa", "Principal", account)(templates)
    role = "arn:aws:iam::*:role/web-platform-pipeline-approver"
    add("access/OperatorRole/Policies/0/PolicyDocument", Action=["sts:AssumeRole"], Resource=[role])(templates)
    boundary = "boundaries/WorkloadBoundary/PolicyDocument"
    add(boundary, Action=["sts:AssumeRole"], Resource=[role])(templates)
    named(templates, boundary, "NothingThatWidensRights")["Action"].remove("sts:AssumeRole*")


BOUNDARY = "Every role and user has the boundary of its kind"
TRUST = "Every trust policy names whom it lets in: a service for this account, one role, people with MFA, one workflow"
OPEN = "No key, bucket, topic or repository lets everybody in, or allows actions by a wildcard"
ALL = "No role but that for emergencies has all actions of a service"
PASS = "Nobody but CloudFormation hands a role to a service, and CloudFormation none that is not the platform's"
KEYS = "Keys serve their own account and the named services, and who administers one cannot decrypt with it"
BUCKETS = "Buckets are private, and nobody uses them without TLS"
SERVERS = "Web servers and other machines reach what the platform gives them, and nothing else"
OTHERS = "Nobody reads the secrets, parameters or data of another environment"
BUILDS = "Builds, pipeline and review change no environment by themselves"
APPROVAL = "Production is approved in the approvers' role alone, which people take who have just shown an MFA device"
APPROVERS = "Approvers can take their role, see what is under review, and say yes or no"
USER = "The operators' user can only care for itself, and become operator with MFA"
OPERATORS = "Operators enter the bastion alone, in recorded sessions, and change nothing that a stack owns"
WORKFLOWS = "Only the named workflow publishes, and only archives and the website"
FOR_US = "Services use a role or a topic for this account alone"
WEBSITE = "The website is read through its own distribution alone, and written by the workflow alone"
FIREWALL = "Only a deployment changes what filters, forwards and logs requests, and none what stands before CloudFront"
SECRET = "Nobody but CloudFormation takes the origin's secret out of Secrets Manager, or changes it there"
BOUNDARIES = "The boundaries hold, whatever rights somebody is given"
LOGS = "Only an administrator turns off what is recorded"
NEEDS = "Web servers can do what their script and the application do"
BACKUPS = "Nobody ends a backup before its time, in either region, or takes away what keeps it"
READERS = "Nobody but AWS Backup's roles reads, restores or copies a backup"
PAGES = "Nobody but AWS's own services sends a page, and nobody but a deployment says who gets it"
SILENCE = "Nobody silences an alarm, and nobody but operators says that a page was seen"
CANARY = "The canary sees what visitors see, writes that down, and reaches nothing else"
HOURS = "Office hours stop and start the environment's database, and nothing else"
SERVICES = "AWS's services can tell people, visit as the canary, back up, restore, replicate and keep office hours"

READ = "security/ReadEnvironmentParameters/PolicyDocument"
APPROVER = "pipeline/ApproverRole/Policies/0/PolicyDocument"
REVIEW = "target_account/ReviewRole/Policies/0/PolicyDocument"
GUARD = "deployment_policies/GuardPolicy/PolicyDocument"
BACKUP_ROLE = "target_account/BackupRole/Policies/0/PolicyDocument"
RESTORE_ROLE = "target_account/RestoreRole/Policies/0/PolicyDocument"
SESSIONS = "access/OperatorRole/Policies/2/Fn::If/1/PolicyDocument"

MUTATIONS = (
    Mutation(
        "CloudFormation may do everything",
        everything_for_cloudformation,
        PASS,
        ["target_account/CloudFormationRole: iam:PassRole on", "role/administrator", "statement Everything"],
    ),
    Mutation("CloudFormation has all actions", everything_for_cloudformation, ALL, ["CloudFormationRole"]),
    Mutation("any role is handed over", pass_any_role, PASS, ["role/administrator", "statement PassRolesToEc2"]),
    Mutation("a role for any service", pass_to_any_service, PASS, ["WebServerRole", "lambda.amazonaws.com"]),
    Mutation(
        "the data key for everybody of the account",
        without("encryption/DataKey/KeyPolicy", "UseThroughServicesByIamPolicies", "Condition"),
        KEYS,
        ["administrator: kms:Decrypt", "statement UseThroughServicesByIamPolicies"],
    ),
    Mutation(
        "the data key for everybody",
        put("encryption/DataKey/KeyPolicy", "UseThroughServicesByIamPolicies", "Principal", "*"),
        KEYS,
        ["anybody: kms:Decrypt", "statement UseThroughServicesByIamPolicies"],
    ),
    Mutation(
        "a key open by principal",
        put("encryption/DataKey/KeyPolicy", "UseThroughServicesByIamPolicies", "Principal", {"AWS": "*"}),
        OPEN,
        ["Encryption/DataKey", "lets everybody in"],
    ),
    Mutation("a role without boundary", no_property("security/WebServerRole/PermissionsBoundary"), BOUNDARY, ["none"]),
    Mutation(
        "a user with the boundary of machines",
        lambda t: properties(t, "access/OperatorUser").update(
            PermissionsBoundary=properties(t, "access/OperatorRole")["PermissionsBoundary"]
        ),
        BOUNDARY,
        ["Access/OperatorUser", "boundaries/WorkloadBoundary in the place of boundaries/OperatorBoundary"],
    ),
    Mutation(
        "operators without MFA",
        without("access/OperatorRole/AssumeRolePolicyDocument", "PeopleWithMfa", "Condition"),
        USER,
        ["administrator: sts:AssumeRole", "OperatorRole", "statement PeopleWithMfa"],
    ),
    Mutation(
        "emergencies without MFA",
        without("target_account/BreakGlassRole/AssumeRolePolicyDocument", "PeopleWithMfa", "Condition"),
        TRUST,
        ["target_account/BreakGlassRole", "without MFA"],
    ),
    Mutation(
        "deployment for the whole tools account",
        without("target_account/DeploymentRole/AssumeRolePolicyDocument", "RolesOfTheToolsAccount", "Condition"),
        "No role of the platform or of the pipeline assumes one that it is not meant to assume",
        ["administrator of tools: sts:AssumeRole", "role/web-platform-deployment"],
    ),
    Mutation("the build becomes the deployment", build_becomes_deployment, proof.WAYS, ["BuildRole: sts:AssumeRole"]),
    Mutation(
        "web servers read every secret",
        put("database/UseDatabase/PolicyDocument", "ReadSecret", "Resource", ["*"]),
        OTHERS,
        ["Security/WebServerRole: secretsmanager:GetSecretValue", "another-secret", "statement ReadSecret"],
    ),
    Mutation(
        "the release bucket is public",
        add(
            "storage/ReleaseBucketPolicy/PolicyDocument",
            Principal="*",
            Action=["s3:GetObject"],
            Resource=[{"Fn::Sub": "${ReleaseBucket.Arn}/*"}],
        ),
        BUCKETS,
        ["anybody: s3:GetObject", "statement TooMuch"],
    ),
    Mutation(
        "the log bucket without TLS",
        no_statement("storage/LogBucketPolicy/PolicyDocument", "DenyInsecureTransport"),
        BUCKETS,
        ["administrator: s3:GetObject", "logbucket", "aws:SecureTransport=false"],
    ),
    Mutation(
        "the artifacts' key for everybody of the tools account",
        without("tools_account/ArtifactKey/KeyPolicy", "UseByRolesOfThePipeline", "Condition"),
        KEYS,
        ["administrator of tools: kms:Decrypt", "statement UseByRolesOfThePipeline"],
    ),
    Mutation(
        "access logs from any account",
        put("tools_account/AccessLogBucketPolicy/PolicyDocument", "AccessLogs", "Condition", {}),
        BUCKETS,
        ["logging.s3.amazonaws.com: s3:PutObject", "accesslogbucket", "aws:SourceAccount=777788889999"],
    ),
    Mutation(
        "the website for any distribution",
        put("edge/WebsiteBucketPolicy/PolicyDocument", "ReadingByCloudFront", "Condition", {}),
        WEBSITE,
        ["cloudfront.amazonaws.com: s3:GetObject", "EANOTHERONE", "statement ReadingByCloudFront"],
    ),
    Mutation(
        "the workflow writes everywhere",
        add("access/PublisherRole/Policies/0/PolicyDocument", Action=["s3:PutObject"], Resource=["*"]),
        WORKFLOWS,
        ["Access/PublisherRole: s3:PutObject", "statement TooMuch"],
    ),
    Mutation(
        "the review takes the firewall off",
        add(REVIEW, Action=["wafv2:UpdateWebACL"], Resource=["*"]),
        FIREWALL,
        ["target_account/ReviewRole: wafv2:UpdateWebACL", "statement TooMuch"],
    ),
    Mutation(
        "web servers read the origin's secret",
        add(READ, Action=["secretsmanager:GetSecretValue"], Resource=["*"]),
        SECRET,
        ["Security/WebServerRole: secretsmanager:GetSecretValue", "OriginSecret", "statement TooMuch"],
    ),
    Mutation(
        "web servers use all of a service",
        add(READ, Action=["ssm:*"], Resource=["*"]),
        ALL,
        ["Security/WebServerRole", "all actions of a service"],
    ),
    Mutation(
        "the build approves production",
        add(
            "pipeline/BuildRole/Policies/0/PolicyDocument",
            Action=["codepipeline:PutApprovalResult"],
            Resource=[
                {"Fn::Sub": "arn:${AWS::Partition}:codepipeline:${AWS::Region}:*:web-platform-pipeline/Review/Approval"}
            ],
        ),
        APPROVAL,
        ["pipeline/BuildRole: codepipeline:PutApprovalResult", "statement TooMuch"],
    ),
    Mutation(
        "production is approved without MFA",
        without("pipeline/ApproverRole/AssumeRolePolicyDocument", "PeopleWithMfa", "Condition"),
        APPROVAL,
        ["administrator of tools: sts:AssumeRole", "role/web-platform-pipeline-approver", "statement PeopleWithMfa"],
    ),
    Mutation(
        "production is approved with MFA of this morning",
        put(
            "pipeline/ApproverRole/AssumeRolePolicyDocument",
            "PeopleWithMfa",
            "Condition",
            {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        ),
        APPROVAL,
        ["administrator of tools: sts:AssumeRole", "aws:MultiFactorAuthAge=7200"],
    ),
    Mutation(
        "approvers answer for every action",
        put(
            APPROVER,
            "Answer",
            "Resource",
            [{"Fn::Sub": "arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:${Pipeline}*"}],
        ),
        APPROVAL,
        ["pipeline/ApproverRole: codepipeline:PutApprovalResult", "Prod/Approval", "statement Answer"],
    ),
    Mutation(
        "approvers start the pipeline too",
        add(
            APPROVER,
            Action=["codepipeline:StartPipelineExecution"],
            Resource=[
                {"Fn::Sub": "arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:web-platform-pipeline"}
            ],
        ),
        APPROVAL,
        ["pipeline/ApproverRole: codepipeline:StartPipelineExecution", "statement TooMuch"],
    ),
    Mutation(
        "approvers read releases",
        put(APPROVER, "ReadReports", "Resource", [{"Fn::Sub": "arn:${AWS::Partition}:s3:::${TemplateBucketName}/*"}]),
        APPROVAL,
        ["pipeline/ApproverRole: s3:GetObject", "v1.0.0/platform.yaml", "statement ReadReports"],
    ),
    Mutation(
        "everybody in an environment approves",
        put(
            "pipeline/ApproverRole/AssumeRolePolicyDocument",
            "PeopleWithMfa",
            "Principal",
            {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${DevAccountId}:root"}},
        ),
        APPROVAL,
        ["administrator: sts:AssumeRole", "role/web-platform-pipeline-approver", "statement PeopleWithMfa"],
    ),
    Mutation(
        "the operators' role becomes the approver's",
        operators_approve,
        proof.STEPS,
        ["Access/OperatorRole: sts:AssumeRole", "role/web-platform-pipeline-approver"],
    ),
    Mutation(
        "the build becomes the approver",
        build_approves,
        proof.WAYS,
        ["pipeline/BuildRole: sts:AssumeRole", "role/web-platform-pipeline-approver"],
    ),
    Mutation(
        "approvers deploy",
        approvers_deploy,
        proof.WAYS,
        ["pipeline/ApproverRole: sts:AssumeRole", "role/web-platform-deployment"],
    ),
    Mutation(
        "approvers cannot read what the review found",
        no_statement(APPROVER, "DecryptReports"),
        APPROVERS,
        ["pipeline/ApproverRole: kms:Decrypt", "refused"],
    ),
    Mutation(
        "the review executes",
        add(REVIEW, Action=["cloudformation:ExecuteChangeSet"], Resource=["*"]),
        BUILDS,
        ["target_account/ReviewRole: cloudformation:ExecuteChangeSet", "statement TooMuch"],
    ),
    Mutation(
        "web servers read flow logs",
        add(READ, Action=["logs:FilterLogEvents"], Resource=["*"]),
        SERVERS,
        ["Security/WebServerRole: logs:FilterLogEvents", "FlowLogGroup", "statement TooMuch"],
    ),
    Mutation(
        "the file system without access point",
        put("storage/FileSystem/FileSystemPolicy", "Application", "Condition", {}),
        SERVERS,
        ["Security/WebServerRole: elasticfilesystem:ClientMount", "resource policy, statement Application"],
    ),
    Mutation(
        "sessions with any document",
        put(SESSIONS, "RecordedSessionsOnly", "Resource", ["*"]),
        OPERATORS,
        ["Access/OperatorRole: ssm:StartSession", "AWS-StartSSHSession", "statement RecordedSessionsOnly"],
    ),
    Mutation(
        "any workflow of any repository",
        put(
            "access/PublisherRole/AssumeRolePolicyDocument",
            "Workflow",
            "Condition",
            {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:*"}},
        ),
        WORKFLOWS,
        ["sts:AssumeRoleWithWebIdentity", "repo:somebody/else"],
    ),
    Mutation(
        "flow logs of any account",
        without("network/FlowLogRole/AssumeRolePolicyDocument", "FlowLogs", "Condition"),
        FOR_US,
        ["vpc-flow-logs.amazonaws.com: sts:AssumeRole", "777788889999"],
    ),
    Mutation(
        "the boundary of machines allows functions",
        add("boundaries/WorkloadBoundary/PolicyDocument", Action=["lambda:*"], Resource=["*"]),
        BOUNDARIES,
        ["a workload with every right: lambda:CreateFunction", "boundary boundaries/WorkloadBoundary"],
    ),
    Mutation(
        "deployments change what watches them",
        no_statement("boundaries/DeliveryBoundary/PolicyDocument", "NothingThatOutlivesOrWatchesDelivery"),
        BOUNDARIES,
        ["a deployment with every right: iam:CreateAccessKey"],
    ),
    Mutation(
        "web servers read every bucket",
        add("web_tier/WriteLogsAndMetrics/PolicyDocument", Action=["s3:GetObject"], Resource=["arn:aws:s3:::*"]),
        SERVERS,
        ["Security/WebServerRole: s3:GetObject", "logbucket"],
    ),
    Mutation(
        "web servers cannot fetch releases",
        no_statement("storage/UseStorage/PolicyDocument", "FetchReleases"),
        NEEDS,
        ["Security/WebServerRole: s3:GetObject", "refused: no policy allows it"],
    ),
    Mutation(
        "deployments change the audit trail's alarms",
        no_statement(GUARD, "WhatWatchesDelivery"),
        LOGS,
        ["target_account/CloudFormationRole: cloudwatch:DeleteAlarms", "web-platform-audit-trail-RootUserUsed"],
    ),
    Mutation(
        "deployments open the audit trail's key",
        no_statement(GUARD, "KeysOfWhatWatches"),
        LOGS,
        ["target_account/CloudFormationRole: kms:PutKeyPolicy", "web-platform-dev-audit-trail"],
    ),
    Mutation(
        "deployments stop the trail",
        no_statement("boundaries/DeliveryBoundary/PolicyDocument", "NothingThatOutlivesOrWatchesDelivery"),
        LOGS,
        ["target_account/BreakGlassRole: cloudtrail:StopLogging", "trail/web-platform-audit-trail-Trail"],
    ),
    Mutation(
        "the vault without a policy of its own",
        no_property("recovery/BackupVault/AccessPolicy"),
        BACKUPS,
        ["administrator: backup:DeleteRecoveryPoint on", "snapshot:awsbackup:"],
    ),
    Mutation(
        "the vault in the second region without a policy of its own",
        lambda templates: (
            add(BACKUP_ROLE, Action=["backup:PutBackupVaultAccessPolicy"], Resource=["*"])(templates),
            no_property("recovery_region/RecoveryVault/AccessPolicy")(templates),
        )[-1],
        BACKUPS,
        ["target_account/BackupRole: backup:PutBackupVaultAccessPolicy", "web-platform-dev-recovery"],
    ),
    Mutation(
        "AWS Backup gives snapshots away",
        add(BACKUP_ROLE, Action=["rds:ModifyDBSnapshotAttribute"], Resource=["*"]),
        BACKUPS,
        ["target_account/BackupRole: rds:ModifyDBSnapshotAttribute", "statement TooMuch"],
    ),
    Mutation(
        "the pipeline's role restores backups",
        add("target_account/DeploymentRole/Policies/0/PolicyDocument", Action=["backup:StartRestoreJob"], Resource="*"),
        READERS,
        ["target_account/DeploymentRole: backup:StartRestoreJob", "statement TooMuch"],
    ),
    Mutation(
        "backups are copied to any vault",
        without(BACKUP_ROLE, "CopiesIntoOurVaults", "Condition"),
        READERS,
        ["target_account/BackupRole: backup:CopyFromBackupVault", "777788889999:backup-vault:web-platform-theirs"],
    ),
    Mutation(
        "restoring writes into the table that is in use",
        put(RESTORE_ROLE, "Table", "Resource", ["*"]),
        READERS,
        ["target_account/RestoreRole: dynamodb:PutItem", "SessionTable"],
    ),
    Mutation(
        "the roles of backups for any service",
        without("deployment_policies/IdentityPolicy/PolicyDocument", "PassRestoreRole", "Condition"),
        PASS,
        ["target_account/CloudFormationRole: iam:PassRole", "role/web-platform-restore", "lambda.amazonaws.com"],
    ),
    Mutation(
        "backups do not reach the second region",
        no_statement("boundaries/DeliveryBoundary/PolicyDocument", "WhereCopiesAre"),
        SERVICES,
        ["target_account/BackupRole: backup:CopyIntoBackupVault", "eu-central-1", "the boundary does not allow it"],
    ),
    Mutation(
        "pages from alarms of any account",
        without("observability/PageTopicPolicy/PolicyDocument", "PublishingByCloudwatch", "Condition"),
        PAGES,
        ["cloudwatch.amazonaws.com: sns:Publish", "PageTopic", "aws:SourceAccount=777788889999"],
    ),
    Mutation(
        "web servers send pages",
        lambda templates: (
            add(READ, Action=["sns:Publish"], Resource=["*"])(templates),
            add("boundaries/WorkloadBoundary/PolicyDocument", Action=["sns:Publish"], Resource=["*"])(templates),
        )[-1],
        PAGES,
        ["Security/WebServerRole: sns:Publish", "PageTopic", "statement TooMuch"],
    ),
    Mutation(
        "the review decides who gets pages",
        add(REVIEW, Action=["sns:Subscribe"], Resource=["*"]),
        PAGES,
        ["target_account/ReviewRole: sns:Subscribe", "PageTopic", "statement TooMuch"],
    ),
    Mutation(
        "web servers acknowledge pages",
        without("web_tier/WriteLogsAndMetrics/PolicyDocument", "WriteMetrics", "Condition"),
        SILENCE,
        ["Security/WebServerRole: cloudwatch:PutMetricData", "web-platform-operators", "statement WriteMetrics"],
    ),
    Mutation(
        "deployments silence alarms",
        add("deployment_policies/ComputePolicy/PolicyDocument", Action=["cloudwatch:SetAlarmState"], Resource=["*"]),
        SILENCE,
        ["target_account/CloudFormationRole: cloudwatch:SetAlarmState", "Outage"],
    ),
    Mutation(
        "the canary reads secrets",
        add(
            "observability/CanaryRole/Policies/0/PolicyDocument",
            Action=["secretsmanager:GetSecretValue"],
            Resource=["*"],
        ),
        CANARY,
        ["Observability/CanaryRole: secretsmanager:GetSecretValue", "statement TooMuch"],
    ),
    Mutation(
        "the canary counts whatever it likes",
        without("observability/CanaryRole/Policies/0/PolicyDocument", "CountVisits", "Condition"),
        CANARY,
        ["Observability/CanaryRole: cloudwatch:PutMetricData", "AWS/EC2", "statement CountVisits"],
    ),
    Mutation(
        "office hours for every database",
        put("cost/OfficeHoursRole/Policies/0/PolicyDocument", "StartAndStop", "Resource", ["*"]),
        HOURS,
        ["Cost/OfficeHoursRole: rds:StopDBInstance", "db:billing", "statement StartAndStop"],
    ),
    Mutation(
        "schedules of any account keep the office hours",
        without("cost/OfficeHoursRole/AssumeRolePolicyDocument", "Schedules", "Condition"),
        HOURS,
        ["scheduler.amazonaws.com: sts:AssumeRole", "aws:SourceAccount=777788889999"],
    ),
    Mutation(
        "deployments cannot make roles",
        no_role_within_the_boundary,
        proof.DEPLOYS,
        ["target_account/CloudFormationRole: iam:CreateRole", "refused"],
    ),
)


@pytest.mark.parametrize("mutation", [pytest.param(each, id=each.name) for each in MUTATIONS])
def test_each_broken_template_is_noticed_by_the_right_claim(mutation: Mutation, tmp_path: Path) -> None:
    assert_noticed(mutation, tmp_path)


def test_evaluators_that_disagree_are_a_counterexample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_opinion, "allows", lambda request, ignored: True)
    questions = proof.of_tables(places(RELEASE), [FOR_US])
    found = proof.answers(questions, [], simulator())
    assert found[0].holds
    assert next(each for each in found if each.claim == proof.AGREEMENT).counterexamples


def test_the_tables_say_enough() -> None:
    forbidden, needed = acts.load(acts.FORBIDDEN), acts.load(acts.NEEDED)
    assert sum(len(act.does) for claim in forbidden for act in claim.acts) > 300
    assert sum(len(act.does) for claim in needed for act in claim.acts) > 80
    assert all(claim.requirements for claim in (*forbidden, *needed))


def test_an_act_by_nobody_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "acts.yaml"
    table.write_text("- {claim: c, requirements: [D9], acts: [{who: Nobody, does: 's3:GetObject', to: '*'}]}")
    with pytest.raises(UserError, match="no setting has such a role"):
        acts.requests(acts.load(table)[0], places(RELEASE))


@pytest.mark.parametrize(
    "place", ["Storage/LogBucketPolicy", "beside:Storage/LogBucketPolicy", "each:AWS::S3::BucketPolicy"]
)
def test_an_act_on_what_has_no_known_arn_is_refused(tmp_path: Path, place: str) -> None:
    table = tmp_path / "acts.yaml"
    act = f"{{who: Security/WebServerRole, does: 's3:GetObject', to: '{{{place}}}'}}"
    table.write_text(f"- {{claim: c, requirements: [D9], acts: [{act}]}}")
    with pytest.raises(UserError, match=r"BucketPolicy: .* no ARN of AWS::S3::BucketPolicy; add .* identifiers\.yaml"):
        acts.requests(acts.load(table)[0], places(RELEASE))


def test_an_act_that_is_misspelled_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "acts.yaml"
    table.write_text("- {claim: c, requirements: [D9], acts: [{who: everybody, does: 's3:GetObject', too: '*'}]}")
    with pytest.raises(UserError, match="is no act"):
        acts.load(table)


@pytest.mark.parametrize("action", ["s3:GetObjects", "s4:GetObject", "s3:CreateBucket"])
def test_an_act_that_aws_does_not_have_is_refused(action: str) -> None:
    world = places(RELEASE)[0]
    request = world.request(world.extras["stranger"], action, "arn:aws:s3:::a-bucket/an-object", {})
    with pytest.raises(UserError, match="not a request that AWS has"):
        simulator().answers([request])


def test_a_policy_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*"}]}

    def queue(templates: Templates) -> None:
        templates["storage"]["Resources"]["Open"] = {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": ["https://sqs"], "PolicyDocument": document},
        }

    with pytest.raises(UserError, match=r"Storage/Open: AWS::SQS::QueuePolicy has a policy"):
        places(broken(tmp_path, queue))


def test_an_unknown_policy_of_aws_is_refused(tmp_path: Path) -> None:
    def damage(templates: Templates) -> None:
        arn = "arn:aws:iam::aws:policy/PowerUserAccess"
        properties(templates, "security/WebServerRole")["ManagedPolicyArns"] = [arn]

    with pytest.raises(UserError, match=r"Security/WebServerRole: policy .*PowerUserAccess is neither"):
        places(broken(tmp_path, damage))


def test_without_its_tools_the_proof_fails(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="iam-simulate is missing; run make check"):
        Simulator(tmp_path)
