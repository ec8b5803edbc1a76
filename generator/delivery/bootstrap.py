"""Bootstrapping accounts: the pipeline in the tools account, and what it needs in each environment's account.

Each is one stack, deployed from the release's folder by an administrator of the account, protected against deletion,
and deployed again without harm: where there is nothing to change, nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from generator.delivery.deploy import Deployment, Event, deploy, find_deployed, template_text
from generator.delivery.session import explained
from generator.environment import ENVIRONMENTS, REQUIRED_TAGS, TemplateConfiguration
from generator.errors import UserError
from generator.naming import PROJECT, TOOLS, pascal_case
from generator.release import verify
from generator.resolver import resolve
from generator.template_yaml import load

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

TOOLS_ROOT, TARGET_ROOT = "pipeline", "target_account"
TOOLS_STACK, TARGET_STACK = f"{PROJECT}-pipeline", f"{PROJECT}-target"

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
    """Create or update the pipeline in the tools account; return its stack's deployment, outputs included.

    Owner and cost centre come from `tags`, those of an environment. Raises `UserError` where release, parameters or the
    stack's state do not allow it, and where it fails.
    """
    of_tools = {**tags, "Project": PROJECT, "Environment": TOOLS}
    return _bootstrap(cloudformation, release, TOOLS_ROOT, TOOLS_STACK, parameters, of_tools, on_event)


def bootstrap_target(
    cloudformation: CloudFormationClient,
    release: Path,
    configuration: TemplateConfiguration,
    parameters: Mapping[str, str],
    on_event: Callable[[Event], None],
) -> Deployment:
    """Create or update what the pipeline needs in the account of an environment. Errors as with `bootstrap_tools`."""
    return _bootstrap(cloudformation, release, TARGET_ROOT, TARGET_STACK, parameters, configuration.tags, on_event)


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
    wanted = load((release / f"{TARGET_ROOT}.yaml").read_text(encoding="utf-8")).get("Parameters", {})
    values = " ".join(f"{name}={known[name]}" for name in wanted if name in known)
    lines = []
    if parameters.get("SourceRepository"):
        lines += [
            "Activate the connection to the repository (Update pending connection):",
            f"  https://{region}.console.aws.amazon.com/codesuite/settings/connections?region={region}",
        ]
    for environment in ENVIRONMENTS:
        account_id = parameters.get(f"{pascal_case(environment)}AccountId", "")
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
        f"Import a certificate in {name}'s account, and put its ARN where the first deployment looks for it:",
        f"  aws ssm put-parameter --name /{PROJECT}/{name}/certificate-arn --type String --value <ARN>",
    ]


def _bootstrap(
    cloudformation: CloudFormationClient,
    release: Path,
    root: str,
    stack_name: str,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    on_event: Callable[[Event], None],
) -> Deployment:
    verify(release)
    resolve(release, root, parameters, ANY_ACCOUNT, cloudformation.meta.region_name)  # refuses wrong parameters
    body = (release / f"{root}.yaml").read_text(encoding="utf-8")
    ordered = {name: tags[name] for name in REQUIRED_TAGS if name in tags}
    with explained(f"stack {stack_name}"):
        _refuse_stuck(cloudformation, stack_name)
        deployment = deploy(cloudformation, stack_name, template_text(body), parameters, ordered, on_event)
        # Without events there was nothing to change, also where an earlier update was rolled back.
        if deployment.events and not deployment.complete:
            raise UserError(f"stack {stack_name}: {deployment.status}: {_why(deployment)}")
        cloudformation.update_termination_protection(StackName=stack_name, EnableTerminationProtection=True)
    return deployment


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
