"""Secrets that Secrets Manager makes up for a stack, and that mean nothing without it (D10)."""

from __future__ import annotations

from troposphere import AWSHelperFn
from troposphere.secretsmanager import GenerateSecretString, Secret

from generator.naming import in_environment, name_tag
from generator.retention import discard_generated


def generated_secret(title: str, *, description: str, characters: int, key: AWSHelperFn, tag: str) -> Secret:
    """Return a secret of letters and digits, encrypted with a key. It goes with its stack; the next makes another."""
    return discard_generated(
        Secret(
            title,
            Description=in_environment(description),
            GenerateSecretString=GenerateSecretString(PasswordLength=characters, ExcludePunctuation=True),
            KmsKeyId=key,
            Tags=name_tag(tag),
        )
    )
