"""taskcat.yml fits the release in every region, and a run leaves an account as it was."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator import environment
from generator.checks import lint
from generator.delivery.publish import PUBLIC_IMAGE
from generator.errors import UserError
from generator.naming import BOUNDARIES_STACK, TEST_STACK_PREFIX
from generator.rehearsal.emulator import Emulator
from generator.release import folder_of, read_manifest
from generator.template_yaml import load
from tests.taskcat import __main__ as command_line
from tests.taskcat import account
from tests.taskcat.account import Run, bootstrap_boundaries, clean_up, new_run_name, prepare

REPOSITORY = Path(__file__).parents[1]
RELEASE = folder_of(REPOSITORY / "templates_out")
CONFIGURATION = yaml.safe_load((REPOSITORY / "taskcat.yml").read_text(encoding="utf-8"))
PROJECT, TESTS = CONFIGURATION["project"], CONFIGURATION["tests"]
ACCOUNT_ID, REGION = "000800080008", "eu-west-1"
OF_THE_RELEASE = {"TemplateBucketName", "TemplateKeyPrefix", "WebServerImageId"}


def template_of(test: str) -> dict[str, Any]:
    return load((RELEASE / TESTS[test]["template"]).read_text(encoding="utf-8"))


def rendered(test: str, region: str, run_name: str, account_id: str = ACCOUNT_ID) -> dict[str, str]:
    """The parameters of a test as taskcat would hand them to CloudFormation in a region."""
    pseudo_parameters = {
        "project_name": run_name,
        "autobucket": f"{run_name}-{account_id}-{region}",
        "getsingleaz_1": f"{region}a",
        "getsingleaz_2": f"{region}b",
        f"ssm_{PUBLIC_IMAGE}": "ami-0123456789abcdef0",
    }
    return {
        key: re.sub(r"\$\[taskcat_([^]]+)\]", lambda match: pseudo_parameters[match[1]], value)
        for key, value in TESTS[test]["parameters"].items()
    }


def test_the_regions_are_the_ones_the_templates_are_linted_for() -> None:
    assert tuple(PROJECT["regions"]) == lint.REGIONS
    assert len(PROJECT["regions"]) >= 3


def test_what_taskcat_needs_to_be_told() -> None:
    assert re.fullmatch(r"[a-z0-9-/]*", PROJECT["name"])
    assert PROJECT["s3_regional_buckets"] is True
    assert PROJECT["shorten_stack_name"] is True
    assert all(test["stack_name_prefix"] == TEST_STACK_PREFIX for test in TESTS.values())
    assert PROJECT["package_lambda"] is False
    assert PROJECT["s3_object_acl"] == "bucket-owner-full-control"


@pytest.mark.parametrize("test", TESTS)
def test_the_template_is_a_root_of_the_current_release(test: str) -> None:
    assert read_manifest(RELEASE)["templates"][TESTS[test]["template"]]["root"] is True


@pytest.mark.parametrize("name", sorted(path.name for path in RELEASE.glob("*.yaml")))
def test_defaults_are_strings(name: str) -> None:
    """Where a default is an integer, taskcat deploys it whatever its configuration says, without a word."""
    parameters = load((RELEASE / name).read_text(encoding="utf-8")).get("Parameters", {})
    defaults = {key: parameter["Default"] for key, parameter in parameters.items() if "Default" in parameter}
    assert {key: default for key, default in defaults.items() if not isinstance(default, str)} == {}


@pytest.mark.parametrize("test", TESTS)
def test_every_parameter_is_known_and_none_is_missing(test: str) -> None:
    declared = template_of(test)["Parameters"]
    given = TESTS[test]["parameters"]
    assert given.keys() - declared.keys() == set()
    assert {key for key, parameter in declared.items() if "Default" not in parameter} - given.keys() == set()
    assert {key: value for key, value in given.items() if not isinstance(value, str)} == {}


@pytest.mark.parametrize("region", PROJECT["regions"])
@pytest.mark.parametrize("test", TESTS)
def test_every_parameter_satisfies_its_constraints(test: str, region: str) -> None:
    declared = template_of(test)["Parameters"]
    for key, value in rendered(test, region, new_run_name()).items():
        parameter = declared[key]
        assert re.search(parameter.get("AllowedPattern", ""), value), (key, value)
        assert value in parameter.get("AllowedValues", [value]), (key, value)
        if parameter["Type"] == "Number":
            low, high = (float(parameter.get(bound, value)) for bound in ("MinValue", "MaxValue"))
            assert low <= float(value) <= high, (key, value)


@pytest.mark.parametrize("region", PROJECT["regions"])
@pytest.mark.parametrize("test", TESTS)
def test_the_settings_agree_with_each_other(test: str, region: str, tmp_path: Path) -> None:
    """The platform's rules for an environment hold for this one too: what the root's Rules say, and more."""
    name = new_run_name()
    parameters = {key: value for key, value in rendered(test, region, name).items() if key not in OF_THE_RELEASE}
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps({"Parameters": parameters, "Tags": {**PROJECT["tags"], "Environment": name}}))
    assert environment.load(file).environment.availability_zone_a.literal == f"{region}a"


@pytest.mark.parametrize("test", TESTS)
def test_the_run_is_small_and_can_be_deleted(test: str) -> None:
    given = TESTS[test]["parameters"]
    assert given["DeletionProtection"] == "false"
    assert (given["WebServerMinimum"], given["NatGateways"], given["DatabaseMultiAz"]) == ("1", "single", "false")


def test_whatever_outlives_its_stack_can_be_removed() -> None:
    resources = [
        resource
        for path in RELEASE.glob("*.yaml")
        if path.stem != "tools_account"  # a run deploys nothing of it
        for resource in load(path.read_text(encoding="utf-8"))["Resources"].values()
    ]
    of_policy = {
        policy: {resource["Type"] for resource in resources if resource.get("DeletionPolicy") == policy}
        for policy in ("Retain", "RetainExceptOnCreate", "Snapshot")
    }
    assert of_policy["Retain"] | of_policy["RetainExceptOnCreate"] <= set(account.REMOVERS)
    assert of_policy["Snapshot"] == {"AWS::RDS::DBInstance"}
    assert "AWS::RDS::DBSnapshot" in account.REMOVERS


def test_taskcat_gets_the_templates_and_nothing_else() -> None:
    with command_line.staged_project(RELEASE) as project:
        copied = {path.name: path.read_bytes() for path in project.iterdir()}
    assert copied == {path.name: path.read_bytes() for path in RELEASE.glob("*.yaml")}
    assert not project.exists()


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


INTERRUPTED_AT_WORK = """
from tests.taskcat import __main__ as command_line

