"""The load balancer's certificate where there is no domain: self-signed, imported in ACM, its ARN in SSM (W5).

Running this again is harmless, and is how the certificate is renewed: while it is good, nothing happens; before it
expires, another one is imported into the same ARN, which the load balancer takes over by itself, without a deployment.
What somebody else imported is never replaced. The private key is made in memory, given to ACM, which never returns it,
and forgotten: it touches no disk.
https://docs.aws.amazon.com/acm/latest/userguide/import-reimport.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from generator.delivery import environment_parameters
from generator.delivery.self_signed_certificate import expiry_of, fingerprint_of, self_signed
from generator.environment import TemplateConfiguration
from generator.errors import UserError
from generator.naming import CERTIFICATE_PARAMETER, PROJECT

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient
    from mypy_boto3_acm.type_defs import TagTypeDef
    from mypy_boto3_ssm import SSMClient

OURS = f"{PROJECT}:self-signed"
"""The tag by which a certificate of this command is known; its value is the name of the environment."""

MAXIMUM_DAYS = 398
"""No browser takes a certificate for longer than that from an authority that it trusts: do not outlive those either.
https://support.apple.com/en-us/102028"""

ARN = re.compile(r"arn:[a-z-]+:acm:(?P<region>[a-z0-9-]+):[0-9]{12}:certificate/\S+")
ABSENT = ("InvalidArnException", "ResourceNotFoundException", "ValidationException")
"""What ACM says of an ARN under which it has no certificate.
https://docs.aws.amazon.com/acm/latest/APIReference/API_DescribeCertificate.html"""


@dataclass(frozen=True)
class Validity:
    """How many days a certificate is valid, and how many before its end it is renewed.

    Usually earlier than ACM begins to warn of its end, so that a warning says that nobody renews it.
    https://docs.aws.amazon.com/acm/latest/userguide/supported-events.html
    """

    days: int = 365
    renew_before_days: int = 60

    def __post_init__(self) -> None:
        if not 1 <= self.days <= MAXIMUM_DAYS:
            raise UserError(f"a certificate is valid for 1 to {MAXIMUM_DAYS} days, not {self.days}")
        if not 0 <= self.renew_before_days < self.days:
            raise UserError(
                f"a certificate for {self.days} days is renewed 0 to {self.days - 1} days before its end, not "
                f"{self.renew_before_days}: every run would make another one"
            )


USUAL = Validity()


class Action(StrEnum):
    """What was done about a certificate."""

    KEPT = "kept"
    IMPORTED = "imported"
    RENEWED = "renewed"
    LEFT = "left to whoever made it"
    """It was not made here, and is good: so far there is nothing to do."""


@dataclass(frozen=True)
class Certificate:
    """The certificate that an environment's load balancer has, or will have with the first deployment."""

    arn: str
    pem_certificate: str
    pem_key: str | None = field(repr=False)
    """The private key, where it was made just now: ACM gives none away."""
    not_after: datetime
    action: Action
    parameter_written: bool = False
    """Whether the SSM parameter named another one before: a deployment brings this one to the load balancer."""

    @property
    def fingerprint(self) -> str:
        """The SHA-256 digest by which clients recognize it."""
        return fingerprint_of(self.pem_certificate)


@dataclass(frozen=True)
class _Found:
    arn: str
    pem_certificate: str
    not_after: datetime
    is_ours: bool


def ensure_certificate(
    acm: ACMClient, ssm: SSMClient, configuration: TemplateConfiguration, now: datetime, validity: Validity = USUAL
) -> Certificate:
    """Let an environment without a domain have a certificate that is good for a while; return it.

    Both clients are of the environment's account and region; `now` has a time zone. Raises `UserError` where the
    certificate is somebody else's and about to expire, and `ValueError` for an environment with a domain, whose
    certificate ACM issues and renews.
    """
    if configuration.environment.domain_name.literal:
        raise ValueError(f"{configuration.source}: has a domain; its certificate is issued by ACM")
    name = configuration.environment.environment_name.literal
    return ensure_self_signed(acm, ssm, name, configuration.tags, now, validity)


