"""What backups, their copies and the cost of it all promise, as functions over the rendered templates.

Like `tests.claims`: each `check_…` function holds one promise, and `test_mutations` sees each of them fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from generator.naming import BACKUP_ROLE, BREAK_GLASS_ROLE, REPLICATION_ROLE, RESTORE_ROLE
from generator.registry_schemas import schema
from tests.claims import identity_statements, only
from tests.intrinsics import Templates, of_type, resolved

EVERYTHING = {
    "EnvironmentName": "prod",
    "LongTermBackups": "true",
    "BackupVaultLock": "governance",
    "RecoveryRegion": "eu-central-1",
    "RestoreTesting": "true",
    "OfficeHoursOnly": "false",
    "TimeZone": "Europe/Amsterdam",
}
NOTHING = EVERYTHING | {"LongTermBackups": "false", "BackupVaultLock": "none", "RecoveryRegion": ""}
NOTHING |= {"RestoreTesting": "false"}
IN_OFFICE_HOURS = NOTHING | {"OfficeHoursOnly": "true"}

STORES = {
    "AWS::DynamoDB::Table": "dynamodb:${AWS::Region}:${AWS::AccountId}:table/*",
    "AWS::EFS::FileSystem": "elasticfilesystem:${AWS::Region}:${AWS::AccountId}:file-system/*",
    "AWS::RDS::DBInstance": "rds:${AWS::Region}:${AWS::AccountId}:db:*",
    "AWS::S3::Bucket": "s3:::*",
}
"""What AWS Backup can take, and how the plan's selection names the kind."""

LOGS = ("LogBucket", "EdgeLogBucket")
"""Buckets of access logs: they are written once, kept for a while, and copied nowhere."""

SCHEMA_REGION = "us-east-1"
TAGGABLE_WITHOUT_A_WORD = ("AWS::CodeBuild::Project",)
"""Types whose schema does not say that stack tags reach them.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codebuild-project.html
"""

FREE, PART = "costs nothing", "costs nothing beside what it belongs to"
UNTAGGABLE = {
    "AWS::ApplicationAutoScaling::ScalingPolicy": FREE,
    "AWS::AutoScaling::ScalingPolicy": FREE,
    "AWS::AutoScaling::ScheduledAction": FREE,
    "AWS::Backup::BackupSelection": PART,
    "AWS::Backup::RestoreTestingSelection": "what it restores is AWS Backup's, tagged as a restore test",
    "AWS::CloudFront::CachePolicy": FREE,
    "AWS::CloudFront::OriginAccessControl": FREE,
    "AWS::CloudFront::ResponseHeadersPolicy": FREE,
    "AWS::EC2::LaunchTemplate": "costs nothing; tags what it launches",
    "AWS::EC2::NetworkAclEntry": PART,
    "AWS::EC2::Route": PART,
    "AWS::EC2::SecurityGroupEgress": PART,
    "AWS::EC2::SecurityGroupIngress": PART,
    "AWS::EC2::SubnetNetworkAclAssociation": PART,
    "AWS::EC2::SubnetRouteTableAssociation": PART,
    "AWS::EC2::VPCGatewayAttachment": PART,
    "AWS::EC2::VPNConnectionRoute": PART,
    "AWS::ECS::ClusterCapacityProviderAssociations": PART,
    "AWS::EFS::MountTarget": PART,
    "AWS::IAM::Group": FREE,
    "AWS::IAM::InstanceProfile": FREE,
    "AWS::IAM::ManagedPolicy": FREE,
    "AWS::IAM::Policy": FREE,
    "AWS::KMS::Alias": PART,
    "AWS::Logs::MetricFilter": "its metric costs, and no metric takes tags",
    "AWS::Logs::QueryDefinition": "costs nothing; each run costs who runs it",
    "AWS::Route53::RecordSet": "the hosted zone is the user's own",
    "AWS::S3::BucketPolicy": PART,
    "AWS::SNS::Subscription": PART,
    "AWS::SNS::TopicPolicy": PART,
    "AWS::SSMContacts::ContactChannel": PART,
    "AWS::SSMContacts::Plan": PART,
    "AWS::Scheduler::Schedule": "costs less than a cent a year; its group is tagged",
    "AWS::SecretsManager::SecretTargetAttachment": PART,
    "AWS::WAFv2::LoggingConfiguration": PART,
    "AWS::WAFv2::WebACLAssociation": PART,
}
"""Types that take no tags, and why their cost is not missed."""

