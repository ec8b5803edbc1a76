"""Where the proof takes place: the account of an environment and the tools account, for each setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from generator.checks.permissions.accounts import Account, aws_managed_policy, bucket_of
from generator.checks.permissions.evaluation import ANYBODY, Policy, Principal, Request, service
from generator.checks.settings import Setting
from generator.environment import ENVIRONMENTS
from generator.errors import UserError
from generator.naming import (
    AUDIT_TRAIL_STACK,
    BOUNDARIES_STACK,
    DEPLOYMENT_POLICIES_STACK,
    PIPELINE_STACK,
    PLATFORM,
    PROJECT,
    RECOVERY_REGION_STACK,
    SERVICE_POLICIES_STACK,
    TARGET_STACK,
    TOOLS_STACK,
    account_parameter,
    root_stack_name,
)
from generator.resolver import Resolution, parsed, resolve

TOOLS_ACCOUNT = "999900001111"
ELSEWHERE = "444455556666"
"""The account of another environment."""

STRANGER = "777788889999"
"""An account that has nothing to do with the platform."""

OTHER_ENVIRONMENT = "other"
"""An environment whose resources stand in the same account, with names of their own."""

BOUNDED = {
    "a workload with every right": "boundaries/WorkloadBoundary",
    "a person with every right": "boundaries/OperatorBoundary",
    "a deployment with every right": "boundaries/DeliveryBoundary",
}
"""Callers whose own policies refuse nothing, by the boundary that they have."""

IN_TOOLS = {"boundaries": BOUNDARIES_STACK, "tools_account": TOOLS_STACK, "pipeline": PIPELINE_STACK}
IN_TARGET = {
    "boundaries": BOUNDARIES_STACK,
    "deployment_policies": DEPLOYMENT_POLICIES_STACK,
    "deployment_policies_services": SERVICE_POLICIES_STACK,
    "target_account": TARGET_STACK,
    "audit_trail": AUDIT_TRAIL_STACK,
}
"""The roots that an administrator deploys in an account, with the names of their stacks."""

IN_RECOVERY_REGION = {"recovery_region": RECOVERY_REGION_STACK}
"""The root that an administrator deploys in the second region of an environment's account, where there is one."""

STORES = "tools_account"
"""The root whose outputs are handed on, to the pipeline and to the environments' accounts."""

OF_TOOLS = (f"{STORES}/", "pipeline/")
"""How the addresses begin of what stands in the tools account."""

GLOBAL_SERVICES = frozenset({"billing", "budgets", "ce", "cloudfront", "iam", "organizations", "route53", "shield"})
"""Services whose requests count as of us-east-1, wherever they come from.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion"""


