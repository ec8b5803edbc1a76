"""The runbook as JSON, for programs. docs/schemas/runbook.json describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from generator.runbook.pages import Block, Page
from generator.runbook.printing import first_sentence
from generator.runbook.values import filled

SCHEMA = 1


def list_to_json(pages: Sequence[Page]) -> str:
    """Return what pages there are as JSON text, ending in a line feed."""
    return _text({"schema": SCHEMA, "pages": [_head(page) for page in pages]})


def page_to_json(page: Page, values: Mapping[str, str]) -> str:
    """Return a page as JSON text, ending in a line feed, with the values that there are filled in."""
    parts = [_block(part, values) if isinstance(part, Block) else {"text": filled(part, values)} for part in page.parts]
    return _text({"schema": SCHEMA, "pages": [{**_head(page), "parts": parts}]})


def _head(page: Page) -> dict[str, Any]:
    return {"page": page.anchor, "title": page.title, "about": first_sentence(page)}


def _block(block: Block, values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "as_administrator": block.as_administrator,
        "commands": [
            {"command": filled(step.command, values), "prints": [filled(line, values) for line in step.expected]}
            for step in block.steps
        ],
    }


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
