"""Which options the commands of the AWS CLI have, by AWS's own models of its services."""

from __future__ import annotations

import re
from typing import Any

import botocore.session
from botocore import xform_name

GLOBAL = {"query", "output", "region", "max-items"}
OF_THE_CLI_ALONE = {
    "s3 cp": {"region"},
    "s3 sync": {"region"},
    "rds generate-db-auth-token": {"hostname", "port", "username"},
    "ec2-instance-connect ssh": {"instance-id"},
    "cloudtrail validate-logs": set(),
}
"""Commands of the AWS CLI that are no operation of a service, and their options."""

SHORTER = {
    "cloudfront create-invalidation": {"paths"},
    "cloudwatch put-metric-data": {"metric-name", "value", "dimensions"},
}
"""Options by which it writes a structure shorter."""

SERVICES = botocore.session.get_session()


def calls(text: str) -> list[tuple[str, str, set[str]]]:
    """Return what a shell's text asks of AWS: service, operation, options."""
    found = []
    for part in re.split(r"(?:^|(?<=[\s($`'\"]))aws (?=[a-z])", text)[1:]:
        service, operation, *rest = part.split()
        if operation == "wait":
            operation = f"wait {rest[0]}"
        options = set(re.findall(r"\s--([a-z][a-z0-9-]*)", re.sub(r"\$\(.*?\)", "", part)))
        found.append((service, operation.strip("`'\"),"), options))
    return found


def options_of(service: str, operation: str) -> set[str]:
    """Return the options of a command. Raises `ValueError` where there is no such operation."""
    if (known := OF_THE_CLI_ALONE.get(f"{service} {operation}")) is not None:
        return known | GLOBAL
    name = {"s3api": "s3"}.get(service, service)
    model = SERVICES.get_service_model(name)
    if operation.startswith("wait "):
        waiters = SERVICES.get_waiter_model(name)
        [waiter] = [each for each in waiters.waiter_names if kebab(each) == operation.removeprefix("wait ")]
        wanted = waiters.get_waiter(waiter).operation
    else:
        [wanted] = [each for each in model.operation_names if kebab(each) == operation]
    shape = model.operation_model(wanted).input_shape
    members: dict[str, Any] = shape.members if shape else {}
    flags = {f"no-{kebab(name)}" for name, member in members.items() if member.type_name == "boolean"}
    return {kebab(name) for name in members} | flags | SHORTER.get(f"{service} {operation}", set()) | GLOBAL


def kebab(name: str) -> str:
    """Return a name of the API as the CLI writes it."""
    return str(xform_name(name, "-"))
