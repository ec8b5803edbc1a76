"""Bootstrapping accounts: the pipeline in the tools account, and what it needs in each environment's account.

Each account gets a few stacks, deployed from the release's folder by an administrator of the account, one after the
other: the boundaries of all that follows, then what the roles need (the tools account's buckets, the rights in the
others), then the roles. What a stack gives out is handed to those after it, to the parameters of the same names. Each
stack is protected against deletion, and all are deployed again without harm: where there is nothing to change, nothing
changes. An account that an earlier release bootstrapped is brought up to date by the same command: its roles keep what
they had until the last stack is updated.

An environment's account has one stack more, in us-east-1: what CloudFront uses can be nowhere else. The platform's own
stacks, in another region, find it by SSM parameters. And it has the trail of who did what, unless it has one already,
and where copies of the data go to a second region, one stack there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from generator.delivery import environment_parameters
from generator.delivery.deploy import Deployment, Event, deploy, find_deployed, template_text
from generator.delivery.environment_account import refuse_account_of_another
from generator.delivery.session import explained
from generator.environment import ENVIRONMENTS, REQUIRED_TAGS, TemplateConfiguration
from generator.errors import UserError
from generator.naming import (
    AUDIT_TRAIL_STACK,
    BOUNDARIES_STACK,
    DEPLOYMENT_POLICIES_STACK,
    EDGE_CERTIFICATE_PARAMETER,
    EDGE_WEB_ACL_PARAMETER,
    GLOBAL_EDGE_STACK,
    PIPELINE_STACK,
    PROJECT,
    RECOVERY_REGION_STACK,
    SERVICE_POLICIES_STACK,
    TARGET_STACK,
    TOOLS,
    TOOLS_STACK,
    account_parameter,
)
from generator.regions import EDGE_REGION
from generator.release import verify
from generator.resolver import parsed, resolve

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_ssm import SSMClient

BOUNDARIES = ("boundaries", BOUNDARIES_STACK)
TOOLS_STACKS = (BOUNDARIES, ("tools_account", TOOLS_STACK), ("pipeline", PIPELINE_STACK))
TARGET_STACKS = (
    BOUNDARIES,
    ("deployment_policies", DEPLOYMENT_POLICIES_STACK),
    ("deployment_policies_services", SERVICE_POLICIES_STACK),
    ("target_account", TARGET_STACK),
)
"""The roots of an account and the names of their stacks, in the order in which they need each other."""

EDGE_STACKS = (("global_edge", GLOBAL_EDGE_STACK),)
"""What is where CloudFront looks for certificates and web ACLs."""

EDGE_PARAMETERS = {"WebAclArn": EDGE_WEB_ACL_PARAMETER, "CertificateArn": EDGE_CERTIFICATE_PARAMETER}
RECOVERY_STACKS = (("recovery_region", RECOVERY_REGION_STACK),)
AUDIT_STACKS = (("audit_trail", AUDIT_TRAIL_STACK),)
MANAGEMENT_EVENTS_TRAIL = "ManagementEventsTrail"
"""What an administrator says `false` to where the account has a trail of management events: a second one costs.
https://aws.amazon.com/cloudtrail/pricing/"""

NONE = "none"
"""How a stack says that it has nothing to give out."""

SOURCE_OBJECT = "source.zip"
"""Where the pipeline looks for the source in its bucket, unless it reads a repository."""

ANY_ACCOUNT = "000000000000"
"""Parameters are valid or not whichever account it is."""

DEPLOY_AGAIN = "then bootstrap again"
STUCK = {
    "ROLLBACK_COMPLETE": f"its first creation failed: read its events, delete the stack, {DEPLOY_AGAIN}",
    "ROLLBACK_FAILED": f"its first creation failed halfway: read its events, delete the stack, {DEPLOY_AGAIN}",
    "DELETE_FAILED": f"its deletion was not completed: delete the stack, {DEPLOY_AGAIN}",
    "UPDATE_ROLLBACK_FAILED": f"continue its rollback (aws cloudformation continue-update-rollback), {DEPLOY_AGAIN}",
}
"""States in which a stack takes no update, and what to do.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html"""


