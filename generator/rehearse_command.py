"""The command `rehearse`: the generated pipeline, executed on an emulator of AWS."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.command_help import examples
from generator.environment import ENVIRONMENTS
from generator.errors import UserError
from generator.exit_codes import FAILED
from generator.folders import PARAMS, TEMPLATES_OUT

if TYPE_CHECKING:
    from generator.rehearsal.pipeline_actions import Approval
    from generator.terminal import LiveLine, NoLine


@click.command(
    epilog=examples(
        "rehearse --to dev",
        "rehearse --from v1.1.0 --approve",
        "rehearse --fail-at prod:Database/Database --approve",
        "rehearse --approve --json > rehearsal.json",
        then="what broke stands in a box, with its page of the runbook; what holds can be pushed",
    )
)
@click.option("--to", type=click.Choice(ENVIRONMENTS), default=ENVIRONMENTS[-1], help="Promote no further than this.")
@click.option("--from", "previous", metavar="RELEASE", help="Let the environments run this release first: v1.1.0.")
@click.option("--approve", "answer", flag_value="approve", help="Approve without asking.")
@click.option("--reject", "answer", flag_value="reject", help="Reject where approval is asked for.")
@click.option("--as-is", is_flag=True, help="Promote templates_out as it is: no build, which would run all tests.")
@click.option("--fail-at", metavar="STAGE[:WHAT]", default="", help="Let an action or a resource of a stage fail.")
@click.option("--variable", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of the pipeline.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Another setting than in params: DomainName=shop.example.com. The release is then deployed without a build.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the emulator; a free one by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON; tell what happens on standard error.")
def rehearse(
    to: str,
    previous: str | None,
    answer: str | None,
    as_is: bool,
    fail_at: str,
    variables: tuple[str, ...],
    settings: tuple[str, ...],
    port: int | None,
    as_json: bool,
) -> None:
    """Execute the generated pipeline on an emulator of AWS: build, promote, inspect, release the application, visit."""
    from generator.environment import load_all, select
    from generator.former_release import find
    from generator.other_settings import parse
    from generator.rehearsal.rehearse import rehearse as run
    from generator.rehearsal.result_json import to_json
    from generator.rehearsal.wishes import Wishes
    from generator.release import folder_of
    from generator.terminal import narration, next_step, working

    given, other = _variables(variables), parse(settings)
    if other and (fail_at or previous or variables):
        raise UserError("--set deploys the release as it is: leave out --from, --fail-at and --variable")
    if as_is and given:
        raise UserError("--as-is leaves out the build, and with it what variables are for: leave out --variable")
    if to == ENVIRONMENTS[-1] and not (as_is or other):
        refuse_unattended(answer)
    former = find(TEMPLATES_OUT, previous) if previous else None
    configurations, console = select(load_all(PARAMS), ENVIRONMENTS), narration(as_json)
    with working("starting the emulator", console) as line:
        wishes = Wishes(
            approve=approver(answer, line, as_json),
            fail_at=fail_at,
            previous=former,
            to=to,
            variables=given,
            visit=True,
            as_is=as_is,
        )
        result = run(Path.cwd(), folder_of(TEMPLATES_OUT), configurations, wishes, console, port, other, line)
    if as_json:
        click.echo(to_json(result), nl=False)
    if not result.as_expected:
        next_step("look for the first red line above, mend it, and rehearse again: make rehearse TO=dev is shorter")
        sys.exit(FAILED)
    next_step("what it changes and costs: make impact, make cost; what breaks and is brought back: make drill")


def refuse_unattended(answer: str | None) -> None:
    """Raise `UserError` where nobody could be asked for approval, and no option answers."""
    if answer is None and not sys.stdin.isatty():
        raise UserError(
            "the pipeline asks for approval and nobody sits at a terminal: give --approve or --reject "
            "(make: APPROVE=yes, APPROVE=no)"
        )


def approver(answer: str | None, line: LiveLine | NoLine, as_json: bool = False) -> Callable[[str], Approval]:
    """Return who approves: the option given, or whoever sits at the terminal."""
    from generator.rehearsal.pipeline_actions import Approval

    def ask(question: str) -> Approval:
        if answer is not None:
            return Approval(answer == "approve", f"by --{answer}")
        with line.paused():
            return Approval(click.confirm(f"{question}\nApprove?", err=as_json), "on the terminal")

    return ask


def _variables(given: Sequence[str]) -> dict[str, str]:
    for pair in given:
        if "=" not in pair:
            raise UserError(f"--variable {pair!r}: must be NAME=VALUE")
    return dict(pair.split("=", 1) for pair in given)
