"""How much memory a database instance class has: the classes that an environment may choose, and nothing else.

The alarms on the database's memory and connections compare with a share of it. All classes run PostgreSQL 17.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_BURSTABLE = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}
_GENERAL_PURPOSE = {"large": 8, "xlarge": 16, "2xlarge": 32, "4xlarge": 64}
_MEMORY_OPTIMISED = {"large": 16, "xlarge": 32, "2xlarge": 64, "4xlarge": 128}

_FAMILIES: tuple[tuple[tuple[str, ...], Mapping[str, int]], ...] = (
    (("t3", "t4g"), _BURSTABLE),
    (("m5", "m6g", "m6i", "m7g", "m7i"), _GENERAL_PURPOSE),
    (("r5", "r6g", "r6i", "r7g", "r7i"), _MEMORY_OPTIMISED),
)

MEMORY_GIB: Mapping[str, int] = MappingProxyType(
    {
        f"db.{family}.{size}": memory
        for families, sizes in _FAMILIES
        for family in families
        for size, memory in sizes.items()
    }
)
"""Memory by instance class, in GiB."""

PATTERN = r"db\.({})".format("|".join(rf"({'|'.join(names)})\.({'|'.join(sizes)})" for names, sizes in _FAMILIES))
"""The regular expression of exactly these classes."""