@dataclass(frozen=True)
class World:
    """One setting of the platform with everything that is deployed around it."""

    setting: Setting
    environment: Account
    tools: Account

    @property
    def name(self) -> str:
        """The setting's name."""
        return self.setting.name

    @property
    def extras(self) -> Mapping[str, Principal]:
        """Callers that no template has: anybody, an administrator of another account, and one of this account."""
        everything = aws_managed_policy("arn:aws:iam::aws:policy/AdministratorAccess")
        return {
            "anybody": ANYBODY,
            "stranger": _administrator("stranger", STRANGER, everything),
            "administrator": _administrator("administrator", self.environment.id, everything),
            "administrator of tools": _administrator("administrator of tools", self.tools.id, everything),
            "workflow": service(self.environment.with_arn.get("Access/GitHost", "")),
            **{name: self._bounded(name, boundary, everything) for name, boundary in BOUNDED.items()},
        }

    def _bounded(self, name: str, boundary: str, everything: Policy) -> Principal:
        """Return somebody who may do everything that a boundary leaves: what the boundary alone refuses."""
        administrator = _administrator(name, self.environment.id, everything)
        document = self.environment.properties(boundary)["PolicyDocument"]
        bounded = replace(administrator, boundary=Policy.of(boundary, "identity", document))
        if boundary != "boundaries/OperatorBoundary":
            return bounded
        return replace(bounded, arn=administrator.arn.replace(":role/", ":user/"), trust=None)

    def principals(self) -> list[Principal]:
        """Return every role and user, first those of the environment's account."""
        return [*self.environment.principals.values(), *self.tools.principals.values()]

    def arn(self, address: str, of: Principal) -> str:
        """Return the ARN of what stands at an address in the account of a principal."""
        return (self.tools if of.account == self.tools.id else self.environment).arn(address)

    def guard(self, arn: str) -> Policy | None:
        """Return the own policy of what an ARN names, in whichever account it is."""
        return self.environment.guard(arn) or self.tools.guard(arn)

    def owner(self, resource: str, caller: Principal) -> str:
        """Return the account that a resource belongs to; that of the caller where the resource is everything."""
        parts = resource.split(":", 5)
        if len(parts) == 6 and parts[4].isdigit():
            return parts[4]
        if bucket := bucket_of(resource):
            if bucket in self.tools.buckets:
                return self.tools.id
            # Buckets of another environment in the same account bear the project's name as well.
            return self.environment.id if bucket.startswith(f"arn:aws:s3:::{PROJECT}-") else STRANGER
        return caller.account

    def request(
        self,
        caller: Principal,
        action: str,
        resource: str,
        special: Mapping[str, str],
        endpoint: Policy | None = None,
    ) -> Request:
        """Return a request with the context that every request has; `special` adds to it or replaces it."""
        region = "us-east-1" if action.partition(":")[0] in GLOBAL_SERVICES else self.environment.region
        owner = self.owner(resource, caller)
        usual = {"aws:RequestedRegion": region, "aws:SecureTransport": "true"}
        if resource != "*":
            usual["aws:ResourceAccount"] = owner
        if caller.account:
            usual |= {"aws:PrincipalArn": caller.arn, "aws:PrincipalAccount": caller.account}
            usual |= {} if caller.is_role else {"aws:username": caller.arn.rpartition("/")[2]}
        context = tuple(sorted({**usual, **special}.items()))
        return Request(caller, action, resource, owner, context, self._guard_of(action, resource), endpoint)

    def _guard_of(self, action: str, resource: str) -> Policy | None:
        """Return the own policy of what an action is done to: of a backup, its vault's.

        https://docs.aws.amazon.com/aws-backup/latest/devguide/create-a-vault-access-policy.html
        """
        found = self.guard(resource)
        if found is None and action.startswith("backup:") and resource != "*":
            vaults = self.environment.addresses("AWS::Backup::BackupVault")
            found = next((self.environment.guards.get(each) for each in vaults if self._keeps(each, resource)), None)
        return found

    def _keeps(self, vault: str, resource: str) -> bool:
        """Return whether something is no vault or plan, and in the region of a vault: a backup in it."""
        region = self.environment.arn(vault).split(":")[3]
        return f":{region}:" in resource and not resource.startswith(
            f"arn:aws:backup:{region}:{self.environment.id}:backup-"
        )

    def is_out_of_reach(self, request: Request) -> bool:
        """Return whether it concerns the other account of this world, and something that has no policy of its own.

        Across accounts, no policy of the caller's can reach such a thing: there is nothing to prove.
        """
        other = {self.environment.id, self.tools.id} - {request.caller.account}
        return request.owner in other and request.guard is None

    def values(self, how: str, what: str, caller: Principal | None) -> list[str]:
        """Return what a place in the table of acts stands for: nothing where the setting has no such resource."""
        if how == "each:":
            return [self.environment.arn(address) for address in self.environment.addresses(what)]
        if how == "parameter:":
            given = self.environment.roots[PLATFORM].parameters[""].get(what)
            return [str(given)] if given else []
        simple = self._simple(caller)
        if what in simple:
            return [simple[what]]
        address, _, detail = what.partition(".")
        account = self.tools if address.startswith(OF_TOOLS) else self.environment
        return [self._of_resource(how, account, address, detail)] if account.has(address) else []

    def _simple(self, caller: Principal | None) -> dict[str, str]:
        return {
            "account": self.environment.id,
            "tools": self.tools.id,
            "elsewhere": ELSEWHERE,
            "region": self.environment.region,
            "environment": str(self.environment.roots[PLATFORM].parameters[""]["EnvironmentName"]),
            "self": caller.arn if caller else "",
        }

    def _of_resource(self, how: str, account: Account, address: str, detail: str) -> str:
        match how:
            case "ref:":
                return account.ref(address)
            case "get:":
                return account.attribute(address, detail)
            case "property:":
                return str(account.properties(address)[detail])
            case "beside:":
                here, there = self.environment.roots[PLATFORM].stack_name, root_stack_name(OTHER_ENVIRONMENT)
                return account.arn(address).replace(here, there)
            case "elsewhere:":
                return account.arn(address).replace(f":{account.id}:", f":{ELSEWHERE}:")
            case _:
                return account.arn(address)


