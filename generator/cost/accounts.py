"""The stacks of each AWS account: an environment's, those its administrator deploys, the pipeline's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.checks.environment_impact import release_parameters
from generator.checks.rule_sets.subjects import EXAMPLES
from generator.checks.settings import ANY_ACCOUNT, Setting
from generator.environment import TemplateConfiguration
from generator.errors import UserError
from generator.naming import PLATFORM, TOOLS
from generator.regions import EDGE_REGION
from generator.release import read_manifest
from generator.resolver import Resolution, parsed, resolve

RECOVERY_REGION = "RecoveryRegion"

IN_ENVIRONMENTS = (
    PLATFORM,
    "boundaries",
    "deployment_policies",
    "deployment_policies_services",
    "deployment_policies_operations",
    "target_account",
    "global_edge",
    "audit_trail",
    "recovery_region",
)
"""The roots that each environment's account may have."""

IN_TOOLS = ("boundaries", "deployment_policies", "deployment_policies_services", "tools_account", "pipeline")
"""The roots of the tools account."""


@dataclass(frozen=True)
class Root:
    """One root as it is deployed in an account."""

    name: str
    resolution: Resolution


@dataclass(frozen=True)
class Account:
    """An AWS account with its stacks."""

    name: str
    """The environment, or `tools`."""
    roots: Sequence[Root]
    budget: int | None
    """US dollars a month that it may cost; none where nothing is said."""

    @property
    def platform(self) -> Resolution | None:
        """The platform, which the tools account does not have."""
        return next((root.resolution for root in self.roots if root.name == PLATFORM), None)


def environment_account(release: Path, setting: Setting) -> Account:
    """Return the account of an environment. Raises `UserError` where the release refuses the settings."""
    wanted = [name for name in _roots(release) if name in IN_ENVIRONMENTS]
    if not setting.parameters.get(RECOVERY_REGION):
        wanted = [name for name in wanted if name != "recovery_region"]
    regions = {"global_edge": EDGE_REGION, "recovery_region": setting.parameters.get(RECOVERY_REGION, "")}
    given = {**EXAMPLES, **setting.parameters}
    roots = [_root(release, name, given, regions.get(name, setting.region)) for name in wanted]
    return Account(setting.parameters["EnvironmentName"], roots, int(setting.parameters["MonthlyBudget"]))


def tools_account(release: Path, region: str) -> Account | None:
    """Return the account of the pipeline, or none where the release has no pipeline."""
    present = _roots(release)
    if "pipeline" not in present:
        return None
    return Account(TOOLS, [_root(release, name, EXAMPLES, region) for name in present if name in IN_TOOLS], None)


def all_accounts(release: Path, configurations: Sequence[TemplateConfiguration]) -> list[Account]:
    """Return the environments' accounts in the order of promotion, then the tools account."""
    settings = [Setting(c.source.stem, c.parameters(), c.region) for c in configurations]
    found = [environment_account(release, setting) for setting in settings]
    tools = tools_account(release, settings[-1].region)
    return [*found, tools] if tools else found


def _roots(release: Path) -> list[str]:
    """Return the roots of a release by name. Raises `UserError` for one that no account is known to have."""
    found = [Path(name).stem for name, entry in read_manifest(release)["templates"].items() if entry["root"]]
    for name in found:
        if name not in (*IN_ENVIRONMENTS, *IN_TOOLS):
            raise UserError(f"{release / name}.yaml: which account has this root? Say so in generator/cost/accounts.py")
    return sorted(found, key=[*IN_ENVIRONMENTS, *IN_TOOLS].index)


def _root(release: Path, name: str, given: Mapping[str, str], region: str) -> Root:
    if name == PLATFORM:
        parameters = release_parameters(release, name, given)
    else:
        declared = parsed((release / f"{name}.yaml").read_text(encoding="utf-8")).get("Parameters", {})
        parameters = {key: given[key] for key in declared if key in given}
    return Root(name, resolve(release, name, parameters, ANY_ACCOUNT, region))
