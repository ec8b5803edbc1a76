"""The whole rehearsal: the generated pipeline, executed on an emulator, from the source to production.

The tools account and each environment have an account of their own, bootstrapped as on AWS. The pipeline is read from
the release's template and executed action by action; after each deployment the services are asked whether everything is
as promised. IAM is enforced: administrators bootstrap, push the source and ask the services afterwards, and all else is
done by the roles that do it on AWS. What the rehearsal cannot show is printed with the result.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from generator.checks.changes import Impact
from generator.checks.environment_impact import release_parameters
from generator.checks.impact import compare
from generator.delivery.deploy import Deployment
from generator.delivery.publish import key_prefix, pin_image, publish
from generator.delivery.session import explained
from generator.environment import ENVIRONMENTS, TemplateConfiguration
from generator.errors import UserError
from generator.naming import CLOUDFORMATION_ROLE, PLATFORM, TOOLS, template_file
from generator.rehearsal.accounts import Accounts, bootstrap, common_region
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_sessions import assumed_by_service
from generator.rehearsal.outcome import Expectation, State, expected, read_state, succeeded_before
from generator.rehearsal.pipeline import FAILED, STANDARD, SUCCEEDED, Engine, Execution, Job
from generator.rehearsal.pipeline_actions import Approval, Surroundings, providers
from generator.rehearsal.pipeline_artifacts import ArtifactStore, files_below, pack, read_file
from generator.rehearsal.probes import inspect
from generator.rehearsal.report import Narrator
from generator.rehearsal.target import Finding, Target
from generator.rehearsal.trouble import Trouble, fault, parse_trouble, with_trouble
from generator.rehearsal.upgrade import Difference, differences, observed, physical_ids, predicted
from generator.rehearsal.web_server_stand_in import HOST, WebServerStandIn
from generator.release import verify
from generator.resolver import Resolution, resolve
from generator.source_files import source_files

SOURCE_OBJECT = "source.zip"
EVENTS = "events.amazonaws.com"
BOUNDARIES = template_file("boundaries")
ALL_RIGHTS = "arn:aws:iam::aws:policy/AdministratorAccess"
APPROVAL = ("Approval", "AWS", "Manual")
STAGES = {name: name.capitalize() for name in ENVIRONMENTS}
"""The stage that promotes to each environment."""


@dataclass(frozen=True)
class Wishes:
    """What shall be rehearsed: who approves, what fails, what the environments ran before, and how far to go."""

    approve: Callable[[str], Approval]
    fail_at: str = ""
    previous: Path | None = None
    to: str = ENVIRONMENTS[-1]
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Deployments:
    """What an execution deployed, and what was found then, by environment."""

    of: dict[str, Deployment] = field(default_factory=dict)
    findings: dict[str, list[Finding]] = field(default_factory=dict)


@dataclass
class EnvironmentResult:
    """What a promotion meant for one environment. `differences` compares an upgrade with its prediction."""

    name: str
    before: State | None
    after: State | None
    expectation: Expectation
    deployment: Deployment | None
    findings: Sequence[Finding]
    differences: Sequence[Difference] | None

    @property
    def as_expected(self) -> bool:
        """Whether the environment stands where it should, is as promised, and every surprise has its explanation."""
        surprises = [difference for difference in self.differences or () if not difference.explanation]
        return self.expectation.met_by(self.after) and all(f.holds for f in self.findings) and not surprises


@dataclass
class Result:
    """How a rehearsal ended. `fault_left` says that the resource that should have failed was never touched."""

    execution: Execution
    environments: Sequence[EnvironmentResult]
    trouble: Trouble | None
    rejected: bool
    fault_left: bool

    @property
    def as_expected(self) -> bool:
        """Whether the promotion went through, or stopped where trouble on purpose should stop it."""
        meant_to_fail = self.trouble is not None or self.rejected
        if self.execution.succeeded == meant_to_fail or self.fault_left:
            return False
        return all(environment.as_expected for environment in self.environments)


def rehearse(
    project: Path,
    release: Path,
    configurations: Sequence[TemplateConfiguration],
    wishes: Wishes,
    console: Console,
    port: int | None = None,
) -> bool:
    """Promote the release that `project` generates through the environments on an emulator, and print how it went.

    Returns whether everything ended where it should. `release` is the folder from which the accounts are bootstrapped.
    Raises `UserError` where it is not whole, a wish cannot be fulfilled, or the port is taken.
    """
    with started(project, release, configurations, console, port) as rehearsal:
        return rehearsal.promote(wishes).as_expected


@contextmanager
def started(
    project: Path,
    release: Path,
    configurations: Sequence[TemplateConfiguration],
    console: Console,
    port: int | None = None,
) -> Iterator[Rehearsal]:
    """Provide bootstrapped accounts for the time of a `with` block, to promote one release after the other in them."""
    verify(release)
    by_name = {c.environment.environment_name.literal: c for c in configurations}
    by_name = {name: by_name[name] for name in ENVIRONMENTS}
    region = common_region(by_name)
    with (
        Emulator(port) as emulator,
        WebServerStandIn() as stand_in,
        tempfile.TemporaryDirectory(prefix="builds-", dir=emulator.directory) as workspace,
    ):
        narrator = Narrator(console)
        accounts = Accounts(emulator, region)
        narrator.begins(f"bootstrap of the tools account and of {len(by_name)} environments' accounts, {region}")
        pipeline, outputs = bootstrap(accounts, release, by_name, narrator.event)
        engine = Engine(pipeline, narrator)
        yield Rehearsal(accounts, engine, outputs, project, release, by_name, Path(workspace), stand_in, narrator)


@dataclass
class Rehearsal:
    """Bootstrapped accounts with a pipeline, whose executions follow one another."""

    accounts: Accounts
    engine: Engine
    outputs: Mapping[str, str]
    """Of the pipeline's stack."""
    project: Path
    release: Path
    configurations: Mapping[str, TemplateConfiguration]
    workspace: Path
    stand_in: WebServerStandIn
    narrator: Narrator

    def promote(self, wishes: Wishes) -> Result:
        """Push the source and let the pipeline promote it; print how each environment ended, and whether it should."""
        with self._rights_of_then(wishes.previous):
            return self._promote(wishes)

    def _promote(self, wishes: Wishes) -> Result:
        earlier = self._bring_to(wishes.previous, wishes.to) if wishes.previous else _Deployments()
        impacts = self._impacts(wishes.previous) if wishes.previous else {}
        trouble = self._trouble(wishes)
        before = {name: self._state(name) for name in ENVIRONMENTS}
        self._push_source()
        done = _Deployments()
        table = with_trouble(providers(self._surroundings(wishes, done)), trouble, self.stand_in)
        self._start_as_event()
        execution = self.engine.start(table, wishes.variables, STAGES[wishes.to])
        prefix = self._promoted_prefix(execution)
        environments = [
            EnvironmentResult(
                name=name,
                before=before[name],
                after=self._state(name),
                expectation=self._expectation(name, before[name], execution, prefix),
                deployment=done.of.get(name),
                findings=done.findings.get(name, []),
                differences=self._compared(name, execution, impacts, earlier, done),
            )
            for name in ENVIRONMENTS
        ]
        rejected = any(run.status == FAILED and self._asks(run.stage, run.action) for run in execution.runs)
        result = Result(execution, environments, trouble, rejected, fault_left=bool(self.accounts.emulator.faults()))
        self.narrator.result(result, self.engine.history)
        return result

    def _start_as_event(self) -> None:
        """Let EventBridge's role ask whether it may start the pipeline, which the emulator cannot do by itself.

        Raises `UserError` where the rule that an upload sets off could not start it.
        """
        trigger = self.engine.pipeline.trigger
        if trigger is None:
            return
        with explained(f"starting {self.engine.pipeline.name} after an upload"):
            emulator, region = self.accounts.emulator, self.accounts.region
            session = assumed_by_service(emulator, trigger.role_arn, region, EVENTS, trigger.rule_arn, "start")
            allowed = session.may("codepipeline:StartPipelineExecution", trigger.target_arn)
        if not allowed:
            raise UserError(f"{trigger.role_arn} may not start {trigger.target_arn}; see StartRole of root pipeline")

    @contextmanager
    def _rights_of_then(self, previous: Path | None) -> Iterator[None]:
        """Let CloudFormation's roles work with all rights while environments come from a release without boundaries.

        The deployment's policies make no role without a boundary, and take none away. A release that knows no
        boundaries can neither be deployed with them, nor come back when an upgrade from it is undone.
        """
        if previous is None or (previous / BOUNDARIES).exists():
            yield
            return
        self.narrator.begins(f"{previous.name} knows no boundaries: until it is gone, CloudFormation has all rights")
        bounded = {name: self._unbound(name) for name in self.configurations}
        try:
            yield
        finally:
            for name, boundary in bounded.items():
                iam = self.accounts.client("iam", name)
                iam.detach_role_policy(RoleName=CLOUDFORMATION_ROLE, PolicyArn=ALL_RIGHTS)
                if boundary:
                    iam.put_role_permissions_boundary(RoleName=CLOUDFORMATION_ROLE, PermissionsBoundary=boundary)

    def _unbound(self, name: str) -> str:
        """Give the role of CloudFormation all rights in an environment's account; return the boundary that it had."""
        iam = self.accounts.client("iam", name)
        role = iam.get_role(RoleName=CLOUDFORMATION_ROLE)["Role"]
        boundary = str(role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""))
        if boundary:
            iam.delete_role_permissions_boundary(RoleName=CLOUDFORMATION_ROLE)
        iam.attach_role_policy(RoleName=CLOUDFORMATION_ROLE, PolicyArn=ALL_RIGHTS)
        return boundary

    def _bring_to(self, release: Path, to: str) -> _Deployments:
        """Let every environment up to one run a release of earlier times, deployed by the pipeline's own stages."""
        verify(release)
        done = _Deployments()
        surroundings = self._surroundings(Wishes(lambda _: Approval(approved=True)), done)
        artifacts = {"Release": self._artifacts().put("Release", self._artifact_of(release))}
        stages = [STAGES[name] for name in ENVIRONMENTS[: ENVIRONMENTS.index(to) + 1]]
        self.narrator.begins(f"{', '.join(stages)} run {release.name} before")
        execution = self.engine.replay(providers(surroundings), artifacts, stages)
        if not execution.succeeded:
            raise UserError(f"{release}: cannot be deployed, so nothing can be upgraded from it; see above")
        return done

    def _artifact_of(self, release: Path) -> bytes:
        """Return what the build made of a release, with today's settings as far as that release knows them."""
        folder = self.workspace / f"artifact-{release.name}"
        params = next(iter(self.configurations.values())).source.parent
        publish(self._client("s3"), self._client("ssm"), release, params, self.outputs["TemplateBucketName"], folder)
        for name in self.configurations:
            file = folder / f"{name}.json"
            settings = json.loads(file.read_text(encoding="utf-8"))
            given = settings["Parameters"]
            known = release_parameters(release, PLATFORM, given)
            settings["Parameters"] = {key: value for key, value in given.items() if key in known}
            file.write_text(json.dumps(settings), encoding="utf-8")
        return pack(folder, files_below(folder))

    def _trouble(self, wishes: Wishes) -> Trouble | None:
        if not wishes.fail_at:
            return None
        stage = wishes.fail_at.partition(":")[0].lower()
        addresses = self._addresses(stage) if stage in ENVIRONMENTS else []
        trouble = parse_trouble(wishes.fail_at, self.engine.pipeline, addresses)
        if trouble.logical_id:
            self.accounts.emulator.fail(fault(trouble, self.accounts.id_of(trouble.stage.lower())))
        return trouble

    def _addresses(self, name: str) -> list[str]:
        """Return what the release deploys to an environment: the addresses of stacks and of their resources."""
        return list(self._resolved(self.release, name, {}).resources)

    def _push_source(self) -> None:
        """Put the working copy where the pipeline takes its source from, as a push would."""
        content = pack(self.project, source_files(self.project))
        self._client("s3").put_object(Bucket=self.outputs["SourceBucketName"], Key=SOURCE_OBJECT, Body=content)

    def _surroundings(self, wishes: Wishes, done: _Deployments) -> Surroundings:
        endpoint = urlsplit(self.accounts.emulator.endpoint_url)

        def deployed(job: Job, deployment: Deployment) -> None:
            name = job.stage.lower()
            done.of[name] = deployment
            target = Target(
                lambda service: self.accounts.client(service, name),
                self.accounts.emulator.endpoint_url,
                self.configurations[name].environment,
                deployment,
            )
            done.findings[name] = inspect(target) if deployment.complete and job.execution.kind == STANDARD else []
            self.narrator.deployed(deployment, name, done.findings[name])

        return Surroundings(
            emulator=self.accounts.emulator,
            account_id=self.accounts.id_of(TOOLS),
            region=self.accounts.region,
            source=self.project,
            workspace=self.workspace,
            build_environment={
                "AWS_ENDPOINT_URL": self.accounts.emulator.endpoint_url,
                "AWS_REGION": self.accounts.region,
                "AWS_DEFAULT_REGION": self.accounts.region,
                "SMOKE_TEST_CONNECT_TO": f":80:{endpoint.netloc} :443:{HOST}:{self.stand_in.port}",
                "SMOKE_TEST_SECONDS_BETWEEN": "0.1",
                "TEST_VERDICTS": "reuse",
            },
            approve=lambda job: wishes.approve(job.configuration.get("CustomData", "")),
            on_event=self.narrator.event,
            on_line=self.narrator.build_line,
            on_deployment=deployed,
        )

    def _expectation(self, name: str, before: State | None, execution: Execution, prefix: str) -> Expectation:
        can_roll_back = succeeded_before(self.engine.history, execution, STAGES[name])
        return expected(before, STAGES[name], execution, prefix, can_roll_back)

    def _impacts(self, previous: Path) -> dict[str, Impact]:
        """Return what `make impact` says of an upgrade, with the very parameters that the pipeline will give."""
        release_of = {
            release: {
                "TemplateBucketName": self.outputs["TemplateBucketName"],
                "TemplateKeyPrefix": key_prefix(release),
                "WebServerImageId": pin_image(self._client("ssm"), release),
            }
            for release in (previous, self.release)
        }
        return {
            name: compare(*(self._resolved(release, name, given) for release, given in release_of.items()))
            for name in ENVIRONMENTS
        }

    def _resolved(self, release: Path, name: str, of_release: Mapping[str, str]) -> Resolution:
        settings = {**self.configurations[name].parameters(), **of_release}
        given = release_parameters(release, PLATFORM, settings)
        return resolve(release, PLATFORM, given, self.accounts.id_of(name), self.accounts.region)

    def _compared(
        self,
        name: str,
        execution: Execution,
        impacts: Mapping[str, Impact],
        earlier: _Deployments,
        done: _Deployments,
    ) -> Sequence[Difference] | None:
        """Compare what an upgrade did with what the impact says it does."""
        deployment = done.of.get(name)
        if name not in impacts or deployment is None or execution.stages[STAGES[name]] != SUCCEEDED:
            return None
        ids = physical_ids(earlier.of[name])
        types = {address: kind for address, (kind, _) in (ids | physical_ids(deployment)).items()}
        foreseen = predicted(impacts[name])
        return differences(foreseen, observed(ids, deployment, foreseen), types)

    def _promoted_prefix(self, execution: Execution) -> str:
        """Return the key prefix of the release that an execution built; empty where it did not get that far."""
        key = execution.artifacts.get("Release")
        if key is None:
            return ""
        release = json.loads(read_file(self._artifacts().get(key), "release.json"))
        return str(release["TemplateKeyPrefix"])

    def _artifacts(self) -> ArtifactStore:
        return ArtifactStore(self._client("s3"), self.engine.pipeline.artifact_bucket, self.engine.pipeline.name)

    def _asks(self, stage: str, action: str) -> bool:
        """Whether an action is an approval."""
        return any(a.name == action and a.kind == APPROVAL for a in self.engine.pipeline.stage(stage).actions)

    def _state(self, name: str) -> State | None:
        return read_state(self.accounts.client("cloudformation", name), name)

    def _client(self, service: str) -> Any:
        return self.accounts.client(service, TOOLS)
