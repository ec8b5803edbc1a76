"""Which values are secrets: made by Secrets Manager, so that nobody wrote them down and nobody can guess them."""

from __future__ import annotations

import re
from typing import Any

from generator.checks.exposure.reading_unknown import is_true
from generator.resolver import Resolution, Resource

SECRET = "AWS::SecretsManager::Secret"

REFERENCE = re.compile(r"\{\{resolve:secretsmanager:⟨(?P<address>\w+(/\w+)*)⟩:SecretString(:\w*){0,3}\}\}", re.ASCII)
"""The dynamic reference to a secret of the release.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html"""

SHORTEST = 32
"""Characters of a secret; as many as Secrets Manager makes where nobody says how many."""

WILDCARDS = "*?"
"""What the load balancer reads as wildcards in the value of a header."""


def secret_of(resolution: Resolution, value: Any) -> str:
    """Return the address of the secret that a value is, alone and whole; empty where it is none."""
    found = REFERENCE.fullmatch(str(value))
    secret = resolution.resources.get(found["address"]) if found else None
    return secret.address if secret is not None and secret.type == SECRET and _is_strong(secret) else ""


def _is_strong(secret: Resource) -> bool:
    made = secret.properties.get("GenerateSecretString")
    if "SecretString" in secret.properties or made is None:
        return False
    plain = is_true(made.get("ExcludePunctuation")) or set(WILDCARDS) <= set(made.get("ExcludeCharacters", ""))
    return plain and int(made.get("PasswordLength", SHORTEST)) >= SHORTEST
