"""What is killed in the middle, and what runs twice at once: a second run ends right, nothing is lost or done twice.

Where something is killed is decided by a proxy that holds back one request, or its answer. The emulator outlives what
is killed, as AWS does.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from conftest import REGION
from fault_proxy import LOST, NEVER_ENDING, SILENT, FaultProxy, after, fault, wait_until
from rich.console import Console

from generator import __version__
from generator.bill_of_materials import FILE
from generator.delivery import session
from generator.delivery.bootstrap import TARGET_STACKS, bootstrap_target
from generator.delivery.publish import key_prefix, publish
from generator.environment import ENVIRONMENTS, load_all
from generator.errors import UserError
from generator.naming import AUDIT_TRAIL_STACK, root_stack_name, template_file
from generator.rehearsal.accounts import TOOLS, Accounts, bootstrap
from generator.rehearsal.certificates import Authority
from generator.rehearsal.container_releases import ContainerReleases
from generator.rehearsal.emulator import HOST, Emulator
from generator.rehearsal.endpoints import Certificates
from generator.rehearsal.outcome import State, read_state
from generator.rehearsal.pipeline import FAILED, ActionFailedError, Engine
from generator.rehearsal.pipeline_actions import Approval, Surroundings
from generator.rehearsal.pipeline_definition import Pipeline
from generator.rehearsal.rehearse import Behind, Rehearsal, started
from generator.rehearsal.report import Narrator
from generator.rehearsal.tls_front import TlsFronts
from generator.rehearsal.wishes import Wishes
from generator.rehearsal.workload import APPLICATION_PYTHON, workload_of
from generator.release import MANIFEST, folder_of, read_manifest
from generator.template_yaml import load
from tests.rehearsal.environments import project_without_tests

ROOT = Path(__file__).parents[2]
RELEASE, PARAMS = folder_of(ROOT / "templates_out"), ROOT / "params"
CONFIGURATIONS = {c.environment.environment_name.literal: c for c in load_all(PARAMS)}
NESTED = "AWS::CloudFormation::Stack"
OF_THE_RELEASE = {"x-amz-meta-sha256": ""}
"""A header that the objects of a release have, and no others."""

account_ids = (f"6{number:011d}" for number in itertools.count())


def approving(_: str) -> Approval:
    return Approval(approved=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source whose build does not test itself again."""
    return project_without_tests(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def proxy(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    with FaultProxy(emulator.endpoint_url, tmp_path_factory.mktemp("proxy")) as running:
        emulator.is_reached_at(f"{HOST}:{running.port}")
        yield running


class Running(Emulator):
    """An emulator that somebody else has started: it is there before a promotion, and after it."""

    def __init__(self, port: int, directory: Path | None = None) -> None:
        super().__init__()
        self._port = port
        self._directory = directory

    def faults(self) -> list[Any]:
        return []


class Proxied(Running):
    """A running emulator whose APIs are reached through the proxy; browsers go to the platform itself."""

    def __init__(self, port: int, proxy_port: int, directory: Path) -> None:
        super().__init__(port, directory)
        self.proxy = Running(proxy_port)

    def client(self, service: str, account_id: str, region: str) -> Any:
        return self.proxy.client(service, account_id, region)

    def client_of_session(self, service: str, credentials: Mapping[str, Any], region: str) -> Any:
        return self.proxy.client_of_session(service, credentials, region)

    def new_client(self, service: str, account_id: str, region: str) -> Any:
        return self.proxy.new_client(service, account_id, region)


class ProxiedRehearsal(Rehearsal):
    """A rehearsal whose builds reach the APIs through the proxy, too."""

    def _surroundings(self, *arguments: Any) -> Surroundings:
        found = super()._surroundings(*arguments)
        assert isinstance(found.emulator, Proxied)
        endpoint = {"AWS_ENDPOINT_URL": found.emulator.proxy.endpoint_url}
        # A view and no copy: the rehearsal adds names as clients come to know them.
        return replace(found, build_environment=ChainMap(endpoint, found.build_environment))


@dataclass(frozen=True)
class Promotion:
    """What a promotion in a process of its own needs to know."""

    port: int
    proxy_port: int
    directory: Path
    pipeline: Pipeline
    outputs: Mapping[str, str]
    certificates: Certificates
    project: Path
    folder: Path

    def run(self, to: str) -> None:
        """Promote, and leave word of how it ended."""
        report = StringIO()
        narrator = Narrator(Console(file=report, width=200))
        accounts = Accounts(Proxied(self.port, self.proxy_port, self.directory), REGION)
        engine = Engine(self.pipeline, narrator)
        itself, servers = Accounts(Running(self.port, self.directory), REGION), Path(tempfile.mkdtemp(dir=self.folder))
        with (
            workload_of(itself, self.project, servers, narrator.trouble) as workload,
            TlsFronts(servers / "tls", f"{HOST}:{self.port}") as fronts,
        ):
            images = ContainerReleases(itself, self.project, self.project / APPLICATION_PYTHON)
            behind = Behind(workload, fronts, self.certificates, images)
            rehearsal = ProxiedRehearsal(
                accounts, engine, self.outputs, self.project, RELEASE, CONFIGURATIONS, self.folder, behind, narrator
            )
            result = rehearsal.promote(Wishes(approving, to=to))
        reasons = [f"{run.stage}/{run.action}: {run.reason}" for run in result.execution.runs if run.status == FAILED]
        ended = {"as_expected": result.as_expected, "reasons": reasons, "report": report.getvalue()}
        (self.folder / "ended.json").write_text(json.dumps(ended))


@dataclass
class World:
    """Bootstrapped accounts that outlive the promotions in them."""

    accounts: Accounts
    proxy: FaultProxy
    promotion: Promotion

    def start(self, to: str) -> multiprocessing.process.BaseProcess:
        process = multiprocessing.get_context("spawn").Process(target=self.promotion.run, args=(to,))
        process.start()
        return process

    def killed(self, rules: Sequence[Mapping[str, Any]], moment: Callable[[], Any], to: str = "dev") -> None:
        """Start a promotion, and kill it in the moment that it has come to the request held back, and no further."""
        with self.proxy.injecting(*(dict(rule) for rule in rules)):
            process = self.start(to)
            try:
                wait_until(lambda: self.proxy.fired() or not process.is_alive())
                assert process.is_alive(), (self.promotion.folder / "ended.json").read_text()
                wait_until(moment)
            finally:
                process.kill()
                process.join()

    def ended(self, to: str) -> dict[str, Any]:
        """Let a promotion run to its end; return how it ended."""
        process = self.start(to)
        process.join()
        assert process.exitcode == 0
        found: dict[str, Any] = json.loads((self.promotion.folder / "ended.json").read_text())
        return found

    def client(self, service: str, name: str) -> Any:
        return self.accounts.client(service, name)

    def stack(self, name: str) -> dict[str, Any]:
        """Return an environment's root stack; empty where there is none."""
        stacks = self.client("cloudformation", name).describe_stacks()["Stacks"]
        return next((stack for stack in stacks if stack["StackName"] == root_stack_name(name)), {})

    def status(self, name: str) -> str:
        return str(self.stack(name).get("StackStatus", ""))

    def settled(self, name: str) -> None:
        wait_until(lambda: not self.status(name).endswith("_IN_PROGRESS"))

    def change_sets(self, name: str) -> list[str]:
        """Return the change sets of an environment's stack that can be executed."""
        listed = self.client("cloudformation", name).list_change_sets(StackName=root_stack_name(name))["Summaries"]
        return [each["ChangeSetName"] for each in listed if each["ExecutionStatus"] == "AVAILABLE"]

    def templates(self) -> dict[str, int]:
        """Return the objects of the release's bucket, and how often each was written."""
        bucket = self.promotion.outputs["TemplateBucketName"]
        versions = self.client("s3", TOOLS).list_object_versions(Bucket=bucket).get("Versions", [])
        keys = [version["Key"] for version in versions if version["Key"].startswith(key_prefix(RELEASE))]
        return {key.removeprefix(key_prefix(RELEASE)): keys.count(key) for key in keys}

    def reports(self) -> list[str]:
        bucket = self.promotion.outputs["TemplateBucketName"]
        found = self.client("s3", TOOLS).list_objects_v2(Bucket=bucket, Prefix="reviews/")
        return [each["Key"] for each in found.get("Contents", [])]


@pytest.fixture(scope="module")
def world(emulator: Emulator, proxy: FaultProxy, project: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    accounts = Accounts(emulator, REGION)
    configurations = {name: CONFIGURATIONS[name] for name in ENVIRONMENTS}
    certificates = Certificates(Authority())
    pipeline, outputs = bootstrap(accounts, RELEASE, configurations, certificates, lambda _: None)
    ports, folder = (emulator.port, proxy.port), tmp_path_factory.mktemp("promotion")
    promotion = Promotion(*ports, emulator.directory, pipeline, outputs, certificates, project, folder)
    return World(accounts, proxy, promotion)


def test_promotions_killed_at_one_step_after_the_other_end_right_in_the_end(world: World) -> None:
    dev, whole = root_stack_name("dev"), {*read_manifest(RELEASE)["templates"], FILE, MANIFEST}

    publishing = after(3, fault("s3", "PutObject", SILENT, headers=OF_THE_RELEASE))
    world.killed(publishing, lambda: True)
    assert len(world.templates()) == 3
    assert MANIFEST not in world.templates()
    assert world.status("dev") == ""

    its_own = f"StackName == '{dev}'"
    unheard = fault("cloudformation", "CreateChangeSet", NEVER_ENDING, body=its_own)
    world.killed([unheard], lambda: world.change_sets("dev") if world.stack("dev") else False)
    assert world.templates() == dict.fromkeys(whole, 1), "what lay there was not written again"
    assert world.status("dev") == "REVIEW_IN_PROGRESS"

    world.killed([fault("cloudformation", "ExecuteChangeSet", SILENT)], lambda: True)
    assert world.status("dev") == "REVIEW_IN_PROGRESS"
    assert world.change_sets("dev") == [dev], "the change set took the place of the earlier one"

    world.killed(
        [fault("cloudformation", "ExecuteChangeSet", NEVER_ENDING)], lambda: world.status("dev") != "REVIEW_IN_PROGRESS"
    )
    world.settled("dev")

    world.killed([fault("s3", "PutObject", SILENT, headers={"content-type": "text/markdown"})], lambda: True, "prod")
    assert world.reports() == []
    assert [world.status(name) for name in ENVIRONMENTS] == ["CREATE_COMPLETE", "CREATE_COMPLETE", "REVIEW_IN_PROGRESS"]

    # Not killed, but told nothing: the pipeline takes the execution of the change set for failed.
    answer_lost = fault("cloudformation", "ExecuteChangeSet", LOST, body=f"contains(ChangeSetName, '{PROD}')")
    with world.proxy.injecting(answer_lost):
        lost = world.ended("prod")
    [reason] = lost["reasons"]
    assert reason.startswith("Prod/ExecuteChangeSet: Connection was closed")
    assert not lost["as_expected"]
    assert "Traceback" not in lost["report"]
    world.settled("prod")

    last = world.ended("prod")
    assert last["as_expected"], last["report"]
    assert world.templates() == dict.fromkeys(whole, 1)
    for name in ENVIRONMENTS:
        assert_deployed_once(world, name)


PROD = root_stack_name("prod")


def assert_deployed_once(world: World, name: str) -> None:
    """The release runs, was created by one operation, and nothing is there besides what it owns."""
    cloudformation = world.client("cloudformation", name)
    state = read_state(cloudformation, name)
    assert state == State("CREATE_COMPLETE", __version__, key_prefix(RELEASE))
    events = cloudformation.describe_stack_events(StackName=root_stack_name(name))["StackEvents"]
    begun = [e["ResourceStatus"] for e in events if e["LogicalResourceId"] == root_stack_name(name)]
    assert begun.count("CREATE_IN_PROGRESS") == 1
    assert "UPDATE_IN_PROGRESS" not in begun
    assert world.change_sets(name) == []

    stacks = cloudformation.describe_stacks()["Stacks"]
    resources = load((RELEASE / template_file("platform")).read_text())["Resources"]
    nested = {logical_id for logical_id, resource in resources.items() if resource["Type"] == NESTED}
    parents = [stack for stack in stacks if "ParentId" in stack]
    assert len(parents) == len({s["StackName"] for s in parents}) <= len(nested)
    bootstrapped = {AUDIT_TRAIL_STACK, *(stack_name for _, stack_name in TARGET_STACKS)}
    assert {s["StackName"] for s in stacks} - {s["StackName"] for s in parents} == {
        root_stack_name(name),
        *bootstrapped,
    }

    owned = owned_buckets(cloudformation)
    if region := CONFIGURATIONS[name].environment.recovery_region.literal:
        owned += owned_buckets(
            world.accounts.emulator.client("cloudformation", world.accounts.id_of(name), region),
        )
    assert sorted(b["Name"] for b in world.client("s3", name).list_buckets()["Buckets"]) == sorted(owned)


def owned_buckets(cloudformation: Any) -> list[str]:
    """Return the buckets of all stacks of an account in a region."""
    return [
        each["PhysicalResourceId"]
        for stack in cloudformation.describe_stacks()["Stacks"]
        for each in cloudformation.list_stack_resources(StackName=stack["StackName"])["StackResourceSummaries"]
        if each["ResourceType"] == "AWS::S3::Bucket"
    ]


@pytest.fixture
def rehearsal(project: Path) -> Iterator[Rehearsal]:
    with started(project, RELEASE, list(CONFIGURATIONS.values()), Console(file=StringIO(), width=200)) as running:
        yield running


WAITING = """
Resources:
  Wait:
    Type: AWS::CloudFormation::WaitCondition
    CreationPolicy: {ResourceSignal: {Count: 1, Timeout: PT1H}}
"""


def test_an_environment_that_is_being_changed_is_left_alone_until_it_is_over(rehearsal: Rehearsal) -> None:
    stack_name = root_stack_name("dev")
    cloudformation = rehearsal.accounts.client("cloudformation", "dev")
    cloudformation.create_stack(StackName=stack_name, TemplateBody=WAITING)
    refused = rehearsal.promote(Wishes(approving, to="dev", as_is=True))
    [failed] = [run for run in refused.execution.runs if run.status == FAILED]
    assert failed.action == "CreateChangeSet"
    assert "is in CREATE_IN_PROGRESS state and can not be updated" in failed.reason
    signalled = {"StackName": stack_name, "LogicalResourceId": "Wait", "UniqueId": "1", "Status": "SUCCESS"}
    cloudformation.signal_resource(**signalled)
    wait_until(lambda: read_state(cloudformation, "dev").status == "CREATE_COMPLETE")  # type: ignore[union-attr]
    assert rehearsal.promote(Wishes(approving, to="dev", as_is=True)).as_expected
    assert read_state(cloudformation, "dev") == State("UPDATE_COMPLETE", __version__, key_prefix(RELEASE))


class Together:
    """Lets two threads reach an operation before either of them performs it, the first time that each comes there."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(2, timeout=60)
        self._arrived: set[int] = set()

    def before(self, client: Any, service: str, operation: str) -> None:
        client.meta.events.register(f"before-send.{service}.{operation}", self._wait)

    def _wait(self, **_: Any) -> None:
        if threading.get_ident() not in self._arrived:
            self._arrived.add(threading.get_ident())
            self._barrier.wait()


def both(act: Callable[[int], Any]) -> list[Any]:
    """Run something twice at once; return the two results, or what was raised instead."""

    def outcome(number: int) -> Any:
        try:
            return act(number)
        except (UserError, ActionFailedError) as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(outcome, range(2)))


def test_of_two_promotions_to_one_environment_one_deploys_and_the_other_says_why_not(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, accounts = Together(), rehearsal.accounts
    of_session = accounts.emulator.client_of_session

    def meeting(service: str, credentials: Mapping[str, Any], region: str) -> Any:
        client = of_session(service, credentials, region)
        if service == "cloudformation":
            together.before(client, service, "CreateChangeSet")
        return client

    monkeypatch.setattr(accounts.emulator, "client_of_session", meeting)
    rehearsals = [rehearsal, _beside(rehearsal)]
    results = both(lambda number: rehearsals[number].promote(Wishes(approving, to="dev")))
    failures = [[run for run in result.execution.runs if run.status == FAILED] for result in results]
    [winner, [loser]] = sorted(failures, key=len)
    assert winner == []
    assert loser.action == "CreateChangeSet"
    assert "already exists" in loser.reason or "can not be updated" in loser.reason
    cloudformation = accounts.client("cloudformation", "dev")
    assert read_state(cloudformation, "dev") == State("CREATE_COMPLETE", __version__, key_prefix(RELEASE))


def _beside(rehearsal: Rehearsal) -> Rehearsal:
    """Return a second promoter in the same accounts."""
    narrator = Narrator(Console(file=StringIO(), width=200))
    engine = Engine(rehearsal.engine.pipeline, narrator)
    return Rehearsal(
        rehearsal.accounts,
        engine,
        rehearsal.outputs,
        rehearsal.project,
        rehearsal.release,
        rehearsal.configurations,
        rehearsal.workspace,
        rehearsal.behind,
        narrator,
    )


def test_two_rehearsals_at_once_do_not_disturb_each_other(project: Path) -> None:
    def rehearse(_: int) -> tuple[bool, str]:
        report = StringIO()
        console = Console(file=report, width=200)
        with started(project, RELEASE, list(CONFIGURATIONS.values()), console) as running:
            return running.promote(Wishes(approving, to="dev")).as_expected, report.getvalue()

    for as_expected, report in both(rehearse):
        assert as_expected, report


class Account:
    """An account that nothing has been done in yet."""

    def __init__(self, emulator: Emulator, endpoint_url: str) -> None:
        self.id = next(account_ids)
        self._emulator = emulator
        self.variables = {
            "AWS_ACCESS_KEY_ID": self.id,
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": endpoint_url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str) -> Any:
        return self._emulator.client(service, self.id, REGION)

    def bucket(self) -> str:
        name = f"templates-{self.id}"
        configuration = {"LocationConstraint": REGION}
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=configuration)
        self.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def written(self) -> list[str]:
        """Return the names of the objects in the bucket, once for each time that one was written."""
        versions = self.client("s3").list_object_versions(Bucket=f"templates-{self.id}").get("Versions", [])
        return sorted(version["Key"].rpartition("/")[2] for version in versions)


@pytest.fixture
def account(emulator: Emulator, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Account:
    made = Account(emulator, proxy.endpoint_url)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    return made


def test_a_publisher_killed_between_two_objects_is_completed_by_the_next(
    proxy: FaultProxy, account: Account, tmp_path: Path
) -> None:
    dist, whole = tmp_path / "dist", sorted((*read_manifest(RELEASE)["templates"], FILE, MANIFEST))
    command = [sys.executable, "-m", "generator", "publish", "--bucket", account.bucket(), "--dist", str(dist)]
    with proxy.injecting(*after(len(whole) - 1, fault("s3", "PutObject", SILENT))):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            wait_until(proxy.fired)
        finally:
            process.kill()
            process.communicate()
    assert account.written() == [name for name in whole if name != MANIFEST], "the manifest comes last"
    assert list(tmp_path.iterdir()) == []
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert account.written() == whole, "nothing is written twice"
    assert (dist / "release.json").exists()


def test_two_publishers_at_once_publish_the_same(account: Account, tmp_path: Path) -> None:
    together, pinning = Together(), Together()
    bucket = account.bucket()
    clients = [(session.client("s3"), session.client("ssm")) for _ in range(2)]
    for s3, ssm in clients:
        together.before(s3, "s3", "PutObject")
        pinning.before(ssm, "ssm", "PutParameter")
    results = both(lambda number: publish(*clients[number], RELEASE, PARAMS, bucket, tmp_path / str(number)))
    assert results[0] == results[1]
    assert set(account.written()) == {*read_manifest(RELEASE)["templates"], FILE, MANIFEST}
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / number).iterdir()} for number in "01")
    assert first == second
    assert json.loads(first["release.json"]) == results[0]


def test_of_two_bootstraps_at_once_one_does_it_and_the_other_says_why_not(account: Account) -> None:
    together = Together()
    clients = [session.client("cloudformation") for _ in range(2)]
    for client in clients:
        together.before(client, "cloudformation", "ExecuteChangeSet")
    given = {
        "ToolsAccountId": "999999999999",
        "ArtifactBucketName": "artifacts",
        "ArtifactKeyArn": f"arn:aws:kms:{REGION}:999999999999:key/k",
        "TemplateBucketName": "templates",
    }

    def act(number: int) -> Any:
        return bootstrap_target(clients[number], RELEASE, CONFIGURATIONS["dev"], given, lambda _: None)

    [error] = [outcome for outcome in both(act) if isinstance(outcome, UserError)]
    names = [stack_name for _, stack_name in TARGET_STACKS]
    assert str(error).startswith(f"stack {names[0]}: ")
    cloudformation = account.client("cloudformation")
    statuses = {stack["StackName"]: stack["StackStatus"] for stack in cloudformation.describe_stacks()["Stacks"]}
    assert statuses == dict.fromkeys(names, "CREATE_COMPLETE")
    for name in names:
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        begun = [each["ResourceStatus"] for each in events if each["LogicalResourceId"] == name]
        assert begun.count("CREATE_IN_PROGRESS") == 1
    assert act(0).events == []


@pytest.mark.parametrize("moment", ["CREATE_IN_PROGRESS", "stage Build"])
def test_a_rehearsal_that_is_killed_leaves_nothing(project: Path, tmp_path: Path, moment: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "generator", "rehearse", "--to", "dev", "--approve"],
        cwd=project,
        env={**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        assert any(moment in line for line in process.stdout)
        assert processes_in(tmp_path)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    wait_until(lambda: processes_in(tmp_path) == [])
    wait_until(lambda: list(tmp_path.iterdir()) == [])


def processes_in(scratch: Path) -> list[int]:
    """Return the processes whose folder for temporary files is this one, or below it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes()
        except OSError:
            continue
        if f"TMPDIR={scratch}".encode() in variables:
            found.append(int(process.name))
    return found


def test_of_two_change_sets_that_would_create_a_stack_one_is_executed(account: Account) -> None:
    cloudformation = account.client("cloudformation")
    template = "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}"
    first, second = (
        cloudformation.create_change_set(
            StackName="stack", ChangeSetName=name, ChangeSetType="CREATE", TemplateBody=template
        )
        for name in ("first", "second")
    )
    assert first["StackId"] == second["StackId"]
    for made in (first, second):
        wait_until(
            lambda made=made: (
                cloudformation.describe_change_set(ChangeSetName=made["Id"])["Status"] == "CREATE_COMPLETE"
            )
        )
    cloudformation.execute_change_set(ChangeSetName=second["Id"])
    with pytest.raises(cloudformation.exceptions.ClientError, match="ChangeSetNotFound"):
        cloudformation.execute_change_set(ChangeSetName=first["Id"])
