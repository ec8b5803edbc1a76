"""What servers run at their first start: complete shell scripts, kept as files so that shells and linters can read
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from troposphere import AWSHelperFn, Base64, Join, Sub

from generator.naming import pascal_case

SHEBANG = "#!/bin/bash\n"


def user_data(script: str, settings: Mapping[str, AWSHelperFn | str]) -> Base64:
    """Return the user data of a script in this folder, with the settings it needs as read-only variables before it.

    The script itself stays as it is, so that a shell reads the same text in the template as in the file: nothing in it
    is substituted by CloudFormation. Settings are for values without quotes: names, ids and ARNs.
    """
    body = files(__package__).joinpath(script).read_text(encoding="utf-8").removeprefix(SHEBANG)
    variables: dict[str, Any] = {pascal_case(name.lower()): value for name, value in settings.items()}
    header = [f"readonly {name}='${{{variable}}}'\n" for name, variable in zip(settings, variables, strict=True)]
    return Base64(Join("\n", [Sub(SHEBANG + "".join(header), **variables), body]))
