"""The rehearsal on the terminal: the pipeline as it goes on, tables at the end, the first real failure in a box."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import HORIZONTALS as ROWS
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Column, Table

from generator.delivery.deploy import NESTED, Deployment, Event
from generator.progress import Say, silent
from generator.rehearsal.alarm_rehearsal import reached
from generator.rehearsal.emulator_types import support
from generator.rehearsal.likely_causes import hint_for
from generator.rehearsal.pipeline import FAILED, ROLLBACK, ActionRun, Execution
from generator.rehearsal.pipeline_definition import Stage
from generator.rehearsal.requests_table import Row, merged
from generator.rehearsal.target import Finding

if TYPE_CHECKING:
    from generator.rehearsal.outcome import EnvironmentResult, Result

STATUS_WIDTH = len("UPDATE_ROLLBACK_IN_PROGRESS")
COMMAND = "[Container] Running command "
BUILD_LINES = 30
"""How much of a build's output is shown when it fails."""

NOT_SHOWN = (
    "CodePipeline, CodeBuild and CodeConnections are executed by the rehearsal, after their documentation; their"
    " containers and triggers are not exercised.",
    "Web servers run nginx with the configuration of the user data, and the application from its archive, as processes"
    " of this machine: packages, systemd, the CloudWatch agent, EFS and the kernel of Amazon Linux are not exercised."
    " Dependencies come from this machine's environment and not from the archive; traces go nowhere.",
    "Containers run the files of their images as processes of this machine, by the task definition: base image, user,"
    " read-only root, limits, mounts and Service Connect are not exercised; the collector does not run. Of a Dockerfile"
    " the instructions that need a container engine are not executed (application/README.md).",
    "PostgreSQL is real and starts empty; Multi-AZ, replicas, and the parameters of RDS are not exercised;"
    " backups by `make drill` alone.",
    "Health checks are made in rounds, without the seconds between them, and so are the minutes of ECS's deployments;"
    " deregistered targets answer on for a second; scaling under load is not exercised.",
    "TLS is ended by nginx before the emulator, with the protocols of the service's policy and OpenSSL's ciphers, not"
    " the policy's. Certificates of a domain, and those of CloudFront's own names, are signed by the rehearsal itself.",
    "Security groups, network ACLs and web ACLs do not stop a request here: the exposure proof is about the former, of"
    " the latter the rules are read back. CloudFront answers from one place, over HTTP/1.1, without Brotli.",
    "Alarms are set into alarm through CloudWatch's API: AWS's own metrics are not measured here. Mail and calls to"
    " URLs lie in the emulator's outbox, and its clock is put forward where an escalation waits.",
    "The canary's script visits the platform as it is, in this machine's Python and not in Synthetics' runtime.",
    "Backups, budgets, schedules, scaling policies and Incident Manager are as their templates say, and are not"
    " carried out.",
    "Times are the emulator's; on AWS the database alone takes 5 to 15 minutes.",
    "IAM is enforced for every call of the pipeline, its builds and EventBridge, of the web servers' role, and for what"
    " CloudFormation does to each resource: the actions that registry schemas list, which AWS calls hints. What"
    " services do with roles that they are handed, and policies of organizations and of VPC endpoints, are not seen.",
    "Service quotas and stack policies are not enforced.",
)


