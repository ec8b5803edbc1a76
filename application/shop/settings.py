"""What the application is told by its environment. Names are the contract of application/README.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    environment_name: str
    region: str
    parameter_path: str
    """Path of the environment's SSM parameters, such as `/web-platform/dev`."""
    session_table: str
    product_images: Path
    database_name: str
    database_port: int
    secret: str | None = field(repr=False)
    """What Flask signs with, the same in all containers; a web server has none."""

    @classmethod
    def read(cls, variables: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings, or end the program with the name of the variable that is missing."""
        try:
            return cls(
                environment_name=variables["ENVIRONMENT_NAME"],
                region=variables["AWS_REGION"],
                parameter_path=variables["PARAMETER_PATH"],
                session_table=variables["SESSION_TABLE"],
                product_images=Path(variables["PRODUCT_IMAGES"]),
                database_name=variables.get("PGDATABASE", "application"),
                database_port=int(variables.get("PGPORT", "5432")),
                secret=variables.get("APPLICATION_SECRET"),
            )
        except KeyError as error:
            raise SystemExit(f"The environment variable {error.args[0]} is missing.") from None
