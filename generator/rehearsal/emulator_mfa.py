"""MFA devices in the emulator: who gives the code of an own device when taking a role has shown that device.

ministack 1.5.33 keeps devices, and never counts one as shown. It keeps no seed that a code could be computed from, so
that every code of six digits is taken for the device's own.
"""

from __future__ import annotations

import contextvars
import re
from dataclasses import replace
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from generator.rehearsal.emulator_authorization import EVALUATOR, IAM
from generator.rehearsal.emulator_guards import replace_function

STS = "ministack.services.sts"
CODE = re.compile(r"[0-9]{6}")

_shown: contextvars.ContextVar[str] = contextvars.ContextVar("rehearsal_mfa_device", default="")


def devices_of_people() -> None:
    """A role is taken with MFA where `SerialNumber` is the caller's own device and `TokenCode` is a code.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """

    def remembering(original: Any) -> Any:
        async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
            token = _shown.set(_device_of(body))
            try:
                return await original(method, path, headers, body, query_params)
            finally:
                _shown.reset(token)

        return handle_request

    def with_device(original: Any) -> Any:
        def evaluate(trust_doc: Any, caller_arn: str, ctx: Any = None) -> bool:
            device = _shown.get()
            if device and ctx is not None and _belongs(device, caller_arn):
                keys = {"aws:multifactorauthpresent": "true", "aws:multifactorauthage": "0"}
                ctx = replace(ctx, principal_keys={**ctx.principal_keys, **keys})
            return bool(original(trust_doc, caller_arn, ctx))

        return evaluate

    replace_function(STS, "handle_request", ("method", "path", "headers", "body", "query_params"), remembering)
    replace_function(EVALUATOR, "evaluate_trust_policy", ("trust_doc", "caller_arn", "ctx"), with_device)


def _device_of(body: bytes) -> str:
    """Return the serial number of the device whose code a request gives; nothing where it gives none."""
    given = parse_qs(body.decode(errors="replace"))
    [code], [serial] = (given.get(name, [""])[:1] for name in ("TokenCode", "SerialNumber"))
    return serial if CODE.fullmatch(code) else ""


def _belongs(device: str, user_arn: str) -> bool:
    """Whether a device was given to a user, and enabled."""
    found = import_module(IAM)._mfa_devices.get_scoped(user_arn.split(":")[4], None, device) or {}
    return bool(found.get("EnableDate")) and user_arn.endswith(f":user/{found.get('User')}")


MFA = (devices_of_people,)