def _administrator(name: str, account: str, everything: Policy) -> Principal:
    arn = f"arn:aws:iam::{account}:role/administrator"
    trust = Policy.of(name, "trust", {"Version": "2012-10-17", "Statement": []})
    return Principal(name, arn, account, (everything,), None, trust)


def is_of_the_platform(name: str) -> bool:
    """Return whether the environment's own stacks make a principal, and not a root that an administrator deploys."""
    return name.partition("/")[0] not in {*IN_TARGET, *IN_RECOVERY_REGION, *IN_TOOLS}


def worlds(release: Path, settings: Sequence[tuple[Setting, Resolution]]) -> list[World]:
    """Return a world for each setting. Raises `UserError` where the release lacks a root."""
    tools: dict[tuple[str, str], Account] = {}
    around: dict[tuple[str, ...], Mapping[str, Resolution]] = {}
    result = []
    for setting, platform in settings:
        place = platform.account_id, platform.region
        if place not in tools:
            tools[place] = _tools(release, *place)
        asked_for = {name: str(platform.parameters[""].get(name, "")) for name in ("EnvironmentName", "RecoveryRegion")}
        of_this = (*place, *asked_for.values())
        if of_this not in around:
            around[of_this] = _around(release, asked_for, tools[place], *place)
        result.append(World(setting, Account({PLATFORM: platform, **around[of_this]}), tools[place]))
    return result


def _around(
    release: Path, asked_for: Mapping[str, str], tools: Account, account_id: str, region: str
) -> dict[str, Resolution]:
    """Return what an administrator deploys around an environment, in its region and where copies are."""
    given = {**_handed_on(tools), **asked_for}
    roots = _roots(release, IN_TARGET, given, account_id, region)
    if second := asked_for["RecoveryRegion"]:
        roots |= _roots(release, IN_RECOVERY_REGION, given, account_id, second)
    return roots


def _tools(release: Path, account_id: str, region: str) -> Account:
    # Every environment could be the one that is looked at: what the tools account may do, it may do to this one.
    accounts = {account_parameter(name): account_id for name in ENVIRONMENTS} | {"ContainerImages": "true"}
    stores = Account(_roots(release, {STORES: IN_TOOLS[STORES]}, accounts, TOOLS_ACCOUNT, region))
    return Account(_roots(release, IN_TOOLS, accounts | stores.outputs(STORES), TOOLS_ACCOUNT, region))


def _handed_on(tools: Account) -> dict[str, str]:
    """Return what the environments' accounts are told of the tools account."""
    return {"ToolsAccountId": TOOLS_ACCOUNT, "RegionalTests": "true", **tools.outputs(STORES)}


def _roots(
    release: Path, stacks: Mapping[str, str], given: Mapping[str, str], account_id: str, region: str
) -> dict[str, Resolution]:
    """Return what an administrator's roots become, under the names of their stacks."""
    return {
        root: resolve(release, root, _declared(release, root, given), account_id, region, stack_name=stack_name)
        for root, stack_name in stacks.items()
    }


def _declared(release: Path, root: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return those of the values that the root's parameters take."""
    path = release / f"{root}.yaml"
    try:
        declared = parsed(path.read_text(encoding="utf-8")).get("Parameters", {})
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; run make templates") from error
    return {name: value for name, value in given.items() if name in declared}
