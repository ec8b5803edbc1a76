"""AWS throttles, fails, falls silent, and loses answers: what runs against it ends right, or says why not.

Between the code and the emulator stands a proxy that does these things to the requests it is told, so many times and no
more. `docs/faults.md` has the list.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from conftest import REGION
from fault_proxy import (
    CUT,
    INTERNAL_ERROR,
    LOST,
    NEVER_ENDING,
    RESET,
    SILENT,
    SLOW_DOWN,
    THROTTLED,
    Effect,
    FaultProxy,
    after,
    fault,
)

from generator import cli
from generator.bill_of_materials import FILE, bill_of_materials
from generator.delivery import session
from generator.delivery.bootstrap import TARGET_STACKS, bootstrap_target
from generator.delivery.deploy import Deployment, Event
from generator.delivery.publish import LOCK, key_prefix, publish
from generator.delivery.review import Review, Subject, review
from generator.delivery.session import ATTEMPTS
from generator.environment import TemplateConfiguration, load
from generator.errors import UserError
from generator.naming import web_server_image_path
from generator.rehearsal.emulator import HOST, Emulator
from generator.release import MANIFEST, folder_of, read_manifest
from tests.rehearsal.roles import EVERYTHING, make_role, service
from tests.rehearsal.roles import account as of_account

ROOT = Path(__file__).parents[2]
RELEASE, PARAMS = folder_of(ROOT / "templates_out"), ROOT / "params"
BEARABLE = ATTEMPTS - 1
"""So often may a request fail, and is done in the end."""

TARGET_PARAMETERS = {
    "ToolsAccountId": "999999999999",
    "ArtifactBucketName": "artifacts",
    "ArtifactKeyArn": f"arn:aws:kms:{REGION}:999999999999:key/k",
    "TemplateBucketName": "templates",
}

account_ids = (f"5{number:011d}" for number in itertools.count())


@pytest.fixture(scope="module")
def proxy(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    with FaultProxy(emulator.endpoint_url, tmp_path_factory.mktemp("proxy")) as started:
        emulator.is_reached_at(f"{HOST}:{started.port}")
        yield started


class Account:
    """An account that nothing has been done in yet. The user's AWS settings lead to it, through the proxy."""

    def __init__(self, emulator: Emulator, account_id: str) -> None:
        self.id = account_id
        self._emulator = emulator

    def client(self, service: str) -> Any:
        """Return a client to look at the account with: it goes round the proxy."""
        return self._emulator.client(service, self.id, REGION)

    def bucket(self) -> str:
        name = f"templates-{self.id}"
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    def objects(self, bucket: str) -> dict[str, bytes]:
        s3 = self.client("s3")
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def stacks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client("cloudformation").describe_stacks()["Stacks"]
        return found

    def beginnings(self, stack_name: str) -> list[str]:
        """Return how often a stack began to be created or changed."""
        events = self.client("cloudformation").describe_stack_events(StackName=stack_name)["StackEvents"]
        return [
            each["ResourceStatus"]
            for each in events
            if each["LogicalResourceId"] == stack_name and each["ResourceStatus"] in BEGINNINGS
        ]


BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")


