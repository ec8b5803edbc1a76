"""What is backed up, when and for how long: the daily plan, and the one for long. Part of the stack `recovery`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from troposphere import AWSHelperFn, If, Ref, Sub, Template
from troposphere.backup import (
    BackupPlan,
    BackupPlanResourceType,
    BackupRuleResourceType,
    BackupSelection,
    BackupSelectionResourceType,
    BackupVault,
    ConditionParameter,
    Conditions,
    CopyActionResourceType,
    LifecycleResourceType,
)

from generator import office_hours
from generator.backup_vault import DAYS_OF_DAILY, DAYS_OF_MONTHLY, DAYS_OF_WEEKLY
from generator.iam import arn
from generator.naming import (
    BACKED_UP_DAILY,
    BACKUP_ROLE,
    BACKUP_TAG,
    KEPT_FOR_LONG,
    LONG_TERM_TAG,
    PROJECT,
    in_environment,
)
from generator.nesting import conditional, only_if
from generator.office_hours import OFFICE_HOURS
from generator.parameter_types import TimeZone
from generator.regions import HAS_RECOVERY_REGION

LONG_TERM = "KeepsLongTermBackups"

# In UTC, after the database's own backup (02:00) and its maintenance (Sundays 03:30 to 04:30). An hour apart: of
# backups of one resource that start together, only the one that is kept longest is taken.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/plan-options-and-configuration.html
DAILY = "cron(0 5 ? * * *)"
WEEKLY = "cron(0 6 ? * SUN *)"
MONTHLY = "cron(0 7 1 * ? *)"
START_WITHIN_MINUTES, COMPLETE_WITHIN_MINUTES = 60, 480

STORES = (
    "dynamodb:${AWS::Region}:${AWS::AccountId}:table/*",
    "elasticfilesystem:${AWS::Region}:${AWS::AccountId}:file-system/*",
    "rds:${AWS::Region}:${AWS::AccountId}:db:*",
    "s3:::*",
)
"""The kinds of stores: what has our tags among them is taken. By tags alone, a kind that the account has not opted in
to would be left out without a word.
https://docs.aws.amazon.com/aws-backup/latest/devguide/API_UpdateRegionSettings.html
"""

Tagged = Mapping[str, AWSHelperFn | str]


def backed_up() -> Tagged:
    """Return the tags of what is backed up in this environment; the account may hold a test's as well."""
    return {BACKUP_TAG: BACKED_UP_DAILY, "Environment": in_environment("${EnvironmentName}")}


def add_plans(template: Template, vault: BackupVault, copies: Sub, time_zone: TimeZone) -> None:
    """Add the plans into a vault, with copies to the one whose ARN is `copies`, where there is a second region."""

    def rule(name: str, schedule: str, in_office_hours: str, days: int) -> BackupRuleResourceType:
        lifecycle = LifecycleResourceType(DeleteAfterDays=days)
        copy = CopyActionResourceType(DestinationBackupVaultArn=copies, Lifecycle=lifecycle)
        return BackupRuleResourceType(
            RuleName=name,
            TargetBackupVault=Ref(vault),
            ScheduleExpression=If(OFFICE_HOURS, in_office_hours, schedule),
            ScheduleExpressionTimezone=If(OFFICE_HOURS, time_zone, "UTC"),
            StartWindowMinutes=START_WITHIN_MINUTES,
            CompletionWindowMinutes=COMPLETE_WITHIN_MINUTES,
            Lifecycle=lifecycle,
            CopyActions=only_if(HAS_RECOVERY_REGION, [copy]),
        )

    daily = rule("daily", DAILY, office_hours.DAILY_BACKUP, DAYS_OF_DAILY)
    weekly = rule("weekly", WEEKLY, office_hours.WEEKLY_BACKUP, DAYS_OF_WEEKLY)
    monthly = rule("monthly", MONTHLY, office_hours.MONTHLY_BACKUP, DAYS_OF_MONTHLY)
    _plan(template, "Backup", "daily", [daily], backed_up())
    for_long = {**backed_up(), LONG_TERM_TAG: KEPT_FOR_LONG}
    _plan(template, "LongTerm", "long-term", [weekly, monthly], for_long, condition=LONG_TERM)


def _plan(
    template: Template,
    title: str,
    name: str,
    rules: Sequence[BackupRuleResourceType],
    tagged: Tagged,
    condition: str | None = None,
) -> None:
    """Add a plan and what it takes: whatever has all of some tags."""
    plan_name = in_environment(f"{PROJECT}-${{EnvironmentName}}-{name}")
    plan = template.add_resource(
        BackupPlan(
            f"{title}Plan",
            **conditional(condition),
            BackupPlan=BackupPlanResourceType(BackupPlanName=plan_name, BackupPlanRule=list(rules)),
            BackupPlanTags={"Name": in_environment(f"{PROJECT}-${{EnvironmentName}}-{name}-backups")},
        )
    )
    conditions = [
        ConditionParameter(ConditionKey=f"aws:ResourceTag/{key}", ConditionValue=value) for key, value in tagged.items()
    ]
    template.add_resource(
        BackupSelection(
            f"{title}Selection",
            **conditional(condition),
            BackupPlanId=Ref(plan),
            BackupSelection=BackupSelectionResourceType(
                SelectionName="tagged",
                IamRoleArn=arn(f"iam::${{AWS::AccountId}}:role/{BACKUP_ROLE}"),
                Resources=[arn(store) for store in STORES],
                Conditions=Conditions(StringEquals=conditions),
            ),
        )
    )