ENDING_BACKUPS = ("DeleteRecoveryPoint", "UpdateRecoveryPointLifecycle", "DeleteBackupVaultLockConfiguration")
IN_USE = ("web-platform-prod-database", "web-platform-prod-Storage-1A2B3C-SessionTable-4D5E6F")
IN_USE_BUCKET = "web-platform-prod-edge-1a2b3c-websitebucket-4d5e6f"


# What is backed up


def check_every_store_is_backed_up(templates: Templates) -> None:
    """D10: each database, table, file system and bucket has the tag that the plan selects by, or holds only logs."""
    found = set()
    for module in ("database", "storage", "edge"):
        for title, resource in templates[module]["Resources"].items():
            if resource["Type"] not in STORES or title in LOGS or title == "ReadReplica":
                continue
            properties = resource["Properties"]
            tags = properties.get("Tags") or properties.get("FileSystemTags") or []
            assert {"Key": "Backup", "Value": "daily"} in tags, title
            # Sessions expire: what was in the table a month ago is of no use to anybody.
            assert ({"Key": "LongTermBackups", "Value": "true"} in tags) == (title != "SessionTable"), title
            found.add(resource["Type"])
    assert found == STORES.keys()


def check_plans_take_what_is_tagged(templates: Templates) -> None:
    daily = {"aws:ResourceTag/Backup": "daily", "aws:ResourceTag/Environment": {"Fn::Sub": "${EnvironmentName}"}}
    wanted = {"BackupPlan": daily, "LongTermPlan": daily | {"aws:ResourceTag/LongTermBackups": "true"}}
    selections = of_type(templates["recovery"], "AWS::Backup::BackupSelection").values()
    assert len(selections) == len(wanted)
    for properties in (selection["Properties"] for selection in selections):
        taken = properties["BackupSelection"]
        kinds = {arn["Fn::Sub"].partition("arn:${AWS::Partition}:")[2] for arn in taken["Resources"]}
        assert kinds == set(STORES.values())
        given = {each["ConditionKey"]: each["ConditionValue"] for each in taken["Conditions"]["StringEquals"]}
        assert given == wanted[properties["BackupPlanId"]["Ref"]]
        assert taken["IamRoleArn"]["Fn::Sub"].endswith(f":role/{BACKUP_ROLE}")


def check_backups_are_kept_as_long_as_was_asked_for(templates: Templates) -> None:
    """E16: a week of daily backups everywhere; five weeks and twelve months besides where asked for."""
    assert kept(templates, NOTHING) == {"daily": 7}
    assert kept(templates, IN_OFFICE_HOURS) == {"daily": 7}
    assert kept(templates, EVERYTHING) == {"daily": 7, "weekly": 35, "monthly": 365}


def check_every_backup_is_copied_to_the_second_region(templates: Templates) -> None:
    for rule in rules(templates, EVERYTHING):
        copy = only(rule["CopyActions"])
        assert copy["DestinationBackupVaultArn"].startswith("arn:${AWS::Partition}:backup:eu-central-1:")
        vault = only(of_type(templates["recovery_region"], "AWS::Backup::BackupVault").values())
        name = vault["Properties"]["BackupVaultName"]["Fn::Sub"].replace("${EnvironmentName}", "prod")
        assert copy["DestinationBackupVaultArn"].endswith(f":backup-vault:{name}")
        assert copy["Lifecycle"] == rule["Lifecycle"]
    assert not [rule for rule in rules(templates, NOTHING) if "CopyActions" in rule]


