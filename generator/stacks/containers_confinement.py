"""What every container of a task may not do, and where its lines go. Part of the stack `containers`.

No root, no capabilities, nothing written but to volumes (D5, D10).
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security-tasks-containers.html
"""

from __future__ import annotations

from typing import Any

from troposphere import Ref
from troposphere.ecs import KernelCapabilities, LinuxParameters, LogConfiguration
from troposphere.logs import LogGroup

USER = "1001:1001"
"""User and group of what runs in a container, by number: that they are not root's is known without the image."""

BUFFER = "4m"
"""How many lines a container may be ahead of CloudWatch Logs. It drops some then, rather than to keep visitors waiting.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html"""


def confined() -> dict[str, Any]:
    """Return the properties that confine a container."""
    return {
        "User": USER,
        "Privileged": False,
        "ReadonlyRootFilesystem": True,
        "LinuxParameters": LinuxParameters(Capabilities=KernelCapabilities(Drop=["ALL"]), InitProcessEnabled=True),
    }


def logged_to(group: LogGroup, prefix: str) -> LogConfiguration:
    """Return where a container's lines go: to streams that begin with the prefix."""
    return LogConfiguration(
        LogDriver="awslogs",
        Options={
            "awslogs-group": Ref(group),
            "awslogs-region": Ref("AWS::Region"),
            "awslogs-stream-prefix": prefix,
            "mode": "non-blocking",
            "max-buffer-size": BUFFER,
        },
    )