def work(run_name):
    exec("raise KeyboardInterrupt")

command_line.check_run_name = work
command_line.main(["--clean-up", "taskcat-3f9a1c"])
"""


def test_an_interrupt_while_python_executes_a_string_exits_with_130_too(tmp_path: Path) -> None:
    """Python executes strings to make dataclasses and namedtuples, so in the middle of an import."""
    (tmp_path / "interrupted.py").write_text(INTERRUPTED_AT_WORK)
    environment_with_path = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "interrupted"]
    result = subprocess.run(
        command, cwd=tmp_path, env=environment_with_path, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (130, "")


@pytest.fixture
def run(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run in an account that nobody has used, but for its bootstrap."""
    monkeypatch.setattr(account, "STACK_DELETION", {"Delay": 1, "MaxAttempts": 60})
    name = new_run_name()
    account_id = f"{int(name[-6:], 16):012d}"
    run = Run(name, account_id, (REGION,), lambda service, region: emulator.client(service, account_id, region))
    bootstrap_boundaries(run, RELEASE)
    return run


def deploy(run: Run) -> str:
    """Create the release as taskcat would, up to where it is killed; return the root's name."""
    s3, cloudformation = run.client("s3", REGION), run.client("cloudformation", REGION)
    bucket, name = f"{run.bucket_prefix}-{REGION}", f"{TEST_STACK_PREFIX}smallest-{run.name[-6:]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for path in RELEASE.glob("*.yaml"):
        s3.put_object(Bucket=bucket, Key=f"{run.name}/{path.name}", Body=path.read_bytes())
    cloudformation.create_stack(
        StackName=name,
        TemplateURL=f"https://s3.{REGION}.amazonaws.com/{bucket}/{run.name}/platform.yaml",
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in rendered("smallest", REGION, run.name, run.account_id).items()
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        DisableRollback=True,
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    return name


def belongings(run: Run) -> dict[str, list[str]]:
    """What there is in the account, by kind."""

    def client(service: str) -> Any:
        return run.client(service, REGION)

    stack_names = [stack["StackName"] for stack in client("cloudformation").describe_stacks()["Stacks"]]
    keys = [client("kms").describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in client("kms").list_keys()["Keys"]]
    return {
        "stacks": [name for name in stack_names if name != BOUNDARIES_STACK],
        "certificates": [c["CertificateArn"] for c in client("acm").list_certificates()["CertificateSummaryList"]],
        "parameters": [parameter["Name"] for parameter in client("ssm").describe_parameters()["Parameters"]],
        "buckets": [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]],
        "tables": client("dynamodb").list_tables()["TableNames"],
        "file systems": [system["FileSystemId"] for system in client("efs").describe_file_systems()["FileSystems"]],
        "snapshots": [s["DBSnapshotIdentifier"] for s in client("rds").describe_db_snapshots()["DBSnapshots"]],
        "log groups": [group["logGroupName"] for group in client("logs").describe_log_groups()["logGroups"]],
        "keys": [
            key["KeyId"] for key in keys if key["KeyManager"] == "CUSTOMER" and key["KeyState"] != "PendingDeletion"
        ],
    }