# What keeps them


def check_backups_cannot_be_ended_before_their_time(templates: Templates) -> None:
    """Neither by deployments nor by administrators, but in an emergency; by AWS Backup itself when they are due."""
    for module in ("recovery", "recovery_region"):
        vault = only(of_type(templates[module], "AWS::Backup::BackupVault").values())
        statement = only(vault["Properties"]["AccessPolicy"]["Statement"])
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*"), module
        assert {f"backup:{name}" for name in ENDING_BACKUPS} <= set(statement["Action"]), module
        conditions = statement["Condition"]
        assert conditions.keys() == {"ArnNotLike", "BoolIfExists"}, module
        assert conditions["ArnNotLike"]["aws:PrincipalArn"]["Fn::Sub"].endswith(f":role/{BREAK_GLASS_ROLE}"), module
        assert conditions["BoolIfExists"] == {"aws:PrincipalIsAWSService": "false"}, module


def check_vaults_are_encrypted_with_a_key_of_their_own(templates: Templates) -> None:
    """Whoever may use the key of the data cannot thereby read what was saved from it, and the other way round."""
    nested = templates["platform"]["Resources"]["Recovery"]["Properties"]["Parameters"]
    assert nested["BackupKeyArn"] == {"Fn::GetAtt": ["Encryption", "Outputs.BackupKeyArn"]}
    assert templates["encryption"]["Outputs"]["BackupKeyArn"]["Value"] == {"Fn::GetAtt": ["BackupKey", "Arn"]}
    vault = templates["recovery"]["Resources"]["BackupVault"]["Properties"]
    assert vault["EncryptionKeyArn"] == {"Ref": "BackupKeyArn"}
    copies = templates["recovery_region"]["Resources"]["RecoveryVault"]["Properties"]
    assert copies["EncryptionKeyArn"] == {"Fn::GetAtt": ["RecoveryKey", "Arn"]}


def check_lock_lets_the_plan_work(templates: Templates) -> None:
    """A vault fails backups that it would have to give up too early, or to keep too long."""
    for module in ("recovery", "recovery_region"):
        for lock, for_ever in (("governance", False), ("compliance", True)):
            vault = only(_vaults(templates, module, BackupVaultLock=lock))
            found = vault["LockConfiguration"]
            assert ("ChangeableForDays" in found) == for_ever, (module, lock)
            assert found.get("ChangeableForDays", 3) >= 3, (module, lock)
            days = kept(templates, EVERYTHING).values()
            assert found["MinRetentionDays"] <= min(days), (module, lock)
            assert found["MaxRetentionDays"] >= max(days), (module, lock)
        assert "LockConfiguration" not in only(_vaults(templates, module, BackupVaultLock="none")), module


# That they restore


def check_a_backup_of_every_kind_of_store_is_restored(templates: Templates) -> None:
    """A backup that nobody has restored is a hope."""
    resources = resolved(templates["recovery"], **EVERYTHING)
    tests = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Backup::RestoreTestingSelection"]
    assert {test["ProtectedResourceType"] for test in tests} == {"DynamoDB", "EFS", "RDS", "S3"}
    for test in tests:
        assert test["ProtectedResourceConditions"]["StringEquals"] == [
            {"Key": "aws:ResourceTag/Backup", "Value": "daily"},
            {"Key": "aws:ResourceTag/Environment", "Value": "prod"},
        ]
        assert test["IamRoleArn"].endswith(f":role/{RESTORE_ROLE}")
    plan = resources["RestoreTestingPlan"]["Properties"]
    assert re.fullmatch(r"\w{1,50}", plan["RestoreTestingPlanName"]), "letters, digits and underscores only"
    assert plan["RecoveryPointSelection"]["IncludeVaults"] == [{"Fn::GetAtt": ["BackupVault", "BackupVaultArn"]}]
    assert not [r for r in resolved(templates["recovery"], **NOTHING).values() if "RestoreTesting" in r["Type"]]


