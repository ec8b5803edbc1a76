"""What commands print with --json, held to the schemas that the documentation shows."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from tests.releases import ROOT

SCHEMAS = ROOT / "docs" / "schemas"


def read(command: str, text: str) -> Any:
    """Return what a command has printed. Raises `jsonschema.ValidationError` for what its schema does not describe."""
    content = json.loads(text)
    schema = json.loads((SCHEMAS / f"{command}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(content)
    return content
