"""The settings in which every proof is made: each environment as it is, and combinations that no environment uses yet.

A claim that holds in dev, staging and prod of today says nothing about the day when somebody turns on SSH access. All
combinations of all switches would be thousands; here every *pair* of choices of two switches occurs in at least one
combination, which is where nearly all faults show.
https://csrc.nist.gov/projects/automated-combinatorial-testing-for-software
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from allpairspy.allpairs import AllPairs

from generator.checks.environment_impact import release_parameters
from generator.environment import Environment, TemplateConfiguration
from generator.naming import PLATFORM, pascal_case
from generator.resolver import Resolution, resolve

Choice = Mapping[str, str]
"""Parameters that are set together, with their values."""

WITHOUT_DOMAIN: Choice = {"DomainName": "", "HostedZoneId": ""}
WITH_DOMAIN: Choice = {"DomainName": "shop.example.com", "HostedZoneId": "Z0000000001"}

NOBODY: Choice = {
    "OnCallEmail": "",
    "OnCallUrl": "",
    "EscalationEmail": "",
    "SecondOnCallEmail": "",
    "IncidentManager": "false",
}
PAGED: Choice = {
    **NOBODY,
    "OnCallEmail": "on-call@example.com",
    "OnCallUrl": "https://paging.example.com/sns",
    "EscalationEmail": "escalation@example.com",
}
BY_TURNS: Choice = {**PAGED, "SecondOnCallEmail": "second@example.com", "IncidentManager": "true"}

OPTIONS: tuple[tuple[Choice, ...], ...] = (
    ({"AvailabilityZoneC": ""}, {"AvailabilityZoneC": "{region}c"}),
    # Without a domain nobody but clients themselves can ask the load balancer.
    (
        {**WITHOUT_DOMAIN, "LoadBalancerAccess": "internet"},
        {**WITH_DOMAIN, "LoadBalancerAccess": "internet"},
        {**WITH_DOMAIN, "LoadBalancerAccess": "cloudfront"},
    ),
    (
        {"VpnGatewayAddress": "", "VpnCidr": ""},
        {"VpnGatewayAddress": "198.51.100.10", "VpnCidr": "172.20.0.0/16"},
    ),
    ({"FederatedSubject": ""}, {"FederatedSubject": "repo:my-team/my-shop:ref:refs/heads/main"}),
    (
        {"ApplicationArchiveKey": "", "GreenArchiveKey": ""},
        {"ApplicationArchiveKey": "shop/1.0.0.tar.gz", "GreenArchiveKey": "shop/1.1.0.tar.gz"},
    ),
    # Beside containers web servers may answer everything: that is the first step from the ones to the others.
    (
        {"Compute": "ec2", "ServerPaths": "/*"},
        {"Compute": "fargate", "ServerPaths": "/*"},
        {"Compute": "both", "ServerPaths": "/*"},
        {"Compute": "both", "ServerPaths": "/checkout/*,/cart/*"},
    ),
    ({"WebServerMinimum": "1", "WebServerMaximum": "2"}, {"WebServerMinimum": "2", "WebServerMaximum": "3"}),
    ({"ContainerTestMinutes": "0"}, {"ContainerTestMinutes": "30"}),
    (NOBODY, PAGED, BY_TURNS),
    ({"OperationsEmail": ""}, {"OperationsEmail": "operations@example.com"}),
    ({"RecoveryRegion": ""}, {"RecoveryRegion": "eu-central-1"}),
    (
        {"CostAnomalyMonitor": "none"},
        {"CostAnomalyMonitor": "new"},
        {"CostAnomalyMonitor": "arn:aws:ce::111122223333:anomalymonitor/01234567-89ab-cdef-0123-456789abcdef"},
    ),
    # A database with a replica cannot be stopped.
    (
        {"OfficeHoursOnly": "false", "DatabaseReadReplica": "false"},
        {"OfficeHoursOnly": "true", "DatabaseReadReplica": "false"},
        {"OfficeHoursOnly": "false", "DatabaseReadReplica": "true"},
    ),
)
"""What is switched by giving a value or none, and what goes together. Other settings with a list of allowed values are
switches by themselves."""

ANY_ACCOUNT = "111122223333"
"""The account in which settings are resolved; nothing depends on which."""


@dataclass(frozen=True)
class Setting:
    """One way in which the platform can be deployed."""

    name: str
    """An environment's name, or what differs from the first environment: `AccessMode=ssh NatGateways=per-zone`."""
    parameters: Mapping[str, str]
    """The settings as the root takes them."""
    region: str


def all_settings(configurations: Sequence[TemplateConfiguration]) -> list[Setting]:
    """Return each environment's setting, then combinations in which every pair of choices occurs."""
    environments = [Setting(c.environment.environment_name.literal, c.parameters(), c.region) for c in configurations]
    base = environments[0]
    combined = [_changed(base, choices) for choices in _pairs()]
    known = [setting.parameters for setting in environments]
    return environments + [setting for setting in combined if setting.parameters not in known]


def resolved(release: Path, setting: Setting) -> Resolution:
    """Return what the platform of a release becomes in a setting."""
    parameters = release_parameters(release, PLATFORM, setting.parameters)
    return resolve(release, PLATFORM, parameters, ANY_ACCOUNT, setting.region)


def switches() -> list[tuple[Choice, ...]]:
    """Return everything that a setting switches, each with its choices."""
    hints = get_type_hints(Environment)
    together = {name for option in OPTIONS for choice in option for name in choice}
    listed = [
        tuple({pascal_case(f.name): value} for value in hints[f.name].allowed_values)
        for f in fields(Environment)
        if hints[f.name].allowed_values and pascal_case(f.name) not in together
    ]
    return [*listed, *OPTIONS]


def _pairs() -> list[list[Choice]]:
    all_pairs: Any = AllPairs
    return list(all_pairs(switches()))


def _changed(base: Setting, choices: Sequence[Choice]) -> Setting:
    wanted = {name: value.format(region=base.region) for choice in choices for name, value in choice.items()}
    different = {name: value for name, value in wanted.items() if base.parameters.get(name) != value}
    name = " ".join(f"{key}={value or 'none'}" for key, value in different.items())
    return Setting(name or base.name, {**base.parameters, **wanted}, base.region)
