"""The verdicts of all proofs as JSON, for programs. docs/schemas/check.json describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from generator.checks.verdict import Verdict

SCHEMA = 1


def to_json(verdicts: Sequence[Verdict]) -> str:
    """Return every claim with its verdict as JSON text, with all counterexamples, ending in a line feed."""
    content = {
        "schema": SCHEMA,
        "fails": not all(verdict.holds for verdict in verdicts),
        "claims": [
            {
                "proof": verdict.proof,
                "claim": verdict.claim,
                "requirements": list(verdict.requirements),
                "holds": verdict.holds,
                "evidence": verdict.evidence,
                "counterexamples": list(verdict.counterexamples),
            }
            for verdict in verdicts
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
