"""The way to AWS for everything that runs against a real account: clients that try again, errors in words.

Account, region and credentials come from where boto3 looks for them: AWS_PROFILE, AWS_REGION's forms, the role of a
CodeBuild project. So does AWS_ENDPOINT_URL, by which a rehearsal turns the same code to the emulator.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

from generator.errors import UserError
from generator.naming import PROJECT

ATTEMPTS = 5
"""How often a call is tried in all. The standard mode repeats what was throttled, timed out or was reset, with growing
pauses, and nothing else. https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html"""

CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS = 10, 60


def client(service: str, region: str | None = None) -> Any:
    """Return boto3's client of a service, in the given or the configured region. Raises `UserError` without one."""
    return _client(service, region, (None, None, None))


def client_of_role(service: str, role_arn: str, region: str) -> Any:
    """Return the client of a service that acts as a role. Raises `UserError` where the role cannot be assumed."""
    with explained(f"assuming {role_arn}"):
        assumed = client("sts", region).assume_role(RoleArn=role_arn, RoleSessionName=PROJECT)["Credentials"]
    return _client(service, region, (assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"]))


def account_and_region() -> tuple[str, str]:
    """Return the account id and the region that clients speak to. Raises `UserError` where they cannot."""
    sts = client("sts")
    with explained("asking AWS which account this is"):
        return sts.get_caller_identity()["Account"], sts.meta.region_name


@contextlib.contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what AWS or the way to it refuses inside the block into a `UserError` that begins with `what`."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except NoCredentialsError as error:
        raise UserError(f"{what}: {error}; set AWS_PROFILE or the like (docs/command-line.md)") from error
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"{what}: {error}") from error


@functools.cache
def service_models(search_path: str | None = None) -> Any:
    """Return what reads botocore's descriptions of services, once for all sessions: EC2's alone takes 0.2 seconds.

    `search_path` are folders with other descriptions, as AWS_DATA_PATH has them.
    """
    from botocore.loaders import create_loader

    return create_loader(search_path)


def _client(service: str, region: str | None, credentials: tuple[str | None, str | None, str | None]) -> Any:
    import boto3
    from botocore.config import Config
    from botocore.session import get_session

    session = get_session()
    session.register_component("data_loader", service_models(session.get_config_variable("data_path")))
    with explained(f"the client of {service}"):
        return boto3.session.Session(*credentials, botocore_session=session).client(
            service,  # type: ignore[call-overload]
            region_name=region,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                read_timeout=READ_TIMEOUT_SECONDS,
            ),
        )
