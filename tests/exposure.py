"""Ways to break the released templates of the platform, and what the exposure proof then says.

What is broken is the template, in a copy of the release, as an author would break it; never the model or the checker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from generator import template_yaml
from generator.checks.exposure import prove
from generator.checks.exposure.case import Claim
from generator.checks.settings import Setting, all_settings, resolved
from generator.checks.verdict import Verdict
from generator.environment import load_all
from generator.release import folder_of
from tests.releases import Edit, Templates, setting

ROOT = Path(__file__).parents[1]
ANYWHERE = "0.0.0.0/0"
DOMAIN = "shop.example.com"
CONFIG = "DistributionConfig"
APPLICATION_ORIGIN = f"{CONFIG}.Origins.1.Fn::If.1"
"""The load balancer, as the distribution knows it."""

PROD, OVER_SSH, BEHIND_CLOUDFRONT = "prod", "over SSH", "behind CloudFront"
IN_CONTAINERS, IN_CONTAINERS_ALONE = "in containers", "in containers alone"


class Break(NamedTuple):
    """One way to break templates: the claim that fails, and what its counterexamples name."""

    name: str
    edits: tuple[Edit, ...]
    claim: str
    words: tuple[str, ...]
    setting: str = PROD
    """The name of the setting that is looked at."""


@cache
def every_setting() -> tuple[Setting, ...]:
    return tuple(all_settings(load_all(ROOT / "params")))


@cache
def current_templates() -> Templates:
    """The platform's templates: the root and what it nests."""
    release = folder_of(ROOT / "templates_out")
    nested = template_yaml.load((release / "platform.yaml").read_text(encoding="utf-8"))["Resources"].values()
    files = ["platform.yaml", *(one["Properties"]["TemplateURL"]["Fn::Sub"].rpartition("}")[2] for one in nested)]
    return {
        file.removesuffix(".yaml"): template_yaml.load((release / file).read_text(encoding="utf-8")) for file in files
    }


@cache
def settings() -> Mapping[str, Setting]:
    """Settings in which every claim finds something, all together."""
    prod = next(one for one in every_setting() if one.name == PROD)
    over_vpn = {"VpnGatewayAddress": "198.51.100.10", "VpnCidr": "172.20.0.0/16"}
    over_ssh = {"AccessMode": "ssh", "TargetProtocol": "HTTP", **over_vpn}
    behind_cloudfront = {
        "DomainName": DOMAIN,
        "HostedZoneId": "Z0000000001",
        "LoadBalancerAccess": "cloudfront",
        "WebApplicationFirewall": "true",
        "ShieldAdvanced": "true",
    }
    in_containers = {"Compute": "both", "ServerPaths": "/checkout/*", "InterfaceEndpoints": "true"}
    in_containers_alone = {**behind_cloudfront, **over_vpn, "Compute": "fargate", "TargetProtocol": "HTTP"}
    dev = every_setting()[0]
    return {
        PROD: prod,
        OVER_SSH: Setting(OVER_SSH, {**dev.parameters, **over_ssh}, dev.region),
        BEHIND_CLOUDFRONT: Setting(BEHIND_CLOUDFRONT, {**prod.parameters, **behind_cloudfront}, prod.region),
        IN_CONTAINERS: Setting(IN_CONTAINERS, {**prod.parameters, **in_containers}, prod.region),
        IN_CONTAINERS_ALONE: Setting(IN_CONTAINERS_ALONE, {**prod.parameters, **in_containers_alone}, prod.region),
    }


def verdicts(folder: Path, edits: Sequence[Edit], settings: Sequence[Setting]) -> dict[str, Verdict]:
    """Break a copy of the release and return what the proof says of some settings, by claim."""
    templates = deepcopy(current_templates())
    for edit in edits:
        edit(templates)
    for name, template in templates.items():
        here, released = folder / f"{name}.yaml", folder_of(ROOT / "templates_out") / f"{name}.yaml"
        if template == current_templates()[name]:
            here.symlink_to(released)
        else:
            here.write_text(template_yaml.dump(template), encoding="utf-8")
    found = prove([(one, resolved(folder, one)) for one in settings])
    return {verdict.claim: verdict for verdict in found}


def assert_broken(case: Break, folder: Path) -> None:
    """Break the templates as the case says, and see its claim fail with its words among the counterexamples."""
    found = verdicts(folder, case.edits, [settings()[case.setting]])[case.claim]
    assert not found.holds
    for words in case.words:
        assert any(words in one for one in found.counterexamples), found.counterexamples[:5]


def added(template: str, logical_id: str, resource_type: str, **properties: Any) -> Edit:
    def edit(templates: Templates) -> None:
        templates[template]["Resources"][logical_id] = {"Type": resource_type, "Properties": properties}

    return edit


def removed(template: str, *logical_ids: str) -> Edit:
    def edit(templates: Templates) -> None:
        resources = templates[template]["Resources"]
        for logical_id in logical_ids:
            del resources[logical_id]
        for resource in resources.values():
            if "DependsOn" in resource:
                resource["DependsOn"] = [name for name in resource["DependsOn"] if name not in logical_ids]

    return edit


def replaced_by(where: Callable[[Templates], Any], old: str, new: str) -> Edit:
    """An edit that puts one reference in the place of another, in a part of the templates."""

    def walk(value: Any) -> None:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            if item == {"Ref": old}:
                value[key] = {"Ref": new}
            walk(item)

    return lambda templates: walk(where(templates))


def of(stack: str, output: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [stack, f"Outputs.{output}"]}


def rule(template: str, logical_id: str, group: Any, outbound: bool = False, **properties: Any) -> Edit:
    kind = f"AWS::EC2::SecurityGroup{'Egress' if outbound else 'Ingress'}"
    return added(template, logical_id, kind, GroupId=group, **{"IpProtocol": "tcp", **properties})


def entry(logical_id: str, acl: str, number: int, action: str, outbound: bool, first: int, last: int) -> Edit:
    return added(
        "network",
        logical_id,
        "AWS::EC2::NetworkAclEntry",
        NetworkAclId={"Ref": acl},
        Egress=outbound,
        RuleNumber=number,
        RuleAction=action,
        Protocol=6,
        PortRange={"From": first, "To": last},
        CidrBlock=ANYWHERE,
    )


def distribution(path: str, value: Any) -> Edit:
    """An edit of the distribution."""
    return setting("edge", "Distribution", path, value)


def taken_away(template: str, logical_id: str, path: str, index: int) -> Edit:
    """An edit that takes an item out of a list."""

    def edit(templates: Templates) -> None:
        place = templates[template]["Resources"][logical_id]["Properties"]
        for part in path.split("."):
            place = place[int(part)] if part.isdigit() else place[part]
        del place[index]

    return edit


def behind_cloudfront(name: str, claim: str, words: str, *edits: Edit) -> Break:
    """Return a way to break the setting in which the load balancer takes CloudFront's requests alone."""
    return Break(name, edits, claim, (words,), setting=BEHIND_CLOUDFRONT)


def unbroken(claims: Sequence[Claim], breaks: Sequence[Break]) -> set[str]:
    """Return the claims that no break is aimed at: each may be one that cannot fail."""
    return {claim.text for claim in claims} - {one.claim for one in breaks}