def check_a_restored_database_is_as_private_as_the_one_in_use(templates: Templates) -> None:
    """Without subnets and group, RDS restores into the default VPC."""
    nested = templates["platform"]["Resources"]["Recovery"]["Properties"]["Parameters"]
    assert nested["IsolatedSubnetIds"] == {"Fn::GetAtt": ["Network", "Outputs.IsolatedSubnetIds"]}
    group = templates["recovery"]["Resources"]["RestoreTestSubnets"]["Properties"]
    assert group["SubnetIds"] == {"Ref": "IsolatedSubnetIds"}
    assert nested["DatabaseGroupId"] == {"Fn::GetAtt": ["Security", "Outputs.DatabaseGroupId"]}
    how = templates["recovery"]["Resources"]["RestoreTestOfDatabase"]["Properties"]["RestoreMetadataOverrides"]
    assert how == {
        "dbSubnetGroupName": {"Ref": "RestoreTestSubnets"},
        "vpcSecurityGroupIds": {"Fn::Sub": ['["${Group}"]', {"Group": {"Ref": "DatabaseGroupId"}}]},
    }


# Who does it


def check_restoring_touches_nothing_in_use(templates: Templates) -> None:
    for statement in _rights(templates, "RestoreRole"):
        for service, names in (("rds", IN_USE[:1]), ("dynamodb", IN_USE[1:])):
            changes = [a for a in statement["Action"] if a.startswith(f"{service}:") and not _reads(a)]
            for name in names if changes else ():
                assert not _covers(
                    statement, f"{service}:*:${{AWS::AccountId}}:{'db:' if service == 'rds' else 'table/'}{name}"
                )
        if any(action.startswith("s3:") for action in statement["Action"]):
            assert not _covers(statement, f"s3:::{IN_USE_BUCKET}"), statement["Sid"]
            assert not _covers(statement, f"s3:::{IN_USE_BUCKET}/index.html"), statement["Sid"]


def check_taking_backups_changes_no_store(templates: Templates) -> None:
    """Whoever reads everything deletes and overwrites nothing, but AWS Backup's own snapshots when they are due."""
    for statement in _rights(templates, "BackupRole"):
        for action in statement["Action"]:
            verb = action.partition(":")[2]
            if action == "rds:DeleteDBSnapshot":
                assert [arn["Fn::Sub"].rpartition("snapshot:")[2] for arn in statement["Resource"]] == ["awsbackup:*"]
            elif verb.startswith(("Delete", "Remove")):
                assert statement["Sid"] == "RulesOfAwsBackup", action
            assert not verb.startswith(("Modify", "PutItem", "PutObject", "Restore", "Update")), action


def check_roles_that_copy_are_for_this_accounts_aws_alone(templates: Templates) -> None:
    trusted = {
        "BackupRole": "backup.amazonaws.com",
        "RestoreRole": ["backup.amazonaws.com", "restore-testing.backup.amazonaws.com"],
        "ReplicationRole": "s3.amazonaws.com",
    }
    for title, service in trusted.items():
        role = templates["target_account"]["Resources"][title]["Properties"]
        statement = only(role["AssumeRolePolicyDocument"]["Statement"])
        assert statement["Principal"] == {"Service": service}, title
        if title != "ReplicationRole":
            assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}, title
        for right in _rights(templates, title):
            for action in right["Action"]:
                if action.startswith("kms:"):
                    own = {"StringEquals": {"aws:ResourceTag/Project": "web-platform"}}
                    assert own["StringEquals"].items() <= right["Condition"]["StringEquals"].items(), (title, action)
                if action.startswith("kms:") and action != "kms:DescribeKey":
                    assert "kms:ViaService" in right["Condition"]["StringLike"], (title, action)


