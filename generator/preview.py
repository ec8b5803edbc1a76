"""How a new version is tried before visitors get it: by requests that tell a secret in a header, past the same firewall
and with the same certificate (D15). Said once for web servers and containers, which have a secret each.

No further port is opened for it, and whoever does not know the secret reaches what visitors reach.
"""

from __future__ import annotations

from troposphere import AWSHelperFn, Ref, Sub, Template
from troposphere.elasticloadbalancingv2 import Condition
from troposphere.secretsmanager import Secret

from generator.generated_secrets import generated_secret
from generator.listener_rules import with_header
from generator.naming import PROJECT

TEST_HEADER = "X-Web-Platform-Test"
"""The header in which a test tells the secret that leads to a new version."""

SECRET_CHARACTERS = 48


def add_test_secret(template: Template, key: AWSHelperFn) -> Secret:
    """Add the secret of the tests, encrypted with a key. It opens nothing but the version that visitors get next."""
    return template.add_resource(
        generated_secret(
            "TestSecret",
            description=f"What reaches a new version of {PROJECT} ${{EnvironmentName}} first.",
            characters=SECRET_CHARACTERS,
            key=key,
            tag="test-secret",
        )
    )


def tells(secret: Secret) -> Condition:
    """Return the condition that a request tells the secret."""
    told = Sub("{{resolve:secretsmanager:${TestSecretArn}:SecretString}}", TestSecretArn=Ref(secret))
    return with_header(TEST_HEADER, told)
