"""`python -m tests.taskcat`: prepare the regions, let taskcat deploy and test the release there, and clean up."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from generator.errors import UserError
from generator.interrupts import end_interrupted
from generator.rehearsal.emulator import Emulator
from generator.release import folder_of, read_manifest, verify
from tests.taskcat.account import (
    Client,
    Run,
    bootstrap_boundaries,
    check_run_name,
    clean_up,
    new_run_name,
    prepare,
)

REPOSITORY = Path(__file__).parents[2]
TEMPLATES_OUT = REPOSITORY / "templates_out"
CONFIGURATION = REPOSITORY / "taskcat.yml"
TASKCAT_PYTHON = REPOSITORY / ".venv-taskcat" / "bin" / "python"
TESTS = REPOSITORY / "tests" / "taskcat"
EMULATED_ACCOUNT = "000700070007"


@dataclass(frozen=True)
class Account:
    """Where a run deploys to, and how its subprocess reaches the same account."""

    account_id: str
    client: Client
    environment: Mapping[str, str]
    options: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code: 0 passed and cleaned up, 1 not, 2 wrong use.

    After an interrupt it does not return: the process ends, cleaned up, with 130.
    """
    options = _parser().parse_args(arguments)
    regions = tuple(options.region or yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))["project"]["regions"])
    # CodeBuild stops a build with SIGTERM: clean up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.clean_up is not None:
            check_run_name(options.clean_up)
        with _emulated() if options.emulator else _of_user(options.role_name) as account:
            run = Run(options.clean_up or new_run_name(), account.account_id, regions, account.client)
            if options.clean_up:
                return _clean_up(run)
            if options.emulator:
                bootstrap_boundaries(run, folder_of(TEMPLATES_OUT))
            return _test(run, account)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError) as error:
        print(f"error: AWS did not do what was asked: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        end_interrupted()


@contextlib.contextmanager
def staged_project(release: Path) -> Iterator[Path]:
    """Copy the templates of a release to a folder of their own: taskcat uploads all there is, and writes there too."""
    verify(release)
    with tempfile.TemporaryDirectory(prefix="taskcat-") as folder:
        project = Path(folder)
        for name in read_manifest(release)["templates"]:
            shutil.copyfile(release / name, project / name)
        yield project


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.taskcat", description=__doc__)
    parser.add_argument("--emulator", action="store_true", help="deploy to the emulator instead of your AWS account")
    parser.add_argument("--region", action="append", help="only this region; may be repeated")
    parser.add_argument("--role-name", help="the role that CloudFormation creates the stacks with")
    parser.add_argument(
        "--clean-up", metavar="RUN", help="remove what an interrupted run has left, such as taskcat-3f9a1c"
    )
    return parser


@contextlib.contextmanager
def _of_user(role_name: str | None) -> Iterator[Account]:
    """The account of the user's own AWS credentials."""
    import boto3

    session: Any = boto3.session.Session()
    try:
        account_id = session.client("sts", region_name=session.region_name or "us-east-1").get_caller_identity()[
            "Account"
        ]
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"No AWS account to deploy to: {error}. Without one, run make taskcat-local.") from error
    options = [f"--role-name={role_name}"] if role_name else []
    options += [f"--profile={os.environ['AWS_PROFILE']}"] if os.environ.get("AWS_PROFILE") else []
    yield Account(
        account_id, lambda service, region: session.client(service, region_name=region), os.environ, tuple(options)
    )


@contextlib.contextmanager
def _emulated() -> Iterator[Account]:
    """An account on the emulator, for as long as the block."""
    with Emulator() as emulator, tempfile.TemporaryDirectory(prefix="taskcat-home-") as home:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "AWS_ENDPOINT_URL": emulator.endpoint_url,
            "AWS_ACCESS_KEY_ID": EMULATED_ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "emulated",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "*",
        }
        options = (f"--emulator={emulator.endpoint_url}",)
        yield Account(
            EMULATED_ACCOUNT,
            lambda service, region: emulator.client(service, EMULATED_ACCOUNT, region),
            environment,
            options,
        )


def _test(run: Run, account: Account) -> int:
    if not TASKCAT_PYTHON.exists():
        raise UserError(f"{TASKCAT_PYTHON} is missing; run make taskcat or make taskcat-local, which set it up")
    release = folder_of(TEMPLATES_OUT)
    print(f"{run.name}: {release.name} in account {run.account_id}, {', '.join(run.regions)}", flush=True)
    status = 1
    try:
        with staged_project(release) as project:
            for region in run.regions:
                prepare(run, region)
            status = _pytest(run, account, project)
    finally:
        uncleaned = _clean_up(run)
    return 1 if status or uncleaned else 0


def _pytest(run: Run, account: Account, project: Path) -> int:
    """Run the tests in taskcat's environment; return their exit code. Ctrl-C lets them delete their stacks first."""
    tests = [TESTS / "test_regions.py"]
    if run.account_id == EMULATED_ACCOUNT:
        tests.append(TESTS / "test_broken_template.py")
    command = [
        *(
            str(TASKCAT_PYTHON),
            "-m",
            "pytest",
            "--noconftest",
            "-p",
            "tests.taskcat.deployment",
            "-p",
            "no:cacheprovider",
        ),
        *("--verbose", "--capture=no", "-W", "ignore:pkg_resources:UserWarning", *map(str, tests)),
        *(f"--run-name={run.name}", f"--project={project}", f"--configuration={CONFIGURATION}"),
        *(f"--bucket-prefix={run.bucket_prefix}", *(f"--region={region}" for region in run.regions)),
        *account.options,
    ]
    environment = {**account.environment, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
    # A group of its own: the terminal's Ctrl-C reaches this process alone, which passes it on once.
    # On the emulator the pipe at its input tells the tests when this process is gone, however it ended.
    process = subprocess.Popen(command, cwd=project, env=environment, start_new_session=True, stdin=subprocess.PIPE)
    try:
        return process.wait()
    except KeyboardInterrupt:
        print(f"\n{run.name}: interrupted; waiting until the stacks are deleted ...", flush=True)
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _clean_up(run: Run) -> int:
    problems = [problem for region in run.regions for problem in clean_up(run, region, lambda line: print(f"  {line}"))]
    if problems:
        print(
            f"{run.name} has left something behind; try again with make taskcat-clean NAME={run.name}", file=sys.stderr
        )
        print("\n".join(problems), file=sys.stderr)
    else:
        print(f"{run.name}: nothing of it is left", flush=True)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
