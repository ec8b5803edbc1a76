"""On which ports the application answers in a container, where it stands for nginx too: said once for all who need it.

Above 1023, because what runs in a container is not root (D5).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

APPLICATION_PORTS: Mapping[str, int] = MappingProxyType({"HTTP": 8080, "HTTPS": 8443})
"""The port for each protocol between load balancer and targets (`TargetProtocol`)."""