# Replicas


def check_buckets_are_replicated_whole_and_encrypted(templates: Templates) -> None:
    """Where there is a second region: everything, delete markers too, under a key of ours where the source has one."""
    for module, title, replica in (
        ("storage", "ReleaseBucket", "ReleasesReplica"),
        ("edge", "WebsiteBucket", "WebsiteReplica"),
    ):
        settings = dict.fromkeys(templates[module]["Parameters"], "x") | EVERYTHING
        bucket = resolved(templates[module], **settings)[title]["Properties"]
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["ReplicationConfiguration"]["Role"].endswith(f":role/{REPLICATION_ROLE}")
        rule = only(bucket["ReplicationConfiguration"]["Rules"])
        assert (rule["Status"], rule["Filter"], rule["DeleteMarkerReplication"]) == (
            "Enabled",
            {"Prefix": ""},
            {"Status": "Enabled"},
        )
        copy = templates["recovery_region"]["Resources"][replica]["Properties"]
        name = copy["BucketName"]["Fn::Sub"].replace("${EnvironmentName}", "prod")
        assert rule["Destination"]["Bucket"] == f"arn:${{AWS::Partition}}:s3:::{name}"
        assert copy["VersioningConfiguration"] == {"Status": "Enabled"}
        assert copy["PublicAccessBlockConfiguration"] == bucket["PublicAccessBlockConfiguration"]
        with_key = "KMSMasterKeyID" in str(bucket["BucketEncryption"])
        assert ("SourceSelectionCriteria" in rule) == ("EncryptionConfiguration" in rule["Destination"]) == with_key
        assert ("KMSMasterKeyID" in str(copy["BucketEncryption"])) == with_key
        assert "ReplicationConfiguration" not in resolved(templates[module], **settings | NOTHING)[title]["Properties"]


# Cost


def check_every_resource_has_the_tags_that_its_cost_goes_by(templates: Templates) -> None:
    """D13: stack tags reach every type that takes tags; of the others somebody has thought what they cost."""
    found = set()
    for module, template in templates.items():
        for title, resource in template["Resources"].items():
            kind = resource["Type"]
            if kind in UNTAGGABLE:
                found.add(kind)
            assert (kind in UNTAGGABLE) != _takes_tags(kind), (module, title, kind)
    assert found == UNTAGGABLE.keys(), "what no template has needs no explanation"
    launching = (
        ("web_tier", "LaunchTemplate"),
        ("web_tier", "GreenLaunchTemplate"),
        ("access", "BastionLaunchTemplate"),
    )
    for module, title in launching:
        launched = templates[module]["Resources"][title]["Properties"]["LaunchTemplateData"]["TagSpecifications"]
        assert {each["ResourceType"] for each in launched} == {"instance", "volume"}
        for each in launched:
            assert {"Name", "Project", "Environment"} <= {tag["Key"] for tag in each["Tags"]}, title


def _takes_tags(resource_type: str) -> bool:
    tagging = schema(resource_type, SCHEMA_REGION).get("tagging", {})
    return bool(tagging.get("taggable")) or resource_type in TAGGABLE_WITHOUT_A_WORD


def check_budget_warns_before_it_is_spent(templates: Templates) -> None:
    """D13: at half, four fifths and all of it, of what is spent and of what will be."""
    budget = only(of_type(templates["cost"], "AWS::Budgets::Budget").values())["Properties"]
    assert budget["Budget"]["BudgetLimit"] == {"Amount": {"Ref": "MonthlyBudget"}, "Unit": "USD"}
    assert "CostFilters" not in budget["Budget"], "a budget by tags sees nothing until tags are activated"
    warnings = {
        (each["Notification"]["NotificationType"], each["Notification"]["Threshold"])
        for each in budget["NotificationsWithSubscribers"]
    }
    assert warnings == {(kind, percent) for kind in ("ACTUAL", "FORECASTED") for percent in (50, 80, 100)}
    for each in budget["NotificationsWithSubscribers"]:
        assert each["Notification"]["ThresholdType"] == "PERCENTAGE"
        assert each["Subscribers"] == [{"SubscriptionType": "SNS", "Address": {"Ref": "OperationsTopicArn"}}]


