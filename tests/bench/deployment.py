"""How long the nested stacks take to be created, beside one flat stack of the same resources: a model."""

from __future__ import annotations

from pathlib import Path

from generator.checks.deployment_time import DeploymentTime, deployment_time
from generator.checks.environment_impact import release_parameters
from generator.environment import load_all
from generator.naming import PLATFORM
from generator.resolver import resolve
from tests.bench.measurements import Sample

ANY_ACCOUNT = "000000000000"
"""No time depends on which account it is."""


def nested(environment: str) -> str:
    """Return the name of the figure of an environment as it is deployed."""
    return f"nested stacks: {environment}"


def flat(environment: str) -> str:
    """Return the name of the lower bound."""
    return f"one flat stack: {environment}"


def times(release: Path, params: Path) -> dict[str, DeploymentTime]:
    """Return how long each environment of a release takes to be created."""
    found = {}
    for each in load_all(params):
        given = release_parameters(release, PLATFORM, each.parameters())
        found[each.source.stem] = deployment_time(resolve(release, PLATFORM, given, ANY_ACCOUNT, each.region))
    return found


def samples(found: dict[str, DeploymentTime]) -> dict[str, list[Sample]]:
    """Return the figures as samples, one each: they are calculated, and the same in every round."""
    return {
        name(environment): [Sample(seconds)]
        for environment, time in found.items()
        for name, seconds in ((nested, time.typical), (flat, time.flat))
    }
