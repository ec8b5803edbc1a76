"""Secrets of a stack, where ministack 1.5.33 differs from AWS: what Ref answers, and how a value is generated."""

from __future__ import annotations

import json
import uuid
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_api import call
from generator.rehearsal.emulator_guards import handler_of, replace_function
from generator.rehearsal.emulator_handlers import Created, Properties, picked

_PASSWORD = (
    "ExcludeCharacters",
    "ExcludeLowercase",
    "ExcludeNumbers",
    "ExcludePunctuation",
    "ExcludeUppercase",
    "IncludeSpace",
    "PasswordLength",
    "RequireEachIncludedType",
)

RANDOM_CHARACTERS = 12


def secret_references() -> None:
    """A secret is called after its logical id alone, and Ref is its ARN: policies name both.

    ministack puts the stack's name before it, and answers Ref with the name.
    https://github.com/aws/aws-cdk/issues/8984
    """
    handler = handler_of("AWS::SecretsManager::Secret")
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def creating(logical_id: str, props: Properties, stack_name: str) -> Created:
        named = {"Name": f"{logical_id}-{uuid.uuid4().hex[:RANDOM_CHARACTERS]}", **props}
        _, attributes = create(logical_id, named, stack_name)
        return attributes["Id"], attributes

    def updating(physical_id: str, old_props: Properties, new_props: Properties, *rest: Any) -> Created:
        _, attributes = update(_secret_name(physical_id), old_props, new_props, *rest)
        return attributes["Id"], attributes

    def deleting(physical_id: str, props: Properties) -> None:
        delete(_secret_name(physical_id), props)

    handler |= {"create": creating, "update": updating, "delete": deleting}


def _secret_name(arn: str) -> str:
    for name, secret in import_module("ministack.services.secretsmanager")._secrets.items():
        if secret["ARN"] == arn:
            return str(name)
    return arn


def generated_secrets() -> None:
    """A generated value is made of the characters that the template allows; ministack minds only some of its wishes.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
    """

    def generating(original: Any) -> Any:
        def secret_string(props: Properties) -> str:
            wanted = props.get("GenerateSecretString")
            if wanted is None or props.get("SecretString"):
                return str(original(props))
            password: str = call("secretsmanager", "GetRandomPassword", **picked(wanted, *_PASSWORD))["RandomPassword"]
            template = wanted.get("SecretStringTemplate")
            return json.dumps(json.loads(template) | {wanted["GenerateStringKey"]: password}) if template else password

        return secret_string

    replace_function("ministack.services.cloudformation.provisioners", "_sm_secret_string", ("props",), generating)


SECRETS = (secret_references, generated_secrets)