def bootstrap_tools(
    cloudformation: CloudFormationClient,
    release: Path,
    parameters: Mapping[str, str],
    on_event: Callable[[Event], None],
    tags: Mapping[str, str] = MappingProxyType({}),
) -> Deployment:
    """Create or update boundaries, buckets and pipeline in the tools account.

    Returns the pipeline's deployment, with the outputs of all stacks of the account. Owner and cost centre come from
    `tags`, those of an environment. Raises `UserError` where release, parameters or the stack's state do not allow it,
    and where it fails.
    """
    of_tools = {**tags, "Project": PROJECT, "Environment": TOOLS}
    return _bootstrap(cloudformation, release, TOOLS_STACKS, parameters, of_tools, on_event)


def bootstrap_target(
    cloudformation: CloudFormationClient,
    release: Path,
    configuration: TemplateConfiguration,
    parameters: Mapping[str, str],
    on_event: Callable[[Event], None],
) -> Deployment:
    """Create or update what the pipeline needs in the account of an environment.

    Errors as with `bootstrap_tools`, and where the account was bootstrapped for another environment.
    """
    refuse_account_of_another(cloudformation, configuration.environment.environment_name.literal)
    # Where copies go, the boundary of the roles that copy must let them act.
    given = {**_settings(release, BOUNDARIES[0], configuration), **parameters}
    return _bootstrap(cloudformation, release, TARGET_STACKS, given, configuration.tags, on_event)


def bootstrap_global_edge(
    cloudformation: CloudFormationClient,
    ssm: SSMClient,
    release: Path,
    configuration: TemplateConfiguration,
    on_event: Callable[[Event], None],
) -> Deployment | None:
    """Create or update what CloudFront uses of an environment's account, and store where it is.

    `cloudformation` is of us-east-1, `ssm` of the environment's region. Returns nothing where the environment has
    neither a firewall nor a domain: nothing is needed then. Errors as with `bootstrap_tools`.
    """
    environment = configuration.environment
    if environment.web_application_firewall.literal == "false" and not environment.domain_name.literal:
        return None
    given = _settings(release, EDGE_STACKS[0][0], configuration)
    deployment = _bootstrap(cloudformation, release, EDGE_STACKS, given, configuration.tags, on_event)
    with explained(f"storing in SSM, in {ssm.meta.region_name}, what is in {EDGE_REGION}"):
        for output, name in EDGE_PARAMETERS.items():
            if (value := deployment.outputs[output]) != NONE:
                full_name = environment_parameters.path(environment.environment_name.literal, name)
                environment_parameters.store(ssm, full_name, value, configuration.tags)
    return deployment


