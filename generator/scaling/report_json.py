"""Scaling as JSON, for programs. docs/schemas/scaling.json describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from generator.scaling import claims
from generator.scaling.claims import Rehearsed
from generator.scaling.outcome import outcome
from generator.scaling.report import Complaints

SCHEMA = 1


def to_json(rehearsals: Sequence[Rehearsed], found: Mapping[str, Complaints]) -> str:
    """Return every run in figures, and every claim with what speaks against it, as JSON text ending in a line feed.

    `found` is by the claims' sentences.
    """
    verdicts = [
        {
            "claim": claim.sentence,
            "requirements": claim.requirements.split(),
            "holds": not any(found[claim.sentence].values()),
            "against": {name: list(texts) for name, texts in found[claim.sentence].items() if texts},
        }
        for claim in claims.CLAIMS
    ]
    content = {
        "schema": SCHEMA,
        "fails": not all(verdict["holds"] for verdict in verdicts),
        "runs": [
            {"environment": each.design.environment, "trace": trace, **asdict(outcome(run))}
            for each in rehearsals
            for trace, run in each.runs.items()
        ],
        "claims": verdicts,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
