"""Whether a token with which somebody logs in to RDS is what IAM would have signed.

A token is a presigned request for `connect`; RDS has its signature checked, and so do we, with the keys that the
rehearsal gave out. What is not checked here is the permission `rds-db:connect`: that is the permission proof's subject.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.Connecting.html
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SERVICE = "rds-db"
LONGEST_VALIDITY = timedelta(minutes=15)
SIGNATURE = "&X-Amz-Signature="
TIME = "%Y%m%dT%H%M%SZ"


def is_signed(
    token: str, user: str, hosts: Collection[str], secret_keys: Mapping[str, str], now: datetime | None = None
) -> bool:
    """Return whether a token lets a user of a database in.

    `hosts` are the names of the database, `secret_keys` the secret access keys by access key id.
    """
    request, found, signature = token.rpartition(SIGNATURE)
    try:
        address = urlsplit(f"https://{request}")
        is_ours = address.hostname in hosts and address.port is not None
    except ValueError:  # no address at all
        return False
    asked = dict(parse_qsl(address.query))
    access_key, _, scope = asked.get("X-Amz-Credential", "").partition("/")
    if not token.isascii() or not found or not is_ours or access_key not in secret_keys:
        return False
    if (asked.get("Action"), asked.get("DBUser")) != ("connect", user) or not _is_current(asked, now):
        return False
    expected = _signature(request, asked, scope, Credentials(access_key, secret_keys[access_key]))
    return hmac.compare_digest(expected.encode(), signature.encode())


def _is_current(asked: Mapping[str, str], now: datetime | None) -> bool:
    try:
        signed_at = datetime.strptime(asked["X-Amz-Date"], TIME).replace(tzinfo=UTC)
        validity = min(timedelta(seconds=int(asked["X-Amz-Expires"])), LONGEST_VALIDITY)
    except (KeyError, ValueError):
        return False
    return signed_at - LONGEST_VALIDITY <= (now or datetime.now(UTC)) <= signed_at + validity


def _signature(request: str, asked: Mapping[str, str], scope: str, credentials: Credentials) -> str:
    _, _, region = scope.partition("/")
    signer = SigV4QueryAuth(credentials, SERVICE, region.partition("/")[0])
    signed = AWSRequest("GET", f"https://{request}")
    signed.context["timestamp"] = asked["X-Amz-Date"]
    return str(signer.signature(signer.string_to_sign(signed, signer.canonical_request(signed)), signed))
