"""Answers of the emulator's services that speak JSON, in ministack's own form."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_guards import Response

RESPONSES = "ministack.core.responses"


def answer(content: Mapping[str, Any]) -> Response:
    """Return the answer to a request that is taken."""
    response: Response = import_module(RESPONSES).json_response(content)
    return response


def refused(code: str, message: str) -> Response:
    """Return the answer to a request that is refused."""
    response: Response = import_module(RESPONSES).error_response_json(code, message, 400)
    return response
