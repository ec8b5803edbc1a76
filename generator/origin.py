"""How CloudFront reaches the load balancer: under which name, and with which secret. Said once for both ends."""

from __future__ import annotations

from typing import Any

from troposphere import Sub

ORIGIN_LABEL = "origin"
"""The load balancer's name for CloudFront, below the environment's domain: `origin.shop.example.com`."""

ORIGIN_HEADER = "X-Origin-Verify"
"""The header in which CloudFront tells the secret: that a request comes from our distribution, and not from another."""


def origin_name() -> Sub:
    """Return the load balancer's name for CloudFront; the template has a parameter `DomainName`."""
    return Sub(f"{ORIGIN_LABEL}.${{DomainName}}")


def origin_secret(**arn: Any) -> Sub:
    """Return the secret's value, which CloudFormation reads when it changes the resource that this stands in.

    The secret is the template's parameter `OriginSecretArn`, or given by that name where the template owns it.
    """
    return Sub("{{resolve:secretsmanager:${OriginSecretArn}:SecretString}}", **arn)