def check_office_hours_end_and_begin(templates: Templates) -> None:
    """D13: the database that is stopped in the evening is started in the morning, by rights to nothing else."""
    settings = IN_OFFICE_HOURS | {"DatabaseId": "the-database", "CostAnomalyMonitor": "none"}
    resources = resolved(templates["cost"], **settings)
    calls = {title: resources[title]["Properties"]["Target"] for title in ("StartDatabase", "StopDatabase")}
    assert [call["Arn"].rpartition(":")[2] for call in calls.values()] == ["startDBInstance", "stopDBInstance"]
    assert {call["Input"] for call in calls.values()} == {'{"DbInstanceIdentifier": "the-database"}'}
    for title, resource in resources.items():
        if resource["Type"] == "AWS::Scheduler::Schedule":
            assert resource["Properties"]["ScheduleExpressionTimezone"] == "Europe/Amsterdam", title
    right = only(s for name, s in identity_statements(templates["cost"]) if name == "OfficeHoursRole")
    assert right["Action"] == ["rds:StartDBInstance", "rds:StopDBInstance"]
    [database] = right["Resource"]
    assert database["Fn::Sub"].endswith(":db:${DatabaseId}")
    always = resolved(templates["cost"], **settings | {"OfficeHoursOnly": "false"})
    assert not {"StartDatabase", "StopDatabase", "OfficeHoursRole"} & always.keys()


def check_database_storage_grows_by_itself(templates: Templates) -> None:
    """D12: RDS refuses a limit that is less than 26 % above what is allocated."""
    largest = templates["database"]["Parameters"]["DatabaseStorage"]["MaxValue"]
    limit = templates["database"]["Resources"]["Database"]["Properties"]["MaxAllocatedStorage"]
    assert limit >= 1.26 * largest


def rules(templates: Templates, settings: dict[str, str]) -> list[dict[str, Any]]:
    """Return the rules of all backup plans in a setting."""
    resources = resolved(templates["recovery"], **settings).values()
    plans = [resource["Properties"] for resource in resources if resource["Type"] == "AWS::Backup::BackupPlan"]
    return [rule for plan in plans for rule in plan["BackupPlan"]["BackupPlanRule"]]


def kept(templates: Templates, settings: dict[str, str]) -> dict[str, int]:
    """Return for how many days backups are kept, by rule."""
    return {rule["RuleName"]: rule["Lifecycle"]["DeleteAfterDays"] for rule in rules(templates, settings)}


def _vaults(templates: Templates, module: str, **settings: str) -> Iterator[dict[str, Any]]:
    for resource in resolved(templates[module], **EVERYTHING | settings).values():
        if resource["Type"] == "AWS::Backup::BackupVault":
            yield resource["Properties"]


def _rights(templates: Templates, title: str) -> list[dict[str, Any]]:
    found = [statement for name, statement in identity_statements(templates["target_account"]) if name == title]
    assert found, title
    return found


def _reads(action: str) -> bool:
    return action.partition(":")[2].startswith(("BatchGet", "Describe", "Get", "List", "Query", "Scan"))


def _covers(statement: dict[str, Any], resource: str) -> bool:
    """Whether one of the statement's ARNs stands for a resource, given without `arn:<partition>:`."""
    patterns = [
        arn if isinstance(arn, str) else arn["Fn::Sub"].partition("arn:${AWS::Partition}:")[2]
        for arn in statement["Resource"]
    ]
    return any(fnmatchcase(resource.replace("*:", "x:"), pattern.replace("[", "[[]")) for pattern in patterns)
