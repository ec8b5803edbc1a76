"""KMS keys: one for data, one for logs, one for backups, one for notifications.

Owns the keys and their policies. They need nothing, so they come first, and every other stack can encrypt from its
first resource on. Never creates anything that uses a key.

Grants to AWS services are confined to this account; use by people and roles goes through IAM policies of the account,
and through the service that holds the data (`kms:ViaService`), never directly.
"""

from __future__ import annotations

from dataclasses import dataclass

from awacs.aws import Statement
from troposphere import GetAtt, Template
from troposphere.kms import Key

from generator.keys import (
    SERVICES_WITH_DATA,
    add_key,
    use_by_backups,
    use_by_cloudwatch_logs,
    use_by_publishers,
    use_through_services,
)
from generator.naming import PROJECT, in_environment
from generator.parameter_types import EnvironmentName, KeyArn, output, parameter

PUBLISHERS = ("cloudwatch", "budgets", "costalerts", "events")
"""Which services tell something through topics: alarms, budgets, cost anomalies, rules on events."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    data_key_arn: KeyArn = output("Key of the database, tables, files, buckets and secrets.")
    logs_key_arn: KeyArn = output("Key of the CloudWatch log groups.")
    backup_key_arn: KeyArn = output("Key of the backups in the vault.")
    notifications_key_arn: KeyArn = output("Key of the topics through which alarms and events are told.")


def build(template: Template, parameters: Parameters) -> Outputs:
    data_key = _key(template, parameters, "Data", use_through_services(SERVICES_WITH_DATA))
    logs_key = _key(template, parameters, "Logs", [use_by_cloudwatch_logs()])
    backup_key = _key(template, parameters, "Backup", use_by_backups())
    notifications_key = _key(template, parameters, "Notifications", use_by_publishers(*PUBLISHERS))
    return Outputs(
        data_key_arn=KeyArn(GetAtt(data_key, "Arn")),
        logs_key_arn=KeyArn(GetAtt(logs_key, "Arn")),
        backup_key_arn=KeyArn(GetAtt(backup_key, "Arn")),
        notifications_key_arn=KeyArn(GetAtt(notifications_key, "Arn")),
    )


def _key(template: Template, parameters: Parameters, purpose: str, statements: list[Statement]) -> Key:
    return add_key(
        template,
        f"{purpose}Key",
        description=in_environment(f"{purpose} of {PROJECT} ${{EnvironmentName}}."),
        alias=in_environment(f"alias/{PROJECT}-${{EnvironmentName}}-{purpose.lower()}"),
        tag=f"{purpose.lower()}-key",
        statements=statements,
    )
