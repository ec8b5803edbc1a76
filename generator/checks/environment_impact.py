"""What an upgrade does to each environment, judged: the changes, the dangers that nobody has waived, and the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from generator.checks.changes import Impact
from generator.checks.data_at_stake import Danger
from generator.checks.deployment_time import DeploymentTime, deployment_time
from generator.checks.impact import compare
from generator.checks.waivers import Waiver
from generator.errors import UserError
from generator.naming import PLATFORM, PROJECT
from generator.resolver import Resolution, parsed, resolve

if TYPE_CHECKING:
    from generator.environment import TemplateConfiguration

PLACEHOLDERS = {
    "TemplateBucketName": f"{PROJECT}-templates",
    "WebServerImageId": "ami-00000000000000000",
    "ApplicationImage": f"999900001111.dkr.ecr.eu-west-1.amazonaws.com/{PROJECT}/application@sha256:{'0' * 64}",
    "CollectorImage": f"999900001111.dkr.ecr.eu-west-1.amazonaws.com/{PROJECT}/collector@sha256:{'0' * 64}",
}
"""What only a deployment knows, and what is therefore the same on both sides of a comparison of releases."""


@dataclass(frozen=True)
class JudgedDanger:
    """A danger, and the waiver that accepts it. `objection` says why it fails all the same; empty where it does not."""

    danger: Danger
    waiver: Waiver | None
    objection: str


@dataclass(frozen=True)
class EnvironmentImpact:
    """What an upgrade does to one environment."""

    environment: str
    region: str
    before: str
    """The release that is replaced, such as `v1.1.0`."""
    after: str
    impact: Impact
    dangers: tuple[JudgedDanger, ...]
    expired: tuple[Waiver, ...]
    """Waivers of this environment whose last day is over. They fail: a file of forgotten exceptions protects nobody."""
    unused: tuple[Waiver, ...]
    """Waivers of this environment that match no danger. They only show: the same file serves environments that have the
    change already and those that still wait for it."""
    creation: DeploymentTime
    """How long creating the environment from nothing with the newer release takes."""

    @property
    def unwaived(self) -> tuple[Danger, ...]:
        """The dangers that nobody has accepted."""
        return tuple(judged.danger for judged in self.dangers if judged.objection)

    @property
    def fails(self) -> bool:
        """Whether the upgrade must not go on: a danger that is not waived, or a waiver that has expired."""
        return bool(self.unwaived or self.expired)


def impact_of(
    before: Path,
    after: Path,
    configurations: Iterable[TemplateConfiguration],
    account_id: str,
    waivers: Sequence[Waiver],
    today: date,
    other: Mapping[str, str] = MappingProxyType({}),
) -> list[EnvironmentImpact]:
    """Return what upgrading from one release folder to another does to each environment, with its settings of today.

    `other` settings take the place of its own after the upgrade. Settings that the older release does not know are left
    out there; what only a deployment knows is the same on both sides.

    Raises `UserError` where a release cannot be read or refuses the settings.
    """
    found = []
    for configuration in configurations:
        settings = configuration.parameters()
        old, new = (
            resolve(
                release,
                PLATFORM,
                release_parameters(release, PLATFORM, chosen),
                account_id,
                configuration.region,
            )
            for release, chosen in ((before, settings), (after, {**settings, **other}))
        )
        name = configuration.environment.environment_name.literal
        changed = ", ".join(f"{key}={value or 'none'}" for key, value in other.items())
        after_name = f"{after.name} with {changed}" if other else after.name
        found.append(impact_between(name, before.name, old, after_name, new, waivers, today))
    return found


def impact_between(
    environment: str,
    before_name: str,
    before: Resolution,
    after_name: str,
    after: Resolution,
    waivers: Sequence[Waiver],
    today: date,
) -> EnvironmentImpact:
    """Return what an upgrade does where both resolutions are known, with the parameters that are really deployed."""
    impact = compare(before, after)
    mine = [waiver for waiver in waivers if environment in waiver.environments]
    dangers = tuple(_judged(danger, environment, mine, today) for danger in impact.dangers)
    used = [judged.waiver for judged in dangers]
    return EnvironmentImpact(
        environment,
        after.region,
        before_name,
        after_name,
        impact,
        dangers,
        tuple(waiver for waiver in mine if waiver.expired(today)),
        tuple(waiver for waiver in mine if waiver not in used and not waiver.expired(today)),
        deployment_time(after),
    )


def release_parameters(release: Path, root: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a release's root: the settings that it declares, and placeholders for the rest."""
    path = release / f"{root}.yaml"
    try:
        declared = parsed(path.read_text(encoding="utf-8")).get("Parameters", {})
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; the release folder must hold it") from error
    given = {**PLACEHOLDERS, "TemplateKeyPrefix": f"{PROJECT}/{release.name}/", **settings}
    return {name: given[name] for name in declared if name in given}


def _judged(danger: Danger, environment: str, waivers: Sequence[Waiver], today: date) -> JudgedDanger:
    waiver = next((one for one in waivers if one.covers(environment, danger.address, danger.action)), None)
    if waiver is None:
        return JudgedDanger(danger, None, "not waived")
    objection = f"its waiver expired on {waiver.expires}" if waiver.expired(today) else ""
    return JudgedDanger(danger, waiver, objection)