def test_cleaning_up_after_a_killed_run_leaves_the_account_as_it_was(run: Run, emulator: Emulator) -> None:
    other = Run(new_run_name(), run.account_id, run.regions, run.client)
    prepare(other, REGION)
    run.client("s3", REGION).create_bucket(
        Bucket=f"{other.bucket_prefix}-{REGION}", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    before = belongings(run)
    assert before["certificates"]
    assert before["buckets"]
    prepare(run, REGION)
    deploy(run)
    during = belongings(run)
    assert all(len(during[kind]) > len(before[kind]) for kind in before if kind != "snapshots"), during
    said: list[str] = []
    assert clean_up(run, REGION, said.append) == []
    assert belongings(run) == before
    retained = set(re.findall(r"AWS::\w+::\w+", "\n".join(said)))
    # A secret of its own belongs to a database with a read replica alone.
    assert retained == set(account.REMOVERS) - {"AWS::SecretsManager::Secret"}
    again: list[str] = []
    assert clean_up(run, REGION, again.append) == []
    assert again == []
    assert clean_up(other, REGION, said.append) == []


def test_preparing_twice_is_preparing_once(run: Run) -> None:
    first = prepare(run, REGION)
    assert prepare(run, REGION) == first
    parameter = run.client("ssm", REGION).get_parameter(Name=f"/web-platform/{run.name}/certificate-arn")
    assert parameter["Parameter"]["Value"] == first
    assert belongings(run)["certificates"] == [first]
    assert clean_up(run, REGION, lambda line: None) == []
    assert belongings(run)["certificates"] == []


def test_what_cannot_be_removed_is_reported_and_the_rest_is_removed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(run, REGION)
    deploy(run)
    removers = {kind: remove for kind, remove in account.REMOVERS.items() if kind != "AWS::EFS::FileSystem"}
    with monkeypatch.context() as patched:
        patched.setattr(account, "REMOVERS", removers)
        problems = clean_up(run, REGION, lambda line: None)
    assert len(problems) == 1
    assert re.search(r"^eu-west-1: AWS::EFS::FileSystem fs-\w+: remove it by hand", problems[0])
    rest = belongings(run)
    assert rest.pop("file systems") != []
    assert {kind: found for kind, found in rest.items() if found} == {}
    assert clean_up(run, REGION, lambda line: None) == []
    assert belongings(run)["file systems"] == []


@pytest.mark.parametrize(
    ("stack", "owned"),
    [
        ("web-platform-taskcat-smallest-3f9a1c", True),
        ("web-platform-taskcat-smallest-3f9a1c-Network-0853939F0F86", True),
        ("web-platform-taskcat-smallest-3f9a1d", False),
        ("web-platform-taskcat-smallest-3f9a1c0", False),
        ("web-platform-3f9a1c", False),
    ],
)
def test_a_run_owns_its_own_stacks_only(stack: str, owned: bool) -> None:
    assert Run("taskcat-3f9a1c", ACCOUNT_ID, (REGION,), lambda service, region: None).owns_stack(stack) is owned


@pytest.mark.parametrize("name", ["", "taskcat", "prod", "taskcat-3F9A1C", "taskcat-3f9a1c-x"])
def test_only_runs_of_taskcat_are_cleaned_up(name: str) -> None:
    with pytest.raises(UserError, match="is no run of taskcat"):
        Run(name, ACCOUNT_ID, (REGION,), lambda service, region: None)


def command(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as somebody without credentials."""
    variables = {
        "PATH": str(tmp_path),
        "HOME": str(tmp_path),
        "PYTHONPATH": str(REPOSITORY),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return subprocess.run(
        [sys.executable, "-m", "tests.taskcat", *arguments], env=variables, capture_output=True, text=True, cwd=tmp_path
    )


def test_without_credentials_the_command_says_what_to_do(tmp_path: Path) -> None:
    done = command(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "make taskcat-local" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["", "prod"])
def test_cleaning_up_nothing_in_particular_is_refused(tmp_path: Path, name: str) -> None:
    """`make taskcat-clean` without NAME must not start a run."""
    done = command(tmp_path, "--clean-up", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {name!r} is no run of taskcat")