class Narrator:
    """Tells what happens while it happens. It is the pipeline's observer.

    `say` is told what is being done at the moment, of which much is not worth a line that stays.
    """

    def __init__(self, console: Console, say: Say = silent) -> None:
        self._console, self._say = console, say
        self._started = time.monotonic()
        self._build: list[str] = []

    def begins(self, what: str) -> None:
        """Print what comes next."""
        self._say(what)
        self._console.rule(f"[bold]{escape(what)}[/]", align="left")

    def event(self, event: Event) -> None:
        """Print an event of a deployment, unless it is one of the many resources that were simply created."""
        self._say(f"{event.status} {event.address}")
        if event.status.endswith("FAILED") or (event.type == NESTED and event.stack == ""):
            reason = f"  {escape(event.reason)}" if event.reason else ""
            self._line(f"{_coloured(event.status, STATUS_WIDTH)} {event.address}{reason}")

    def trouble(self, what: str) -> None:
        """Print what went wrong beside the pipeline, such as on a web server."""
        self._line(f"[red]{escape(what)}[/]")

    def build_line(self, line: str) -> None:
        """Show which command a build runs; keep its other lines, to be shown if the build fails."""
        if line.startswith(COMMAND):
            self._line(f"[dim]{escape(line.removeprefix(COMMAND))}[/]")
        self._build = [*self._build[-BUILD_LINES + 1 :], line]

    def stage_begins(self, execution: Execution, stage: Stage) -> None:
        """Print a stage's name."""
        self._build = []
        again = ", rolled back" if execution.kind == ROLLBACK else ""
        self.begins(f"stage {stage.name}{again}")

    def stage_skipped(self, execution: Execution, stage: Stage, reason: str) -> None:
        """Print that a stage was skipped, and why."""
        self.begins(f"stage {stage.name}")
        self._line(f"[yellow]skipped[/] {escape(reason)}")

    def action_ends(self, run: ActionRun) -> None:
        """Print how an action went; of a build that failed, also its last lines."""
        colour = "red" if run.status == FAILED else "green"
        reason = f"  {escape(run.reason)}" if run.reason else ""
        self._line(f"[{colour}]{run.status}[/] [bold]{run.action}[/] in {run.seconds:.1f} s{reason}")
        if run.status == FAILED:
            for line in self._build:
                self._console.print(f"          [dim]{escape(line)}[/]", soft_wrap=True)
        self._build = []

    def stage_fails(self, execution: Execution, stage: Stage, consequence: str) -> None:
        """Print what the pipeline does about a stage that failed."""
        self._line(f"[red]{stage.name} failed[/]: {escape(consequence)}")

    def deployed(self, deployment: Deployment, name: str, findings: Sequence[Finding]) -> None:
        """Print what a deployment made, and whether the services agree."""
        print_deployment(self._console, deployment)
        if findings:
            print_findings(self._console, name, findings)
            print_alarms(self._console, name, findings)

    def result(self, result: Result, history: Sequence[Execution]) -> None:
        """Print where everything ended, where the seconds went, and what all this does not show."""
        self.visited(result.rows, [e.deployment for e in result.environments if e.deployment is not None])
        self.begins("Where the seconds went")
        self._console.print(_seconds_table(history))
        self.begins("Result")
        self._console.print(_environments_table(result.environments))
        for environment in result.environments:
            _print_differences(self._console, environment)
        if result.fault_left and result.trouble is not None:
            self._console.print(
                f"[red]{escape(result.trouble.text)} never failed: the promotion does not touch it[/]", soft_wrap=True
            )
        verdict = "[green]as it should be[/]" if result.as_expected else "[red]not as it should be[/]"
        self._console.print(f"The rehearsal ended {verdict}.")

    def visited(self, rows: Sequence[Row], deployments: Sequence[Deployment]) -> None:
        """Print what visitors asked and got, and what all this does not show."""
        if rows:
            print_requests(self._console, rows)
        print_limits(self._console, deployments)

    def _line(self, text: str) -> None:
        self._console.print(f"{time.monotonic() - self._started:6.1f} s  {text}", soft_wrap=True)


def print_deployment(console: Console, deployment: Deployment) -> None:
    """Print the stacks and outputs of a deployment, and its first failure where it failed."""
    stacks = Table("Stack", "Status", "Resources", "Only recorded", "Seconds", title_justify="left", box=None)
    for path, resources in deployment.resources.items():
        status = deployment.status if path == "" else _status(deployment, path)
        recorded = support({resource["ResourceType"] for resource in resources}).recorded
        only_recorded = sum(resource["ResourceType"] in recorded for resource in resources)
        name = path or deployment.stack_name
        stacks.add_row(
            name, _coloured(status), str(len(resources)), str(only_recorded or ""), _seconds(deployment, path)
        )
    console.print(stacks)
    if deployment.outputs:
        outputs = Table("Output", Column("Value", overflow="fold"), box=None)
        for key, value in deployment.outputs.items():
            outputs.add_row(key, escape(value))
        console.print(outputs)
    failure = deployment.first_failure
    if failure and not deployment.complete:
        where = " / ".join(part for part in (failure.stack, failure.logical_id) if part)
        hint = hint_for(deployment)
        likely = f"Likely cause: {hint.cause}\n" if hint.cause else ""
        page = f"runbook.md#{hint.page}, or: python -m generator runbook {hint.page}"
        text = f"[bold]{where}[/]  {failure.type}  {failure.status}\n{escape(failure.reason)}\n[dim]{likely}{page}[/]"
        console.print(Panel(text, title="first failure", title_align="left", border_style="red"))


