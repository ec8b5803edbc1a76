"""The rehearsal on the terminal: events as they come, tables at the end, the first real failure in a box."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Column, Table

from generator.delivery.deploy import NESTED, Deployment, Event
from generator.rehearsal.emulator_types import support
from generator.rehearsal.probes import Finding

STATUS_WIDTH = len("UPDATE_ROLLBACK_IN_PROGRESS")

NOT_SHOWN = (
    "Nothing runs on the servers: user data, nginx, the database engine and scaling under load are not exercised.",
    "Servers count as started and healthy at once: signals, rolling updates and health checks are not exercised.",
    "Times are the emulator's; on AWS the database alone takes 5 to 15 minutes.",
    "IAM policies, service quotas, stack policies and the content of certificates are not enforced.",
)


class Progress:
    """Prints what happens while it happens: one line for each stack that begins or ends, and each failure."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Print one event, unless it is one of the many resources that were simply created."""
        if event.status.endswith("FAILED") or (event.type == NESTED and event.stack == ""):
            where = "/".join(part for part in (event.stack, event.logical_id) if part)
            seconds = time.monotonic() - self._started
            reason = f"  {escape(event.reason)}" if event.reason else ""
            self._console.print(
                f"{seconds:6.1f} s  {_coloured(event.status, STATUS_WIDTH)} {where}{reason}", soft_wrap=True
            )


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
        text = f"[bold]{where}[/]  {failure.type}  {failure.status}\n{escape(failure.reason)}"
        console.print(Panel(text, title="first failure", title_align="left", border_style="red"))


def print_findings(console: Console, name: str, findings: Sequence[Finding]) -> None:
    """Print how many claims hold, and each that does not with what was expected and what was found."""
    broken = [finding for finding in findings if not finding.holds]
    console.print(f"{name}: {len(findings) - len(broken)} of {len(findings)} claims hold, asked of the services")
    for finding in broken:
        console.print(f"[red]broken[/]  {escape(finding.claim)}", soft_wrap=True)
        console.print(f"        expected {escape(str(finding.expected))}", soft_wrap=True)
        console.print(f"        found    {escape(str(finding.actual))}", soft_wrap=True)


def print_limits(console: Console, deployments: Sequence[Deployment]) -> None:
    """Print what the emulator cannot show, so that nobody takes the rehearsal for more than it is."""
    types = {r["ResourceType"] for d in deployments for resources in d.resources.values() for r in resources}
    found = support(types)
    console.rule("[bold]What this does not show[/]", align="left")
    for line in NOT_SHOWN:
        console.print(f"- {line}", soft_wrap=True)
    if found.recorded:
        console.print(f"- Only validated and recorded: {', '.join(sorted(found.recorded))}.", soft_wrap=True)


def print_summary(
    console: Console, results: Sequence[tuple[str, Deployment, Sequence[Finding]]], names: Sequence[str]
) -> bool:
    """Print one line for each environment and return whether all of them are deployed and as promised."""
    table = Table("Environment", "Status", "Resources", "Outputs", "Claims", "Seconds", box=None)
    good = True
    for name, deployment, findings in results:
        holding = sum(finding.holds for finding in findings)
        good = good and deployment.complete and holding == len(findings)
        resources = sum(len(found) for found in deployment.resources.values())
        claims = f"{holding} of {len(findings)}"
        seconds = f"{deployment.seconds:.1f}"
        table.add_row(name, _coloured(deployment.status), str(resources), str(len(deployment.outputs)), claims, seconds)
    for name in names[len(results) :]:
        table.add_row(name, "not reached", "", "", "", "")
    console.rule("[bold]Result[/]", align="left")
    console.print(table)
    return good and len(results) == len(names)


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