def audit_trail_choice(parameters: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
    """Return whether the account gets a trail, and the parameters without what says so.

    Raises `UserError` where `ManagementEventsTrail` is neither `true` nor `false`.
    """
    others = dict(parameters)
    choice = others.pop(MANAGEMENT_EVENTS_TRAIL, "true")
    if choice not in ("true", "false"):
        raise UserError(
            f"parameter {MANAGEMENT_EVENTS_TRAIL} is {choice!r}: it must be true, or false where the account has a "
            "trail of management events already"
        )
    return choice == "true", others


def bootstrap_audit_trail(
    cloudformation: CloudFormationClient,
    release: Path,
    configuration: TemplateConfiguration,
    on_event: Callable[[Event], None],
) -> Deployment:
    """Create or update the trail of who did what in an environment's account, after its boundaries.

    Errors as with `bootstrap_tools`.
    """
    given = _settings(release, AUDIT_STACKS[0][0], configuration)
    return _bootstrap(cloudformation, release, AUDIT_STACKS, given, configuration.tags, on_event)


def bootstrap_recovery_region(
    client: Callable[[str], CloudFormationClient],
    release: Path,
    configuration: TemplateConfiguration,
    on_event: Callable[[Event], None],
) -> Deployment | None:
    """Create or update what an environment keeps in its second region, after its boundaries.

    `client` returns CloudFormation's client of a region. Returns nothing where the environment has no second region.
    What a former second region holds stays there. Errors as with `bootstrap_tools`.
    """
    region = configuration.environment.recovery_region.literal
    if not region:
        return None
    given = _settings(release, RECOVERY_STACKS[0][0], configuration)
    return _bootstrap(client(region), release, RECOVERY_STACKS, given, configuration.tags, on_event)


def parse_parameters(arguments: Sequence[str]) -> dict[str, str]:
    """Return parameters from `Name=value` arguments. Raises `UserError` for anything else."""
    parameters: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or not name.isalnum():
            raise UserError(f"{argument!r} is no parameter; write Name=value, as in DevAccountId=111122223333")
        if name in parameters:
            raise UserError(f"parameter {name} is given twice")
        parameters[name] = value
    return parameters


def after_tools(
    release: Path, parameters: Mapping[str, str], outputs: Mapping[str, str], tools_account_id: str, region: str
) -> list[str]:
    """Return what to do after the tools account: the commands for the environments' accounts, with all values."""
    known = {**parameters, **outputs, "ToolsAccountId": tools_account_id}
    wanted = [name for root, _ in TARGET_STACKS for name in _declared(release, root)]
    values = " ".join(f"{name}={known[name]}" for name in dict.fromkeys(wanted) if name in known)
    lines = []
    if parameters.get("SourceRepository"):
        lines += [
            "Activate the connection to the repository (Update pending connection):",
            f"  https://{region}.console.aws.amazon.com/codesuite/settings/connections?region={region}",
        ]
    for environment in ENVIRONMENTS:
        account_id = parameters.get(account_parameter(environment), "")
        lines += [
            f"As an administrator of {environment}'s account {account_id}, in {region}:".replace("  ", " "),
            f"  make bootstrap-target ENVIRONMENT={environment} PARAMETERS='{values}'",
        ]
    if not parameters.get("SourceRepository"):
        bucket = outputs.get("SourceBucketName", "<source bucket>")
        lines += [
            "Then start the pipeline, here, with the source that is committed:",
            f"  git archive --output {SOURCE_OBJECT} HEAD && aws s3 cp {SOURCE_OBJECT} s3://{bucket}/{SOURCE_OBJECT}",
        ]
    return lines


def after_target(configuration: TemplateConfiguration) -> list[str]:
    """Return what to do after an environment's account: where its certificate comes from."""
    name = configuration.environment.environment_name.literal
    domain = configuration.environment.domain_name.literal
    if domain:
        return [f"Nothing: the certificate of {domain} is issued by the first deployment, through its hosted zone."]
    return [
        f"Give {name}'s load balancer a certificate, now and from then on by a schedule, which renews it:",
        f"  make certificate ENVIRONMENT={name}",
    ]


def _bootstrap(
    cloudformation: CloudFormationClient,
    release: Path,
    stacks: Sequence[tuple[str, str]],
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    on_event: Callable[[Event], None],
) -> Deployment:
    """Deploy an account's stacks, each with those of the parameters that it knows, and of the outputs before it.

    Returns the last one's deployment, with the outputs of all.
    """
    verify(release)
    given = _distributed(release, [root for root, _ in stacks], parameters)
    _refuse_wrong_parameters(release, given, cloudformation.meta.region_name)
    for _, stack_name in stacks:
        with explained(f"stack {stack_name}"):
            _refuse_stuck(cloudformation, stack_name)
    ordered = {name: tags[name] for name in REQUIRED_TAGS if name in tags}
    outputs: dict[str, str] = {}
    for root, stack_name in stacks:
        values = given[root] | _handed_on(release, root, outputs)
        deployment = _deploy(cloudformation, release / f"{root}.yaml", stack_name, values, ordered, on_event)
        outputs |= deployment.outputs
    return replace(deployment, outputs=outputs)


def _deploy(
    cloudformation: CloudFormationClient,
    template: Path,
    stack_name: str,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    on_event: Callable[[Event], None],
) -> Deployment:
    body = template_text(template.read_text(encoding="utf-8"))
    with explained(f"stack {stack_name}"):
        deployment = deploy(cloudformation, stack_name, body, parameters, tags, on_event)
        if deployment.status.endswith("_IN_PROGRESS"):
            raise UserError(f"stack {stack_name} is still in {deployment.status}: wait for its end, {DEPLOY_AGAIN}")
        # Without events there was nothing to change, also where an earlier update was rolled back.
        if deployment.events and not deployment.complete:
            raise UserError(f"stack {stack_name}: {deployment.status}: {_why(deployment)}")
        cloudformation.update_termination_protection(StackName=stack_name, EnableTerminationProtection=True)
    return deployment


def _settings(release: Path, root: str, configuration: TemplateConfiguration) -> dict[str, str]:
    """Return those of an environment's settings that a root has parameters for."""
    settings = configuration.parameters()
    return {name: settings[name] for name in _declared(release, root) if name in settings}


def _distributed(release: Path, roots: Sequence[str], parameters: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the parameters by root. Those that no root knows go to the last one, which refuses them by name."""
    given = {
        root: {name: parameters[name] for name in _declared(release, root) if name in parameters} for root in roots
    }
    known = {name for values in given.values() for name in values}
    given[roots[-1]] |= {name: value for name, value in parameters.items() if name not in known}
    return given


def _refuse_wrong_parameters(release: Path, given: Mapping[str, Mapping[str, str]], region: str) -> None:
    """Raise `UserError` for what a root would refuse, before any is deployed. Outputs are still without a value."""
    outputs: dict[str, str] = {}
    for root, values in given.items():
        handed_on = _handed_on(release, root, outputs)
        if twice := sorted(values.keys() & handed_on.keys()):
            raise UserError(
                f"{release / root}.yaml: parameter {twice[0]} gets its value from a stack that is deployed before; "
                "leave it out"
            )
        outputs |= resolve(release, root, {**values, **handed_on}, ANY_ACCOUNT, region).outputs


def _handed_on(release: Path, root: str, outputs: Mapping[str, str]) -> dict[str, str]:
    """Return those of the outputs of earlier stacks that a root has parameters for."""
    return {name: outputs[name] for name in _declared(release, root) if name in outputs}


def _declared(release: Path, root: str) -> list[str]:
    """Return the names of a root's parameters. Raises `UserError` where the release lacks the root."""
    template = release / f"{root}.yaml"
    if not template.is_file():
        raise UserError(f"{release.name} has no {template.name}: it is older than this bootstrap; use a newer release")
    return list(parsed(template.read_text(encoding="utf-8")).get("Parameters", {}))


def _refuse_stuck(cloudformation: CloudFormationClient, stack_name: str) -> None:
    """Raise `UserError` where the stack is in a state that takes no update."""
    stack = find_deployed(cloudformation, stack_name)
    status = stack["StackStatus"] if stack else ""
    if status in STUCK:
        raise UserError(f"stack {stack_name} is in {status}: {STUCK[status]}")
    if status.endswith("_IN_PROGRESS"):
        raise UserError(f"stack {stack_name} is in {status}: wait until it is over, {DEPLOY_AGAIN}")


def _why(deployment: Deployment) -> str:
    failure = deployment.first_failure
    return f"{failure.logical_id} ({failure.type}): {failure.reason}" if failure else "its events tell why"
