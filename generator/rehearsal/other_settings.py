"""Settings that a rehearsal tries out in the place of those in params, such as a domain."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from generator.environment import ENVIRONMENTS, TemplateConfiguration, load
from generator.errors import UserError

DOMAIN, ZONE = "DomainName", "HostedZoneId"
ANY_ZONE = "ZREHEARSAL"
"""The hosted zone of a domain where the settings name none; each account has its own."""

COMPUTE, BOTH = "Compute", "both"
SERVER_PATHS, SHARED_OUT = "ServerPaths", "/api/*"
"""What web servers answer beside containers where the settings do not say: so that visitors meet both."""


def with_settings(
    configurations: Sequence[TemplateConfiguration], settings: Mapping[str, str], folder: Path
) -> list[TemplateConfiguration]:
    """Return the environments' configurations with other settings, from files that are written to a folder.

    A domain is that of the last environment; the others have a name below it, as no two can have the same. Where both
    servers and containers are asked for, both get visitors. Raises `UserError` for what params could not say either.
    """
    found = []
    for configuration in configurations:
        name = configuration.environment.environment_name.literal
        changed = dict(settings)
        if domain := settings.get(DOMAIN):
            changed[DOMAIN] = domain if name == ENVIRONMENTS[-1] else f"{name}.{domain}"
            changed.setdefault(ZONE, ANY_ZONE)
        if settings.get(COMPUTE) == BOTH:
            changed.setdefault(SERVER_PATHS, SHARED_OUT)
        content: dict[str, Any] = json.loads(configuration.source.read_text(encoding="utf-8"))
        content["Parameters"] |= changed
        file = folder / configuration.source.name
        file.write_text(json.dumps(content, indent=2), encoding="utf-8")
        try:
            found.append(load(file))
        except UserError as error:
            raise UserError(f"other settings: {str(error).replace(f'{folder}/', '')}") from error
    return found
