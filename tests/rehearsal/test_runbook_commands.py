"""Every command of the runbook that the emulator can answer is run as it stands there, by the role that it is for.

The values of a deployed prod are filled in, as `python -m generator runbook` does. Commands of a page share a shell;
one that fails, or prints something else than the page says, fails the page. Operators' commands are run by the
operators' role, with IAM enforced: what it may not do must say "administrator".
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from generator.environment import load
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.other_settings import with_settings
from generator.runbook.pages import RUNBOOK, Block, Page, Step, find, parse, read_pages
from generator.runbook.values import filled, placeholders, values_of
from tests.documented_commands import documented, documented_line
from tests.rehearsal.aws_commands import commands
from tests.rehearsal.environments import REGION, ROOT, deployed
from tests.rehearsal.roles import account, document

PAGES = read_pages(ROOT / RUNBOOK)
RUNNABLE = [page for page in PAGES if any(not block.not_run for block in page.blocks)]
EVERYTHING = {"Compute": "both"}
STEP = "@@@ the next command"
SHELL = """set -euo pipefail
sleep() { :; }
operator() {
    export AWS_ACCESS_KEY_ID=$OPERATOR_KEY AWS_SECRET_ACCESS_KEY=$OPERATOR_SECRET AWS_SESSION_TOKEN=$OPERATOR_TOKEN
}
administrator() { export AWS_ACCESS_KEY_ID=$ACCOUNT_ID AWS_SECRET_ACCESS_KEY=rehearsal; unset AWS_SESSION_TOKEN; }
"""


@dataclass(frozen=True)
class Desk:
    """Where somebody sits with the runbook: the values of the environment, and a shell's variables."""

    values: Mapping[str, str]
    variables: Mapping[str, str]

    def run(self, page: Page) -> subprocess.CompletedProcess[str]:
        blocks = [block for block in page.blocks if not block.not_run]
        return self._run("".join(self._script(block) for block in blocks))

    def type(self, who: str, command: str) -> subprocess.CompletedProcess[str]:
        """Run what is on no page."""
        return self._run(f"{who}\n{command}\n")

    def expected(self, step: Step) -> list[str]:
        return [filled(line, self.values) for line in step.expected]

    def _run(self, script: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-c", SHELL + script]
        return subprocess.run(command, env=dict(self.variables), capture_output=True, text=True)

    def _script(self, block: Block) -> str:
        who = "administrator" if block.as_administrator else "operator"
        commands = "".join(f"echo '{STEP}'\n{filled(step.command, self.values)}\n" for step in block.steps)
        return f"{who}\n{commands}"


@pytest.fixture(scope="module")
def desk(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    # With servers and with containers, so that no page is about what is not there.
    [prod] = with_settings([load(ROOT / "params/prod.json")], EVERYTHING, tmp_path_factory.mktemp("params"))
    target = deployed(emulator, prod)
    values = values_of(target.client("cloudformation"), "prod")
    account_id = values["OperatorRoleArn"].split(":")[4]
    # The emulator has no MFA devices; that the role asks for one is the proof of permissions' matter.
    name = values["OperatorRoleArn"].rpartition("/")[2]
    trust = document({"Effect": "Allow", "Principal": account(account_id), "Action": "sts:AssumeRole"})
    target.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    session = target.client("sts").assume_role(RoleArn=values["OperatorRoleArn"], RoleSessionName="operator")
    variables = {
        "HOME": str(tmp_path_factory.mktemp("home")),
        "AWS_ENDPOINT_URL": emulator.endpoint_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_PAGER": "",
        "ACCOUNT_ID": account_id,
        "OPERATOR_KEY": session["Credentials"]["AccessKeyId"],
        "OPERATOR_SECRET": session["Credentials"]["SecretAccessKey"],
        "OPERATOR_TOKEN": session["Credentials"]["SessionToken"],
    }
    with commands() as where:
        yield Desk(values, {**variables, **where})


@pytest.fixture
def cloudwatch(desk: Desk, emulator: Emulator) -> Any:
    return emulator.client("cloudwatch", desk.variables["ACCOUNT_ID"], REGION)


@pytest.mark.parametrize("page", RUNNABLE, ids=[page.anchor for page in RUNNABLE])
def test_commands_do_what_the_page_says(desk: Desk, page: Page) -> None:
    done = desk.run(page)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    outputs = done.stdout.split(f"{STEP}\n")[1:]
    steps = [step for block in page.blocks if not block.not_run for step in block.steps]
    assert len(outputs) == len(steps)
    for step, output in zip(steps, outputs, strict=True):
        assert printed_as_expected(desk.expected(step), output.splitlines()), f"{step.command}\nprints\n{output}"


def test_a_deployed_environment_fills_in_all_but_the_settings_that_it_has_not(desk: Desk) -> None:
    text = (ROOT / RUNBOOK).read_text(encoding="utf-8")
    assert placeholders(filled(text, desk.values)) == {"VpnGatewayAddress"}


def test_a_page_is_printed_with_the_names_of_the_environment(desk: Desk) -> None:
    """With the operators' own rights."""
    command = shlex.join(["-m", "generator", *documented("python -m generator runbook outage --environment prod")])
    done = desk.type("operator", f"cd {ROOT}; COLUMNS=400 {sys.executable} {command}")
    assert done.returncode == 0, done.stderr
    page = find(PAGES, "outage")
    assert page is not None
    wanted = placeholders("".join(step.command for block in page.blocks for step in block.steps))
    assert wanted
    assert {name: desk.values[name] for name in wanted if desk.values[name] not in done.stdout} == {}


def test_commands_of_other_documents_do_what_they_say(desk: Desk, tmp_path: Path, emulator: Emulator) -> None:
    acm = emulator.client("acm", desk.variables["ACCOUNT_ID"], REGION)
    [certificate] = acm.list_certificates()["CertificateSummaryList"]
    servers = documented_line(
        "aws autoscaling update-auto-scaling-group --auto-scaling-group-name <WebServerGroupName> "
        "--min-size 1 --max-size 2 --desired-capacity 1",
        desk.values["WebServerGroupName"],
    )
    database = documented_line(
        "aws rds start-db-instance --db-instance-identifier <DatabaseId>", desk.values["DatabaseId"]
    )
    made = documented_line(
        "aws acm get-certificate --certificate-arn <ARN> --query Certificate --output text > dev.pem",
        certificate["CertificateArn"],
    )
    compared = documented_line("openssl x509 -in dev.pem -noout -fingerprint -sha256")
    acknowledged = documented_line(
        "aws cloudwatch put-metric-data --namespace web-platform-operators --metric-name PageAcknowledged "
        "--dimensions Environment=prod --value 1"
    )
    for who, command in (("operator", acknowledged), ("administrator", f"{servers} && {database}")):
        done = desk.type(who, command)
        assert done.returncode == 0, done.stderr
    done = desk.type("administrator", f"cd {tmp_path}; {made} && {compared}")
    body = acm.get_certificate(CertificateArn=certificate["CertificateArn"])["Certificate"]
    fingerprint = x509.load_pem_x509_certificate(body.encode()).fingerprint(SHA256()).hex(":").upper()
    assert done.stdout.strip().endswith(f"={fingerprint}")


def test_d12_the_command_that_acknowledges_a_page_is_heard(desk: Desk, cloudwatch: Any) -> None:
    """Its namespace, name and dimensions are those that the alarm waits for, and the operators' role may put it."""
    [page] = [page for page in PAGES if page.anchor == "incident"]
    assert desk.run(page).returncode == 0
    found = cloudwatch.describe_alarms(AlarmNamePrefix="web-platform-prod-Observability-")["MetricAlarms"]
    [acknowledged] = [alarm for alarm in found if "-PageAcknowledged-" in alarm["AlarmName"]]
    assert acknowledged["StateValue"] == "ALARM"


def test_whoever_answers_visitors_is_watched(cloudwatch: Any) -> None:
    """As the settings say, evaluated by a deployment: servers without a second colour, and containers."""
    found = cloudwatch.describe_alarms(AlarmNamePrefix="web-platform-prod-Observability-")["MetricAlarms"]
    missed = {name for alarm in found for name in re.findall(r"-(NoHealthy\w+)-", alarm["AlarmName"])}
    assert missed == {"NoHealthyServer", "NoHealthyTask"}


# Each of these would pass if nothing were run, or if anybody could do anything.


def test_a_command_that_operators_may_not_do_fails_without_an_administrator(desk: Desk) -> None:
    """So a page that forgets to say who is needed fails."""
    said = "## Page\n\n{remark}```console\n$ aws iam list-users --query 'Users[0].Path' --output text\n/\n```\n"
    [page] = parse(said.format(remark=""), "page.md")
    done = desk.run(page)
    assert done.returncode != 0
    assert "AccessDenied" in done.stderr
    [page] = parse(said.format(remark="<!-- as administrator -->\n"), "page.md")
    assert desk.run(page).stdout.splitlines() == [STEP, "/"]


def test_a_command_that_fails_ends_its_page(desk: Desk) -> None:
    [page] = parse("## Page\n\n```console\n$ aws ec2 describe-nonsense\n$ echo 'I went on'\n```\n", "page.md")
    done = desk.run(page)
    assert done.returncode != 0
    assert done.stdout.splitlines() == [STEP]


@pytest.mark.parametrize(
    ("expected", "printed", "as_expected"),
    [
        ([], ["anything"], True),
        (["i-…\tInService"], ["i-0a1b\tInService", "i-2c3d\tPending"], True),
        (["i-…\tInService"], ["i-0a1b\tPending"], False),
        (["True"], [], False),
        (["…", "last"], ["first", "second", "last"], True),
        (["a.c"], ["abc"], False),
    ],
)
def test_what_is_printed_is_compared(expected: list[str], printed: list[str], as_expected: bool) -> None:
    assert printed_as_expected(expected, printed) is as_expected


def printed_as_expected(expected: list[str], printed: list[str]) -> bool:
    """Whether the first lines are the expected ones; `…` is anything, and alone on a line any number of lines."""
    pattern = "".join(
        r"(?:.*\n)*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n" for line in expected
    )
    return re.match(pattern, "".join(f"{line}\n" for line in printed)) is not None
