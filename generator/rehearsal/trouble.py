"""Trouble on purpose: which stage of the promotion shall fail, and by what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from generator.errors import UserError
from generator.naming import resource_address, root_stack_name
from generator.rehearsal.emulator_faults import Fault
from generator.rehearsal.pipeline import STANDARD, ActionFailedError, Job, Provider, Providers
from generator.rehearsal.pipeline_definition import Pipeline

DEPLOYING = ("Deploy", "AWS", "CloudFormation")
SMOKE_TEST = "SmokeTest"

OutOfService = Callable[[str], AbstractContextManager[None]]
"""Lets the web servers of an environment be down for the time of a `with` block."""


@dataclass(frozen=True)
class Trouble:
    """What fails: an action of a stage, or a resource that the stage deploys (`stack` is empty for the root's own)."""

    stage: str
    action: str = ""
    stack: str = ""
    logical_id: str = ""

    @property
    def text(self) -> str:
        """The trouble as a user asks for it, such as `Staging:Database/Database`."""
        return f"{self.stage}:{self.action or resource_address(self.stack, self.logical_id)}"


def parse_trouble(text: str, pipeline: Pipeline, resources: Sequence[str]) -> Trouble:
    """Return the trouble that `<stage>[:<action or resource>]` asks for; `resources` are addresses such as `WebTier`.

    A stage that deploys, given alone, fails at the last stack of the platform, when all others are done; any other at
    its first action. Raises `UserError` naming what is allowed.
    """
    name, _, what = text.partition(":")
    stage = pipeline.stage(next((s.name for s in pipeline.stages if s.name.lower() == name.lower()), name))
    actions = [action.name for action in stage.actions]
    deploys = any(action.kind == DEPLOYING for action in stage.actions)
    if what in actions:
        return Trouble(stage.name, action=what)
    if not what and not deploys:
        return Trouble(stage.name, action=actions[0])
    address = what or _last_stack(resources)
    if deploys and address in resources:
        stack, _, logical_id = address.rpartition("/")
        return Trouble(stage.name, stack=stack, logical_id=logical_id)
    resource = "; or a resource of the release, such as WebTier or Database/Database" if deploys else ""
    allowed = ", ".join(actions) + resource
    raise UserError(f"--fail-at {text}: {what!r} is nothing that stage {stage.name} does; allowed: {allowed}")


def fault(trouble: Trouble, account_id: str) -> Fault:
    """Return the failure that the emulator shall bring about in the account of the stage's environment."""
    return Fault(account_id, root_stack_name(trouble.stage.lower()), trouble.stack, trouble.logical_id)


def with_trouble(providers: Providers, trouble: Trouble | None, out_of_service: OutOfService) -> Providers:
    """Return the table of providers in which the troubled action fails, each time that the promotion runs it.

    A smoke test fails by itself, because no web server answers; a rollback of the stage finds them up again.
    """

    def troubled(provider: Provider) -> Provider:
        def act(job: Job) -> Mapping[str, str]:
            concerned = trouble is not None and (job.stage, job.action.name) == (trouble.stage, trouble.action)
            if not concerned or job.execution.kind != STANDARD:
                return provider(job)
            if job.action.name != SMOKE_TEST:
                raise ActionFailedError("This failure was asked for by the rehearsal.")
            with out_of_service(job.stage.lower()):
                return provider(job)

        return act

    return {kind: troubled(provider) for kind, provider in providers.items()}


def _last_stack(resources: Sequence[str]) -> str:
    return [address for address in resources if "/" not in address][-1]
