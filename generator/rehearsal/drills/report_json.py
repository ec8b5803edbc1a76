"""What drills found as JSON, for programs. docs/schemas/drill.json describes it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from generator.rehearsal.drills.drill import Result

SCHEMA = 1


def to_json(results: Sequence[Result], environment: str) -> str:
    """Return what each drill found as JSON text, ending in a line feed. Times are seconds; `null` stands for all."""
    content = {
        "schema": SCHEMA,
        "fails": not all(each.passed for each in results),
        "environment": environment,
        "drills": [_drill(each) for each in results],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _drill(result: Result) -> dict[str, Any]:
    return {
        "drill": result.drill,
        "passed": result.passed,
        "destroyed": result.destroyed,
        "restored": result.restored,
        "lost": result.lost,
        "loss_seconds": _finite(result.loss_seconds),
        "allowed_loss_seconds": _finite(result.objective.point),
        "seconds": result.seconds,
        "seconds_on_aws": list(result.objective.on_aws),
        "allowed_seconds_on_aws": result.objective.time,
        "complaints": list(result.all_complaints),
        "steps": [{"at": step.at, "what": step.words} for step in result.steps],
    }


def _finite(seconds: float) -> float | None:
    return None if math.isinf(seconds) else seconds