@pytest.fixture
def account(
    emulator: Emulator, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Account:
    settings = tmp_path_factory.mktemp("settings")
    account_id = next(account_ids)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_CONFIG_FILE": str(settings / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(settings / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": account_id,
        "AWS_SECRET_ACCESS_KEY": "rehearsal",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": proxy.endpoint_url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    return Account(emulator, account_id)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients wait a second for what the proxy holds back; everything else takes less, or is asked again."""
    monkeypatch.setattr(session, "READ_TIMEOUT_SECONDS", 1)


def published(bucket: str, dist: Path) -> dict[str, str]:
    return publish(session.client("s3"), session.client("ssm"), RELEASE, PARAMS, bucket, dist)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def the_whole_release() -> dict[str, bytes]:
    names = (*read_manifest(RELEASE)["templates"], MANIFEST)
    bill = bill_of_materials(LOCK, read_manifest(RELEASE)["version"]).encode()
    files = {FILE: bill, **{name: (RELEASE / name).read_bytes() for name in names}}
    return {key_prefix(RELEASE) + name: body for name, body in files.items()}


PUBLISHING = (("s3", "HeadObject"), ("s3", "PutObject"), ("ssm", "GetParameter"), ("ssm", "PutParameter"))


@pytest.mark.parametrize(
    "faults",
    [
        [fault(*operation, SLOW_DOWN if "s3" in operation else THROTTLED, BEARABLE) for operation in PUBLISHING],
        [fault(*operation, INTERNAL_ERROR, BEARABLE) for operation in PUBLISHING],
        [fault(*operation, RESET, BEARABLE) for operation in PUBLISHING],
        [fault("s3", "PutObject", NEVER_ENDING, 1), fault("ssm", "PutParameter", LOST, 1)],
        [fault("s3", "PutObject", SILENT, 1), fault("ssm", "PutParameter", SILENT, 1)],
    ],
    ids=["throttled", "failing", "reset", "lost", "silent"],
)
@pytest.mark.usefixtures("impatient")
def test_a_release_is_published_whole_for_all_that(
    proxy: FaultProxy, account: Account, tmp_path: Path, faults: list[dict[str, Any]]
) -> None:
    bucket, dist = account.bucket(), tmp_path / "dist"
    with proxy.injecting(*faults):
        values = published(bucket, dist)
        assert Counter(proxy.fired()) == {each["operation"]: each["times"] for each in faults}
    assert account.objects(bucket) == the_whole_release()
    pinned = account.client("ssm").get_parameter(Name=web_server_image_path(read_manifest(RELEASE)["version"]))
    assert values["WebServerImageId"] == pinned["Parameter"]["Value"]
    assert pinned["Parameter"]["Version"] == 1
    assert json.loads(files(dist)["release.json"]) == values
    assert files(dist).keys() >= {"platform.yaml", "dev.json", "staging.json", "prod.json", "smoke_test.py"}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (after(3, fault("s3", "PutObject", SLOW_DOWN)), "publishing .* SlowDown"),
        (after(len(the_whole_release()) - 1, fault("s3", "PutObject", RESET)), "publishing .* Connection"),
        ([fault("s3", "HeadObject", INTERNAL_ERROR)], "publishing .* HeadObject"),
        ([fault("ssm", "GetParameter", THROTTLED)], "pinning .* ThrottlingException"),
        ([fault("ssm", "PutParameter", RESET)], "pinning .* Connection"),
    ],
)
def test_what_cannot_be_published_is_said_and_a_second_attempt_completes_it(
    proxy: FaultProxy, account: Account, tmp_path: Path, rules: list[dict[str, Any]], words: str
) -> None:
    bucket, dist = account.bucket(), tmp_path / "dist"
    with proxy.injecting(*rules):
        with pytest.raises(UserError, match=words):
            published(bucket, dist)
        assert len(proxy.fired()) == ATTEMPTS
    left, whole = account.objects(bucket), the_whole_release()
    assert left == whole or key_prefix(RELEASE) + MANIFEST not in left
    assert left.items() <= whole.items()
    assert list(tmp_path.iterdir()) == []
    published(bucket, dist)
    assert account.objects(bucket) == whole


