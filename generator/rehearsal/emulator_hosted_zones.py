"""Hosted zones under the ids that settings name: the emulator would choose them, as Route 53 does.

On AWS the zone was there first, and its id is copied into `params`. Here it is made at the bootstrap, under that id.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_guards import Response, guarded

ROUTE_53 = "ministack.services.route53"
REFERENCE = "zone-with-id-"
"""How a request's own reference begins that says which id the zone is to have."""

NAMED = re.compile(rb"<CallerReference>zone-with-id-(Z[A-Z0-9]{1,31})</CallerReference>")

_wanted: ContextVar[str] = ContextVar("_wanted", default="")
"""The id for the zone that is being made; empty for one of the emulator's choice."""


def zones_with_ids() -> None:
    """Give a zone the id that its creator's reference names."""
    route53 = import_module(ROUTE_53)
    create = guarded(ROUTE_53, "_create_hosted_zone", "body", "query_params")
    choose = guarded(ROUTE_53, "_zone_id")

    def creating(body: bytes, query_params: dict[str, Any]) -> Response:
        named = NAMED.search(body)
        token = _wanted.set(named[1].decode() if named else "")
        try:
            answer: Response = create(body, query_params)
        finally:
            _wanted.reset(token)
        return answer

    def chosen() -> str:
        return _wanted.get() or str(choose())

    route53._create_hosted_zone = creating  # type: ignore[attr-defined]
    route53._zone_id = chosen  # type: ignore[attr-defined]
