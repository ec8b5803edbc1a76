"""KMS keys: one for data, one for logs.

Owns the keys and their policies. They need nothing, so they come first, and every other stack can encrypt from its
first resource on. Never creates anything that uses a key.

Grants to AWS services are confined to this account; use by people and roles goes through IAM policies of the account,
and through the service that holds the data (`kms:ViaService`), never directly.
"""

from __future__ import annotations

from dataclasses import dataclass

import awacs.kms
from awacs.aws import Bool, Condition, Principal, Statement, StringEquals
from troposphere import GetAtt, Ref, Sub, Template
from troposphere.kms import Alias, Key

from generator.iam import account_root, allow_principal, document
from generator.keys import (
    DELETION_WINDOW_DAYS,
    USE_OF_A_KEY,
    administration,
    grants_for_aws_alone,
    use_by_cloudwatch_logs,
)
from generator.naming import PROJECT, in_environment, name_tag
from generator.parameter_types import EnvironmentName, KeyArn, output, parameter
from generator.retention import retain

SERVICES_WITH_DATA = ("rds", "dynamodb", "elasticfilesystem", "s3", "secretsmanager", "ssm")


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    data_key_arn: KeyArn = output("Key of the database, tables, files, buckets and secrets.")
    logs_key_arn: KeyArn = output("Key of the CloudWatch log groups.")


def build(template: Template, parameters: Parameters) -> Outputs:
    data_key = _key(template, parameters, "Data", _data_key_statements())
    logs_key = _key(template, parameters, "Logs", [use_by_cloudwatch_logs()])
    return Outputs(data_key_arn=KeyArn(GetAtt(data_key, "Arn")), logs_key_arn=KeyArn(GetAtt(logs_key, "Arn")))


def _key(template: Template, parameters: Parameters, purpose: str, statements: list[Statement]) -> Key:
    key = template.add_resource(
        retain(
            Key(
                f"{purpose}Key",
                Description=in_environment(f"{purpose} of {PROJECT} ${{EnvironmentName}}."),
                EnableKeyRotation=True,
                PendingWindowInDays=DELETION_WINDOW_DAYS,
                KeyPolicy=document(administration(), grants_for_aws_alone(), *statements),
                Tags=name_tag(f"{purpose.lower()}-key"),
            )
        )
    )
    template.add_resource(
        Alias(
            f"{purpose}KeyAlias",
            AliasName=in_environment(f"alias/{PROJECT}-${{EnvironmentName}}-{purpose.lower()}"),
            TargetKeyId=Ref(key),
        )
    )
    return key


def _data_key_statements() -> list[Statement]:
    through_services = {
        "kms:ViaService": [Sub(f"{name}.${{AWS::Region}}.amazonaws.com") for name in SERVICES_WITH_DATA]
    }
    return [
        allow_principal(
            "UseThroughServicesByIamPolicies",
            Principal("AWS", account_root()),
            USE_OF_A_KEY,
            ["*"],
            Condition(StringEquals(through_services)),
        ),
        allow_principal(
            "GrantsForServicesByIamPolicies",
            Principal("AWS", account_root()),
            [awacs.kms.CreateGrant],
            ["*"],
            Condition([StringEquals(through_services), _for_aws_resource()]),
        ),
    ]


def _for_aws_resource() -> Bool:
    return Bool({"kms:GrantIsForAWSResource": "true"})