def test_the_command_line_says_it_in_one_message(
    proxy: FaultProxy,
    account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    dist = tmp_path / "dist"
    monkeypatch.setattr(sys, "argv", ["generator", "publish", "--bucket", account.bucket(), "--dist", str(dist)])
    with proxy.injecting(fault("s3", "PutObject", SLOW_DOWN)), pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == UserError.exit_code
    output, errors = capfd.readouterr()
    assert errors.startswith("error: publishing v")
    assert "SlowDown" in errors
    assert "Traceback" not in output + errors
    assert not dist.exists()


@pytest.fixture(scope="module")
def dev() -> TemplateConfiguration:
    return load(PARAMS / "dev.json")


Bootstrap = Callable[[], Deployment]


@pytest.fixture
def bootstrap(account: Account, dev: TemplateConfiguration) -> Bootstrap:
    def act() -> Deployment:
        seen: list[Event] = []
        return bootstrap_target(session.client("cloudformation"), RELEASE, dev, TARGET_PARAMETERS, seen.append)

    return act


CLOUDFORMATION = (
    "DescribeStacks",
    "CreateChangeSet",
    "DescribeChangeSet",
    "ListStackResources",
    "DescribeStackEvents",
    "ExecuteChangeSet",
    "UpdateTerminationProtection",
)


STACKS = [stack for _, stack in TARGET_STACKS]
"""What bootstrapping an environment's account deploys, in this order."""


def assert_bootstrapped_once(account: Account, deployment: Deployment) -> None:
    assert sorted(stack["StackName"] for stack in account.stacks()) == sorted(STACKS)
    for stack in account.stacks():
        assert stack["StackStatus"] == deployment.status == "CREATE_COMPLETE"
        assert stack["EnableTerminationProtection"] is True
        assert account.beginnings(stack["StackName"]) == ["CREATE_IN_PROGRESS"]
        sets = account.client("cloudformation").list_change_sets(StackName=stack["StackName"])["Summaries"]
        assert [each for each in sets if each["ExecutionStatus"] == "AVAILABLE"] == []


@pytest.mark.parametrize("effect", [THROTTLED, RESET, LOST], ids=["throttled", "reset", "lost"])
def test_a_stack_is_deployed_once_for_all_that(
    proxy: FaultProxy, account: Account, bootstrap: Bootstrap, effect: Effect
) -> None:
    faults = [fault("cloudformation", operation, effect, BEARABLE) for operation in CLOUDFORMATION]
    with proxy.injecting(*faults):
        deployment = bootstrap()
        assert Counter(proxy.fired()) == dict.fromkeys(CLOUDFORMATION, BEARABLE)
    assert deployment.events
    assert deployment.resources[""]
    assert_bootstrapped_once(account, deployment)


@pytest.mark.parametrize(
    ("operation", "effect"),
    [
        *((operation, THROTTLED) for operation in CLOUDFORMATION),
        ("CreateChangeSet", LOST),
        ("ExecuteChangeSet", LOST),
    ],
)
def test_what_cannot_be_deployed_is_said_and_a_second_attempt_completes_it(
    proxy: FaultProxy, account: Account, bootstrap: Bootstrap, operation: str, effect: Effect
) -> None:
    with proxy.injecting(fault("cloudformation", operation, effect)):
        with pytest.raises(UserError, match=rf"^(stack {STACKS[0]}|looking at the account's stacks in {REGION}): "):
            bootstrap()
        assert proxy.fired() == [operation] * ATTEMPTS
    settle(account)
    deployment = bootstrap()
    assert_bootstrapped_once(account, deployment)


def settle(account: Account) -> None:
    """Wait until CloudFormation has done what it had been asked for before the answer was lost."""
    stacks = account.stacks()
    if stacks and stacks[0]["StackStatus"] in BEGINNINGS:
        account.client("cloudformation").get_waiter("stack_create_complete").wait(
            StackName=stacks[0]["StackName"], WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
        )


def test_an_update_that_cannot_be_listed_is_no_success(
    proxy: FaultProxy, account: Account, bootstrap: Bootstrap, dev: TemplateConfiguration
) -> None:
    """Were a refused list taken for an empty one, a failed update would look like nothing to do."""
    bootstrap()
    for operation in ("ListStackResources", "DescribeStackEvents", "DescribeStacks"):
        with proxy.injecting(fault("cloudformation", operation, THROTTLED)), pytest.raises(UserError, match=operation):
            bootstrap()
    assert account.beginnings(STACKS[-1]) == ["CREATE_IN_PROGRESS"]


Reviewing = Callable[[], Review]


@pytest.fixture
def reviewing(account: Account, dev: TemplateConfiguration, tmp_path: Path) -> Reviewing:
    bucket, dist = account.bucket(), tmp_path / "dist"
    published(bucket, dist)
    certificate = account.client("acm").request_certificate(DomainName="dev.example.com")["CertificateArn"]
    path = "/web-platform/dev/certificate-arn"
    account.client("ssm").put_parameter(Name=path, Value=certificate, Type="String")
    role = make_role(account.client("iam"), "web-platform-cloudformation", service("cloudformation"), EVERYTHING)
    workspaces = (tmp_path / f"workspace-{number}" for number in itertools.count())

    def act() -> Review:
        subject = Subject(dist, dev, account.id, REGION, role, "execution")
        clients = session.client("cloudformation"), session.client("s3")
        return review(*clients, subject, [], date(2026, 11, 1), next(workspaces))

    return act


def reports(account: Account) -> list[str]:
    return [key for key in account.objects(f"templates-{account.id}") if key.startswith("reviews/")]


@pytest.mark.usefixtures("impatient")
def test_a_review_is_reported_for_all_that(proxy: FaultProxy, account: Account, reviewing: Reviewing) -> None:
    faults = [
        fault("cloudformation", "CreateChangeSet", LOST, BEARABLE),
        fault("cloudformation", "DescribeChangeSet", RESET, BEARABLE),
        fault("cloudformation", "DeleteChangeSet", LOST, BEARABLE),
        fault("s3", "GetObject", SLOW_DOWN, BEARABLE),
        fault("s3", "PutObject", NEVER_ENDING, 1),
    ]
    with proxy.injecting(*faults):
        found = reviewing()
        assert Counter(proxy.fired()) == {each["operation"]: each["times"] for each in faults}
    assert "first deployment" in found.summary
    assert reports(account) == ["reviews/execution/dev.md"]
    assert_nothing_is_left_to_execute(account)


@pytest.mark.parametrize(
    ("service", "operation", "effect"),
    [
        ("cloudformation", "CreateChangeSet", LOST),
        ("s3", "GetObject", CUT),
        ("s3", "PutObject", RESET),
    ],
)
def test_a_review_that_cannot_be_made_is_said_and_made_the_second_time(
    proxy: FaultProxy, account: Account, reviewing: Reviewing, service: str, operation: str, effect: Effect
) -> None:
    with (
        proxy.injecting(fault(service, operation, effect)),
        pytest.raises(UserError, match=r"^reviewing web-platform-dev: "),
    ):
        reviewing()
    assert reports(account) == []
    reviewing()
    assert reports(account) == ["reviews/execution/dev.md"]
    assert_nothing_is_left_to_execute(account)


def assert_nothing_is_left_to_execute(account: Account) -> None:
    """The review executes nothing: the stack is there in name only, and the change set that was read is gone."""
    [stack] = [stack for stack in account.stacks() if "RootId" not in stack]
    assert (stack["StackName"], stack["StackStatus"]) == ("web-platform-dev", "REVIEW_IN_PROGRESS")
    assert account.client("cloudformation").list_change_sets(StackName="web-platform-dev")["Summaries"] == []


def test_a_role_is_assumed_and_an_account_asked_for_all_that(proxy: FaultProxy, account: Account) -> None:
    role = make_role(account.client("iam"), "anyone", of_account(account.id), EVERYTHING)
    with proxy.injecting(
        fault("sts", "AssumeRole", THROTTLED, BEARABLE), fault("sts", "GetCallerIdentity", RESET, BEARABLE)
    ):
        assert session.account_and_region() == (account.id, REGION)
        session.client_of_role("s3", role, REGION).list_buckets()
    with proxy.injecting(fault("sts", "AssumeRole", THROTTLED)), pytest.raises(UserError, match=f"^assuming {role}: "):
        session.client_of_role("s3", role, REGION)
