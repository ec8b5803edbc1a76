"""Who approves in a rehearsal: a person of the tools account, who takes the approvers' role as on AWS (D9, D18).

The emulator has no CodePipeline to answer, but IAM, which says whether the role may answer, and the bucket with the
report that the pipeline's mail links to.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from generator.rehearsal.emulator_sessions import Session

if TYPE_CHECKING:
    from generator.rehearsal.emulator import Emulator

A_CODE = "123456"
"""What the device shows; the emulator takes any (`emulator_mfa`)."""


def approver(emulator: Emulator, role_arn: str, region: str) -> Session:
    """Return a session of the approvers' role, taken by a new user of its account with the code of an MFA device.

    Raises boto3's `ClientError` where the role does not let the user.
    """
    name = f"approver-{uuid.uuid4()}"
    keys, device = _person(emulator, role_arn, region, name)
    sts = emulator.client_of_session("sts", keys, region)
    assumed = sts.assume_role(RoleArn=role_arn, RoleSessionName=name, SerialNumber=device, TokenCode=A_CODE)
    return Session(emulator, role_arn, region, assumed["Credentials"])


def _person(emulator: Emulator, role_arn: str, region: str, name: str) -> tuple[Mapping[str, str | None], str]:
    """Make a user whom the account's administrator lets take the role; return its access key and its device."""
    iam = emulator.client("iam", role_arn.split(":")[4], region)
    take_the_role = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role_arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [take_the_role]})
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="Approve", PolicyDocument=document)
    device: str = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]["SerialNumber"]
    codes = {"AuthenticationCode1": A_CODE, "AuthenticationCode2": A_CODE}
    iam.enable_mfa_device(UserName=name, SerialNumber=device, **codes)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    key = {"AccessKeyId": made["AccessKeyId"], "SecretAccessKey": made["SecretAccessKey"], "SessionToken": None}
    return key, device


def read_report(session: Session, url: str) -> bytes:
    """Return what an approver reads who follows the mail's link to an object in S3's console.

    Raises boto3's `ClientError` where the role may not.
    """
    address = urlsplit(url)
    bucket, [key] = address.path.rpartition("/")[2], parse_qs(address.query)["prefix"]
    content: bytes = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content
