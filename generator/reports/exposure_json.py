"""The matrix of the exposure proof as JSON, for programs. docs/schemas/exposure.json describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from generator.checks.exposure.matrix import Exposure
from generator.checks.exposure.services import text

SCHEMA = 1


def to_json(exposures: Sequence[Exposure]) -> str:
    """Return who reaches whom as JSON text, ending in a line feed: pairs of places between which something passes."""
    content = {"schema": SCHEMA, "matrices": [_matrix(exposure) for exposure in exposures]}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _matrix(exposure: Exposure) -> dict[str, Any]:
    shown = [(ends, found) for ends, found in exposure.matrix.items() if ends.target in exposure.takers and any(found)]
    return {
        "kind": exposure.kind,
        "sometimes": sorted(str(place) for place in exposure.sometimes),
        "reached": [
            {
                "source": str(ends.source),
                "target": str(ends.target),
                "services": sorted(text(services) for services in found if services),
                "in_all_settings": all(found),
            }
            for ends, found in shown
        ],
    }
