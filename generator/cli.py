"""The command line: `python -m generator`, which the Makefile's targets call. This is its table of contents.

How commands end is in `exit_codes`; docs/command-line.md has all of them with their options.
"""

from __future__ import annotations

import sys

import click

from generator import __version__
from generator.command_help import PROGRAM, Contents
from generator.errors import UserError
from generator.interrupts import end_interrupted

SECTIONS = {
    "Make and prove": {
        "templates": "Write templates_out/, checked, whole or not at all",
        "impact": "Show what deploying this release would change",
        "check": "Prove who can reach what, and who may do what",
        "exposure": "Show who can reach whom, and write it to docs",
        "cost": "Estimate a month's bill, and what would cost less",
        "diagram": "Draw the architecture for draw.io",
        "release": "Mark this version as released: it stays as it is",
    },
    "Rehearse on this machine": {
        "rehearse": "Execute the pipeline on an emulator of AWS, and visit",
        "drill": "Destroy data and servers there, and bring them back",
        "scaling": "Let load run against alarms and scaling policies",
    },
    "Put on AWS and operate": {
        "bootstrap": "Prepare an account for the pipeline",
        "certificate": "Make or renew a certificate where there is no domain",
        "publish-application": "Publish an application to a deployed environment",
        "runbook": "Print what to do about an alarm, or how to do something",
        "restore": "Bring data of a deployed environment back",
        "completion": "Let your shell complete commands and options with TAB",
    },
}
"""The commands that help lists, by what one wants."""

UNLISTED = ("images", "publish", "reference", "review")
"""What the pipeline and make call."""

COMPLETE_VARIABLE = "_WEB_PLATFORM_COMPLETE"
"""By this variable a shell asks what could come next."""


@click.group(
    cls=Contents, sections=SECTIONS, unlisted=UNLISTED, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, message="%(version)s")
def cli() -> None:
    """Emit, check and rehearse the CloudFormation templates of a web platform."""


def main() -> None:
    """Run the command line; turn what a user can mend into one clear message without a traceback."""
    try:
        cli(prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE, standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _say("interrupted")
        end_interrupted()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UserError as error:
        _say("error:", str(error))
        sys.exit(error.exit_code)


def _say(word: str, text: str = "") -> None:
    """Print an ending to standard error."""
    from generator.terminal import messages

    console = messages()
    console.print(word, style="bold red", end=" " if text else "\n")
    if text:
        console.print(text, markup=False, soft_wrap=True)