def ensure_self_signed(
    acm: ACMClient,
    ssm: SSMClient,
    environment_name: str,
    tags: Mapping[str, str],
    now: datetime,
    validity: Validity = USUAL,
) -> Certificate:
    """Do as `ensure_certificate` for an environment that has no file of settings, such as a regional test's."""
    parameter = environment_parameters.path(environment_name, CERTIFICATE_PARAMETER)
    found = _find(acm, environment_parameters.read(ssm, parameter), environment_name)
    if found is None:
        certificate = _import(acm, environment_name, tags, now, validity)
    elif found.not_after > now + timedelta(days=validity.renew_before_days):
        action = Action.KEPT if found.is_ours else Action.LEFT
        certificate = Certificate(found.arn, found.pem_certificate, None, found.not_after, action)
    elif found.is_ours:
        certificate = _renew(acm, found.arn, environment_name, now, validity)
    else:
        raise UserError(
            f"{found.arn}: expires on {found.not_after:%Y-%m-%d} and was not made by this command: import its renewal "
            f"into the same ARN, or delete the SSM parameter {parameter} to get a self-signed one"
        )
    written = environment_parameters.store(ssm, parameter, certificate.arn, tags)
    return replace(certificate, parameter_written=written)


def describe(certificate: Certificate, environment_name: str) -> list[str]:
    """Return what was done, and what is left to do, in words."""
    parameter = environment_parameters.path(environment_name, CERTIFICATE_PARAMETER)
    lines = [
        f"{environment_name}: {certificate.arn}: {certificate.action}, good until {certificate.not_after:%Y-%m-%d}",
        f"SHA-256 {certificate.fingerprint}",
    ]
    if certificate.parameter_written:
        lines.append(f"{parameter} names it from now on; the next deployment of the listener takes it from there")
    elif certificate.action is Action.RENEWED:
        lines.append("The load balancer takes it over by itself: nothing needs a deployment")
    elif certificate.action is Action.LEFT:
        lines.append("It was not made by this command, which will not renew it: whoever imported it has to")
    return lines


def imported_for(acm: ACMClient, environment_name: str) -> Iterator[str]:
    """Yield the ARNs of the certificates that were made here for an environment."""
    # Unless asked, ACM leaves out all keys but those of RSA with 2048 bits or less.
    # https://docs.aws.amazon.com/acm/latest/APIReference/API_Filters.html
    for page in acm.get_paginator("list_certificates").paginate(Includes={"keyTypes": ["EC_prime256v1"]}):
        for summary in page["CertificateSummaryList"]:
            if _is_ours(acm, summary["CertificateArn"], environment_name):
                yield summary["CertificateArn"]


def _find(acm: ACMClient, arn: str, environment_name: str) -> _Found | None:
    """Return the certificate that the parameter names, else one of ours that nothing names, else nothing.

    The latter is what an interrupted run leaves, or a parameter that was deleted.
    """
    named = _look_up(acm, arn, environment_name) if arn else None
    if named is not None:
        return named
    orphans = [_look_up(acm, each, environment_name) for each in imported_for(acm, environment_name)]
    return max((found for found in orphans if found), key=lambda found: found.not_after, default=None)


def _look_up(acm: ACMClient, arn: str, environment_name: str) -> _Found | None:
    """Return a certificate of this account and region, or nothing where there is none of that ARN.

    Raises `UserError` where it is somebody else's and of no use.
    """
    if not (match := ARN.fullmatch(arn)) or match["region"] != acm.meta.region_name:
        return None
    try:
        described = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    except acm.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return None
        raise
    is_ours = _is_ours(acm, arn, environment_name)
    if not is_ours and described["Status"] != "ISSUED":
        raise UserError(f"{arn}: is {described['Status']}, and was not made by this command: see to it in ACM")
    certificate = acm.get_certificate(CertificateArn=arn)["Certificate"]
    return _Found(arn, certificate, expiry_of(certificate) if is_ours else described["NotAfter"], is_ours)


def _import(
    acm: ACMClient, environment_name: str, tags: Mapping[str, str], now: datetime, validity: Validity
) -> Certificate:
    certificate, key = self_signed(environment_name, acm.meta.region_name, now, validity.days)
    pairs: list[TagTypeDef] = [
        {"Key": name, "Value": value} for name, value in {**tags, OURS: environment_name}.items()
    ]
    arn = acm.import_certificate(Certificate=certificate, PrivateKey=key, Tags=pairs)["CertificateArn"]
    return Certificate(arn, certificate, key, expiry_of(certificate), Action.IMPORTED)


def _renew(acm: ACMClient, arn: str, environment_name: str, now: datetime, validity: Validity) -> Certificate:
    """Import another certificate into an ARN. Its tags stay; ACM takes none here."""
    certificate, key = self_signed(environment_name, acm.meta.region_name, now, validity.days)
    acm.import_certificate(CertificateArn=arn, Certificate=certificate, PrivateKey=key)
    return Certificate(arn, certificate, key, expiry_of(certificate), Action.RENEWED)


def _is_ours(acm: ACMClient, arn: str, environment_name: str) -> bool:
    tags = acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]
    return {"Key": OURS, "Value": environment_name} in tags
