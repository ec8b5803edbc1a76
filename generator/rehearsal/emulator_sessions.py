"""Who calls the emulated AWS: a session of a role, with the temporary credentials that STS gave for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from generator.rehearsal.emulator_authorization_requests import SERVICE_HEADER, SOURCE_HEADER

if TYPE_CHECKING:
    from generator.rehearsal.emulator import Emulator

ALLOWED = "allowed"
"""IAM's word for a simulated action that may be done."""


@dataclass(frozen=True)
class Session:
    """A role that somebody has assumed, in the region where the session works."""

    emulator: Emulator
    role_arn: str
    region: str
    credentials: Mapping[str, Any]
    """As STS answers: `AccessKeyId`, `SecretAccessKey`, `SessionToken`."""

    @property
    def account_id(self) -> str:
        """The account of the role."""
        return self.role_arn.split(":")[4]

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables from which AWS's tools take the credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self.credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": self.credentials["SessionToken"],
        }

    def client(self, service: str) -> Any:
        """Return a client that acts as the role."""
        return self.emulator.client_of_session(service, self.credentials, self.region)

    def assume(self, role_arn: str, session_name: str) -> Session:
        """Return a session of another role, which this one assumes. Raises boto3's `ClientError` where it may not."""
        assumed = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=session_name)
        return Session(self.emulator, role_arn, self.region, assumed["Credentials"])

    def may(self, action: str, resource: str) -> bool:
        """Whether IAM lets the role do something that the emulator has no service for. It asks IAM's simulator."""
        iam = self.emulator.client("iam", self.account_id, self.region)
        answer = iam.simulate_principal_policy(
            PolicySourceArn=self.role_arn, ActionNames=[action], ResourceArns=[resource]
        )
        return bool(answer["EvaluationResults"][0]["EvalDecision"] == ALLOWED)


def assumed_by_service(
    emulator: Emulator, role_arn: str, region: str, service: str, source_arn: str, session_name: str
) -> Session:
    """Return a session of a role as a service of AWS assumes it, acting for a resource such as a pipeline.

    Raises boto3's `ClientError` where the role's trust policy does not let the service.
    """
    sts = emulator.new_client("sts", role_arn.split(":")[4], region)

    def say_who(params: dict[str, Any], **_: Any) -> None:
        params["headers"] |= {SERVICE_HEADER: service, SOURCE_HEADER: source_arn}

    sts.meta.events.register("before-call.sts.AssumeRole", say_who)
    try:
        assumed = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name)
    finally:
        sts.close()
    return Session(emulator, role_arn, region, assumed["Credentials"])
