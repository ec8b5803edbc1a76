"""The whole rehearsal: the generated pipeline, executed on an emulator, from the source to production.

The tools account and each environment have an account of their own, bootstrapped as on AWS. The pipeline is read from
the release's template and executed action by action; after each deployment the services are asked whether everything is
as promised. IAM is enforced: administrators bootstrap, push the source and ask the services afterwards, and all else is
done by the roles that do it on AWS. What the rehearsal cannot show is printed with the result.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from generator.checks.changes import Impact
from generator.checks.environment_impact import release_parameters
from generator.checks.impact import compare
from generator.delivery.deploy import Deployment
from generator.delivery.images import NO_IMAGES
from generator.delivery.publish import key_prefix, pin_image, publish
from generator.delivery.session import explained
from generator.delivery.smoke_test import CONNECT_TO_VARIABLE, PAUSE_VARIABLE
from generator.environment import ENVIRONMENTS, TemplateConfiguration
from generator.errors import UserError
from generator.naming import PLATFORM, TOOLS, template_file
from generator.progress import Say, silent
from generator.rehearsal.accounts import Accounts, bootstrap, by_environment, common_region
from generator.rehearsal.alarm_rehearsal import ring_environment
from generator.rehearsal.certificates import Authority
from generator.rehearsal.container_releases import ContainerReleases
from generator.rehearsal.docker_stand_in import install
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_sessions import assumed_by_service
from generator.rehearsal.endpoints import Certificates, endpoints
from generator.rehearsal.former_rights import all_rights
from generator.rehearsal.other_settings import COMPUTE, with_settings
from generator.rehearsal.outcome import (
    Deployments,
    EnvironmentResult,
    Expectation,
    Result,
    State,
    Trial,
    expected,
    read_state,
    succeeded_before,
)
from generator.rehearsal.pipeline import FAILED, STANDARD, SUCCEEDED, Engine, Execution, Job, Providers
from generator.rehearsal.pipeline_actions import Approval, Surroundings, providers
from generator.rehearsal.pipeline_artifacts import ArtifactStore, files_below, pack, read_file
from generator.rehearsal.probes import inspect
from generator.rehearsal.report import Narrator
from generator.rehearsal.requests_rehearsal import refuse_missing_programs, rehearse_requests, release_application
from generator.rehearsal.requests_scenarios import LiveEnvironment
from generator.rehearsal.requests_table import Row
from generator.rehearsal.target import Target
from generator.rehearsal.tls_front import TlsFronts
from generator.rehearsal.trouble import Trouble, fault, parse_trouble, with_trouble
from generator.rehearsal.upgrade import Difference, differences, observed, physical_ids, predicted
from generator.rehearsal.wishes import Wishes
from generator.rehearsal.workload import APPLICATION_PYTHON, Workload, workload_of
from generator.release import verify
from generator.resolver import Resolution, resolve
from generator.source_files import source_files

SOURCE_OBJECT = "source.zip"
SERVERS_ALONE = "ec2"
"""The value of `Compute` without containers."""

EVENTS = "events.amazonaws.com"
BOUNDARIES = template_file("boundaries")
APPROVAL = ("Approval", "AWS", "Manual")
STAGES = {name: name.capitalize() for name in ENVIRONMENTS}
"""The stage that promotes to each environment."""


def rehearse(
    project: Path,
    release: Path,
    configurations: Sequence[TemplateConfiguration],
    wishes: Wishes,
    console: Console,
    port: int | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
    say: Say = silent,
) -> Result | Trial:
    """Promote the release that `project` generates through the environments on an emulator, and print how it went.

    With other settings than those in params the release is deployed as it is, without a build: what is in the source
    has been tested with its own settings only. Returns how everything ended, and whether that is where it should.
    `release` is the folder from which the accounts are bootstrapped. Raises `UserError` where it is not whole, a wish
    cannot be fulfilled, or the port is taken.
    """
    if wishes.visit:
        refuse_missing_programs(project)
    if wishes.previous:
        verify(wishes.previous)
    with started(project, release, configurations, console, port, settings, say) as rehearsal:
        return rehearsal.deploy(wishes.to) if settings else rehearsal.promote(wishes)


@contextmanager
def started(
    project: Path,
    release: Path,
    configurations: Sequence[TemplateConfiguration],
    console: Console,
    port: int | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
    say: Say = silent,
) -> Iterator[Rehearsal]:
    """Provide bootstrapped accounts for the time of a `with` block, to promote one release after the other in them.

    `settings` take the place of those that `configurations` have (`other_settings`). `say` is told what is being done.
    """
    verify(release)
    region = common_region(by_environment(configurations))
    narrator, certificates = Narrator(console, say), Certificates(Authority())
    with (
        Emulator(port) as emulator,
        tempfile.TemporaryDirectory(prefix="builds-", dir=emulator.directory) as workspace,
        tempfile.TemporaryDirectory(prefix="servers-", dir=emulator.directory) as servers,
        TlsFronts(Path(servers, "tls"), urlsplit(emulator.endpoint_url).netloc) as fronts,
        workload_of(Accounts(emulator, region), project, Path(servers), narrator.trouble) as workload,
    ):
        accounts = Accounts(emulator, region)
        if settings:
            configurations = with_settings(configurations, settings, Path(workspace))
        by_name = by_environment(configurations)
        narrator.begins(f"bootstrap of the tools account and of {len(by_name)} environments' accounts, {region}")
        pipeline, outputs = bootstrap(accounts, release, by_name, certificates, narrator.event)
        engine = Engine(pipeline, narrator)
        images = ContainerReleases(accounts, project, project / APPLICATION_PYTHON)
        behind = Behind(workload, fronts, certificates, images)
        folder, tries_compute = Path(workspace), COMPUTE in settings
        yield Rehearsal(accounts, engine, outputs, project, release, by_name, folder, behind, narrator, tries_compute)
        say("stopping the emulator")


@dataclass(frozen=True)
class Behind:
    """What runs for real around the emulator: servers behind its load balancers, TLS before them."""

    workload: Workload
    fronts: TlsFronts
    certificates: Certificates
    images: ContainerReleases


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
    behind: Behind
    narrator: Narrator
    tries_compute: bool = False
    """Whether new versions are deployed, and fail to be, while visitors ask."""

    def promote(self, wishes: Wishes) -> Result:
        """Push the source and let the pipeline promote it; print how each environment ended, and whether it should."""
        with self._rights_of_then(wishes.previous):
            return self._promote(wishes)

    def deploy(self, to: str) -> Trial:
        """Deploy the release as it is, without a build, to the environments up to one; visit them, and print it all."""
        deployed = self.bring_to(self.release, to)
        rows = self.visit(list(deployed.of))
        self.narrator.visited(rows, list(deployed.of.values()))
        return Trial(deployed, rows)

    def release_application(self, name: str) -> LiveEnvironment:
        """Let an environment that has been deployed run the sample application; return it as visitors see it."""
        return release_application(self, name)

    def visit(self, names: Sequence[str]) -> list[Row]:
        """Release the application to environments that have been deployed, and visit them; return what was seen."""
        self.narrator.begins(f"the application is released to {', '.join(names)}")
        with ThreadPoolExecutor(len(names)) as pool:
            live = list(pool.map(self.release_application, names))
            self.narrator.begins("visitors")
            found = pool.map(lambda each: list(rehearse_requests(self, each)), live)
            return [row for rows in found for row in rows]

    def _promote(self, wishes: Wishes) -> Result:
        earlier = self.bring_to(wishes.previous, wishes.to) if wishes.previous else Deployments()
        impacts = self._impacts(wishes.previous) if wishes.previous else {}
        trouble = self._trouble(wishes)
        before = {name: self._state(name) for name in ENVIRONMENTS}
        done = Deployments()
        table = with_trouble(providers(self._surroundings(wishes, done)), trouble, self._out_of_service)
        execution = self._execute(table, wishes)
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
        rows = self.visit(list(done.of)) if wishes.visit and execution.succeeded and done.of else []
        fault_left = bool(self.accounts.emulator.faults())
        result = Result(execution, environments, trouble, rejected, fault_left, rows)
        self.narrator.result(result, self.engine.history)
        return result

    def _execute(self, table: Providers, wishes: Wishes) -> Execution:
        """Let the pipeline execute, from a push of the working copy, or with the release as it is."""
        if wishes.as_is:
            names = ENVIRONMENTS[: ENVIRONMENTS.index(wishes.to) + 1]
            return self.engine.replay(table, self._artifacts_of(self.release), [STAGES[name] for name in names])
        self._push_source()
        self._start_as_event()
        return self.engine.start(table, wishes.variables, STAGES[wishes.to])

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

    def _rights_of_then(self, previous: Path | None) -> AbstractContextManager[None]:
        """Let environments come from a release without boundaries, and go back to it, where there is such a one."""
        if previous is None or (previous / BOUNDARIES).exists():
            return nullcontext()
        self.narrator.begins(f"{previous.name} knows no boundaries: until it is gone, CloudFormation has all rights")
        return all_rights(self.accounts, list(self.configurations))

    def bring_to(self, release: Path, to: str, alone: bool = False) -> Deployments:
        """Let every environment up to one, or that one alone, run a release: deployed by the pipeline, and not built.

        Raises `UserError` where that fails.
        """
        verify(release)
        done = Deployments()
        surroundings = self._surroundings(Wishes(lambda _: Approval(approved=True)), done)
        names = [to] if alone else ENVIRONMENTS[: ENVIRONMENTS.index(to) + 1]
        stages = [STAGES[name] for name in names]
        self.narrator.begins(f"{release.name} is deployed to {', '.join(stages)}, as it is")
        execution = self.engine.replay(providers(surroundings), self._artifacts_of(release), stages)
        if not execution.succeeded:
            raise UserError(f"{release}: cannot be deployed; see above")
        return done

    def _artifacts_of(self, release: Path) -> Mapping[str, str]:
        """Put what the build made of a release where the pipeline keeps its artifacts; return the keys by name."""
        return {"Release": self._artifacts().put("Release", self._artifact_of(release))}

    def _artifact_of(self, release: Path) -> bytes:
        """Return what the build made of a release, with today's settings as far as that release knows them."""
        folder = self.workspace / f"artifact-{release.name}"
        params = next(iter(self.configurations.values())).source.parent
        bucket = self.outputs["TemplateBucketName"]
        publish(self._client("s3"), self._client("ssm"), release, params, bucket, folder, self._images())
        for name in self.configurations:
            file = folder / f"{name}.json"
            settings = json.loads(file.read_text(encoding="utf-8"))
            given = settings["Parameters"]
            known = release_parameters(release, PLATFORM, given)
            settings["Parameters"] = {key: value for key, value in given.items() if key in known}
            file.write_text(json.dumps(settings), encoding="utf-8")
        return pack(folder, files_below(folder))

    def _images(self) -> Mapping[str, str]:
        """Return the images by digest where any environment has containers; they are in the registry."""
        wanted = any(each.environment.compute.literal != SERVERS_ALONE for each in self.configurations.values())
        return self.behind.images.of_release() if wanted else NO_IMAGES

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

    def _surroundings(self, wishes: Wishes, done: Deployments) -> Surroundings:
        variables = {
            "AWS_ENDPOINT_URL": self.accounts.emulator.endpoint_url,
            "AWS_REGION": self.accounts.region,
            "AWS_DEFAULT_REGION": self.accounts.region,
            CONNECT_TO_VARIABLE: self.behind.fronts.connect_to,
            PAUSE_VARIABLE: "0.1",
            "TEST_VERDICTS": "reuse",
        }

        def deployed(job: Job, deployment: Deployment) -> None:
            name = job.stage.lower()
            done.of[name] = deployment
            if deployment.complete:
                self.open_to_clients(name, deployment.outputs)
                variables[CONNECT_TO_VARIABLE] = self.behind.fronts.connect_to
            target = Target(
                lambda service: self.accounts.client(service, name),
                self.accounts.emulator.endpoint_url,
                self.configurations[name].environment,
                deployment,
            )
            asked = deployment.complete and job.execution.kind == STANDARD
            rung = ring_environment(self.accounts, self.configurations[name], deployment) if asked else []
            done.findings[name] = [*inspect(target), *rung] if asked else []
            self.narrator.deployed(deployment, name, done.findings[name])

        return Surroundings(
            emulator=self.accounts.emulator,
            account_id=self.accounts.id_of(TOOLS),
            region=self.accounts.region,
            source=self.project,
            workspace=self.workspace,
            build_environment=variables,
            approve=lambda job: wishes.approve(job.configuration.get("CustomData", "")),
            approver_role_arn=self.outputs["ApproverRoleArn"],
            on_event=self.narrator.event,
            on_line=self.narrator.build_line,
            on_deployment=deployed,
            programs=install(self.workspace, self.project / APPLICATION_PYTHON).parent,
        )

    def open_to_clients(self, name: str, outputs: Mapping[str, str]) -> None:
        """Let clients reach an environment that was just deployed, once its web servers are up.

        `outputs` are those of its root stack.
        """
        self.behind.workload.settle(self.accounts.id_of(name))
        for endpoint in endpoints(self.accounts.clients(name), outputs, self.behind.certificates):
            self.behind.fronts.open(endpoint)

    def _out_of_service(self, name: str) -> AbstractContextManager[None]:
        return self.behind.workload.out_of_service(self.accounts.id_of(name))

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
        earlier: Deployments,
        done: Deployments,
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