def print_findings(console: Console, name: str, findings: Sequence[Finding]) -> None:
    """Print how many claims hold, and each that does not with what was expected and what was found."""
    broken = [finding for finding in findings if not finding.holds]
    console.print(f"{name}: {len(findings) - len(broken)} of {len(findings)} claims hold, asked of the services")
    for finding in broken:
        console.print(f"[red]broken[/]  {escape(finding.claim)}", soft_wrap=True)
        console.print(f"        expected {escape(str(finding.expected))}", soft_wrap=True)
        console.print(f"        found    {escape(str(finding.actual))}", soft_wrap=True)


def print_alarms(console: Console, name: str, findings: Sequence[Finding]) -> None:
    """Print how many alarms were rung, and whom they reached."""
    ways = [f"{count} reached {way}" for way, count in sorted(reached(findings).items())]
    if ways:
        console.print(f"{name}: alarms rung: {', '.join(ways)}", soft_wrap=True)


def print_requests(console: Console, rows: Sequence[Row]) -> None:
    """Print every request with what was expected and what came, environments that agree in one row."""
    columns = [Column(name, overflow="fold") for name in ("Why", "Request", "Expected", "Actual", "Where")]
    table = Table(*columns, box=ROWS, show_edge=False, pad_edge=False)
    for row, environments in merged(rows):
        mark = "[green]ok[/]" if row.holds else "[red]NOT SO[/]"
        request = f"{escape(row.what)}\n[dim]{escape(row.line)}[/]"
        where = f"{mark} {', '.join(environments)}"
        table.add_row(row.why, request, escape(row.expected), escape(row.actual), where)
    console.print(table)
    held = sum(row.holds for row in rows)
    console.print(f"visitors: {held} of {len(rows)} answers are as expected")


def print_limits(console: Console, deployments: Sequence[Deployment]) -> None:
    """Print what the emulator cannot show, so that nobody takes the rehearsal for more than it is."""
    types = {r["ResourceType"] for d in deployments for resources in d.resources.values() for r in resources}
    found = support(types)
    console.rule("[bold]What this does not show[/]", align="left")
    for line in NOT_SHOWN:
        console.print(f"- {line}", soft_wrap=not console.is_terminal)
    if found.recorded:
        console.print(
            f"- Only validated and recorded: {', '.join(sorted(found.recorded))}.", soft_wrap=not console.is_terminal
        )


def _seconds_table(history: Sequence[Execution]) -> Table:
    table = Table("Stage", "Action", Column("Seconds", justify="right"), box=None)
    for run in [run for execution in history for run in execution.runs]:
        table.add_row(run.stage, run.action, f"{run.seconds:.1f}")
    return table


def _environments_table(environments: Sequence[EnvironmentResult]) -> Table:
    table = Table("Environment", "Before", "After", Column("Status", no_wrap=True), "Claims", "So it", box=None)
    for e in environments:
        claims = f"{sum(f.holds for f in e.findings)} of {len(e.findings)}" if e.findings else ""
        before, after = (state.version or "none" if state else "none" for state in (e.before, e.after))
        colour = "green" if e.as_expected else "red"
        status = _coloured(e.after.status) if e.after else ""
        words = f"[{colour}]{e.expectation.words}[/]"
        table.add_row(e.name, before, after, status, claims, words)
    return table


def _print_differences(console: Console, environment: EnvironmentResult) -> None:
    if environment.differences is None:
        return
    if not environment.differences:
        console.print(f"{environment.name}: the upgrade did what `make impact` predicts")
    for difference in environment.differences:
        what = f"{difference.predicted or 'nothing'} was predicted, {difference.observed or 'nothing'} happened"
        why = difference.explanation or "unexplained"
        console.print(f"{environment.name}: {difference.address}: {what}: {escape(why)}", soft_wrap=True)


def _status(deployment: Deployment, path: str) -> str:
    return next(str(r["ResourceStatus"]) for r in deployment.resources[""] if r["LogicalResourceId"] == path)


def _seconds(deployment: Deployment, path: str) -> str:
    if path == "":
        return f"{deployment.seconds:.1f}"
    times = [event.time for event in deployment.events if event.stack == path]
    return f"{(max(times) - min(times)).total_seconds():.1f}" if times else ""


def _coloured(status: str, width: int = 0) -> str:
    colour = "green" if status.endswith("COMPLETE") else "yellow"
    if "FAILED" in status or "ROLLBACK" in status:
        colour = "red"
    return f"[{colour}]{status:<{width}}[/]"
