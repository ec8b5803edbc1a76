"""What servers run at their first start: complete shell scripts, kept as files so that shells and linters can read
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from troposphere import AWSHelperFn, Base64, Join, Sub

from generator.naming import pascal_case

SHEBANG = "#!/bin/bash\n"

WEB_SERVER = (
    "retry.sh",
    "database_trust.sh",
    "nginx_configuration.sh",
    "application_service.sh",
    "cloudwatch_agent_configuration.sh",
    "web_server.sh",
)
"""The files of a web server's user data: functions first, then the script that uses them."""

BASTION = ("retry.sh", "database_trust.sh", "bastion.sh")
"""The files of the bastion's user data."""


def user_data(scripts: Sequence[str], settings: Mapping[str, AWSHelperFn | str]) -> Base64:
    """Return the user data of scripts in this folder, one after the other, with settings as read-only variables before.

    The scripts stay as they are but for empty lines and comments, so that a shell reads in the template what it reads
    in the files: CloudFormation substitutes nothing in them. Settings are for values without quotes: names, ids, ARNs.
    """
    variables: dict[str, Any] = {pascal_case(name.lower()): value for name, value in settings.items()}
    header = [f"readonly {name}='${{{variable}}}'\n" for name, variable in zip(settings, variables, strict=True)]
    return Base64(Join("\n", [Sub(SHEBANG + "".join(header), **variables), joined(scripts)]))


def joined(scripts: Sequence[str]) -> str:
    """Return what the scripts do, joined. EC2 takes 16 KiB of user data, so that comments and space stay in the files.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
    """
    texts = [files(__package__).joinpath(script).read_text(encoding="utf-8") for script in scripts]
    lines = [line for text in texts for line in text.splitlines()]
    return "".join(f"{line}\n" for line in lines if line.strip() and not line.lstrip().startswith("#"))
