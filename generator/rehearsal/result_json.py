"""How a rehearsal ended as JSON, for programs. docs/schemas/rehearse.json describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from generator.delivery.deploy import Deployment
from generator.rehearsal.outcome import EnvironmentResult, Result, State, Trial
from generator.rehearsal.target import Finding

SCHEMA = 1


def to_json(result: Result | Trial) -> str:
    """Return where everything ended as JSON text, ending in a line feed. What was found is text: it may be anything."""
    content = {
        "schema": SCHEMA,
        "fails": not result.as_expected,
        **(_promotion(result) if isinstance(result, Result) else _trial(result)),
        "requests": [asdict(row) for row in result.rows],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _promotion(result: Result) -> dict[str, Any]:
    return {
        "stages": dict(result.execution.stages),
        "actions": [
            {
                "stage": run.stage,
                "action": run.action,
                "status": run.status,
                "seconds": run.seconds,
                "reason": run.reason,
            }
            for run in result.execution.runs
        ],
        "environments": [_promoted(each) for each in result.environments],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    """Return the same of a release that no pipeline has promoted."""
    found = trial.deployments
    environments = [_deployed(name, each, found.findings[name]) for name, each in found.of.items()]
    return {"stages": {}, "actions": [], "environments": environments}


def _promoted(result: EnvironmentResult) -> dict[str, Any]:
    differences = [{**asdict(each), "explanation": each.explanation} for each in result.differences or ()]
    return {
        "environment": result.name,
        "as_expected": result.as_expected,
        "expected": result.expectation.words,
        "before": _state(result.before),
        "after": _state(result.after),
        **_claims(result.findings),
        **_deployment(result.deployment),
        "differences_from_prediction": differences,
    }


def _deployed(name: str, deployment: Deployment, findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "environment": name,
        "as_expected": all(finding.holds for finding in findings),
        "expected": "is deployed as it is",
        "before": None,
        "after": {"version": deployment.outputs.get("ReleaseVersion", ""), "status": deployment.status},
        **_claims(findings),
        **_deployment(deployment),
        "differences_from_prediction": [],
    }


def _state(state: State | None) -> dict[str, str] | None:
    return {"version": state.version, "status": state.status} if state else None


def _claims(findings: Sequence[Finding]) -> dict[str, Any]:
    broken = [each for each in findings if not each.holds]
    return {
        "claims": len(findings),
        "broken_claims": [
            {"claim": each.claim, "expected": str(each.expected), "actual": str(each.actual)} for each in broken
        ],
    }


def _deployment(deployment: Deployment | None) -> dict[str, Any]:
    failure = deployment.first_failure if deployment and not deployment.complete else None
    return {
        "seconds": deployment.seconds if deployment else None,
        "outputs": dict(deployment.outputs) if deployment else {},
        "first_failure": {
            "address": failure.address,
            "type": failure.type,
            "status": failure.status,
            "reason": failure.reason,
        }
        if failure
        else None,
    }
