"""What the rule sets judge: the platform in every setting, and the roots that are deployed beside it, in variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.checks.rule_sets.differences import new_in
from generator.checks.rule_sets.folding import Folded, fold
from generator.checks.settings import ANY_ACCOUNT, Setting
from generator.environment import ENVIRONMENTS
from generator.errors import UserError
from generator.naming import PLATFORM, account_parameter
from generator.release import read_manifest
from generator.resolver import Resolution, parsed, resolve

REGION = "eu-west-1"
"""The region in which roots other than the platform are resolved; the platform's stands in its settings."""

EXAMPLES: Mapping[str, str] = {
    "EnvironmentName": "prod",
    **{account_parameter(name): str(number) * 12 for number, name in enumerate(ENVIRONMENTS, start=1)},
    "ToolsAccountId": "999999999999",
    "ArtifactBucketName": "web-platform-artifacts",
    "ArtifactKeyArn": f"arn:aws:kms:{REGION}:999999999999:key/11111111-2222-3333-4444-555555555555",
    "TemplateBucketName": "web-platform-templates",
    "SourceBucketName": "web-platform-source",
}
"""Values of parameters of roots other than the platform that have no default."""

SWITCHES: Mapping[str, str] = {
    "SourceRepository": "my-team/my-shop",
    "NotificationEmail": "operators@example.com",
    "DomainName": "shop.example.com",
    "HostedZoneId": "Z0123456789ABCDEFGHIJ",
    "OnCallEmail": "on-call@example.com",
    "OnCallUrl": "https://paging.example.com/sns",
    "OperationsEmail": "operations@example.com",
    "RecoveryRegion": "eu-central-1",
}
"""Values that switch on what is off by default, besides those of a list of allowed values."""


@dataclass(frozen=True)
class Subject:
    """One flat template to be judged, and how it came about."""

    name: str
    """A setting's name, or a root's with what differs from its defaults: `target_account RegionalTests=true`."""
    root: str
    parameters: Mapping[str, str]
    folded: Folded
    region: str = REGION
    context: frozenset[str] = frozenset()
    """Addresses of resources that are there only beside those that are judged; what is said of them does not count."""

    def address(self, logical_id: str) -> str:
        """Return the address of a resource of the flat template, with the root's name where it is not the platform."""
        address = self.folded.addresses[logical_id]
        return address if self.root == PLATFORM else f"{self.root}/{address}"

    def expanded(self, text: str) -> str:
        """Return text with what differs between subjects in the place of its name: `{EnvironmentName}`, `{Region}`."""
        for name, value in {**self.parameters, "Region": self.region, "AccountId": ANY_ACCOUNT}.items():
            text = text.replace(f"{{{name}}}", value)
        return text


def of_settings(settings: Sequence[tuple[Setting, Resolution]]) -> list[Subject]:
    """Return the platform in each environment, and what is new in each further setting."""
    known: set[str] = set()
    subjects = []
    for setting, resolution in settings:
        is_environment = setting.name == setting.parameters["EnvironmentName"]
        part, context = new_in(resolution, known)
        whole = fold(resolution) if is_environment else fold(part)
        subjects.append(
            Subject(
                setting.name,
                PLATFORM,
                setting.parameters,
                whole,
                setting.region,
                frozenset() if is_environment else context,
            )
        )
    return [subject for subject in subjects if subject.folded.addresses]


def of_other_roots(release: Path) -> list[Subject]:
    """Return every root of a release but the platform, and what is new with each further choice of its parameters.

    Raises `UserError` for a parameter that has neither a default nor an example here.
    """
    manifest = read_manifest(release)["templates"]
    roots = [Path(name).stem for name, entry in manifest.items() if entry["root"] and Path(name).stem != PLATFORM]
    return [subject for root in sorted(roots) for subject in _variants(release, root)]


def _variants(release: Path, root: str) -> list[Subject]:
    choices = _choices(release, root)
    known: set[str] = set()
    subjects = []
    for number in range(max(map(len, choices.values()), default=1)):
        parameters = {name: values[number % len(values)] for name, values in choices.items()}
        changed = " ".join(f"{name}={value}" for name, value in parameters.items() if value != choices[name][0])
        part, context = new_in(resolve(release, root, parameters, ANY_ACCOUNT, REGION), known)
        name = " ".join([root, changed]).strip()
        subjects.append(
            Subject(name, root, parameters, fold(part), REGION, frozenset(f"{root}/{each}" for each in context))
        )
    return [subject for subject in subjects if subject.folded.addresses]


def _choices(release: Path, root: str) -> dict[str, Sequence[str]]:
    """Return the values that each parameter of a root takes in turn, its default first."""
    path = release / f"{root}.yaml"
    declared = parsed(path.read_text(encoding="utf-8")).get("Parameters", {})
    choices: dict[str, Sequence[str]] = {}
    for name, parameter in declared.items():
        first = parameter.get("Default", EXAMPLES.get(name))
        if first is None:
            raise UserError(f"{path}: Parameters/{name}: has no default; give it an example in {__name__}.EXAMPLES")
        others = [SWITCHES[name]] if name in SWITCHES else parameter.get("AllowedValues", [])
        choices[name] = list(dict.fromkeys(str(value) for value in (first, *others)))
    return choices
