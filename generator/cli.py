"""The command line: `python -m generator`, which the Makefile's targets call.

Exit codes: 0 done or nothing to do, 1 failed, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from generator import __version__
from generator.errors import UserError

if TYPE_CHECKING:
    from generator.environment import TemplateConfiguration

TEMPLATES_OUT = Path("templates_out")
PARAMS = Path("params")
LINT_CACHE = Path(".cache/lint")
INTERRUPTED = 130

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def cli() -> None:
    """Emit, check and rehearse the CloudFormation templates of the web platform."""


@cli.command()
def templates() -> None:
    """Write the current release to templates_out/, checked, whole or not at all."""
    from generator.environment import load_all
    from generator.release import changes, folder_of, replace, staged, verify_released
    from generator.rendering import render

    verify_released(TEMPLATES_OUT)
    environments = load_all(PARAMS)
    files = render()
    release = folder_of(TEMPLATES_OUT)
    with staged(release, files) as staging:
        _check(staging, environments)
        changed = changes(release, files)
        if changed:
            replace(release, staging)
    for name, change in changed.items():
        console.print(f"{change:>8}  {release / name}", soft_wrap=True)
    outcome = f"{len(changed)} of {len(files)} files written" if changed else "nothing changed"
    valid = f"{len(files) - 1} templates and {len(environments)} environments are valid"
    console.print(f"{release}: {outcome}; {valid}", soft_wrap=True)


@cli.command()
def release() -> None:
    """Mark the current release as released: from then on it cannot change."""
    from generator.release import folder_of, mark_released

    folder = folder_of(TEMPLATES_OUT)
    mark_released(folder)
    console.print(f"{folder}: released; commit it, and raise __version__ before the next change", soft_wrap=True)


@cli.command()
@click.option("--environment", "-e", "names", multiple=True, help="Only this environment; may be repeated.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the emulator; a free one by default.")
def rehearse(names: tuple[str, ...], port: int | None) -> None:
    """Deploy the current release to every environment on an emulator of AWS, and inspect what was deployed."""
    from generator.environment import load_all, select
    from generator.rehearsal.rehearse import rehearse_all
    from generator.release import folder_of

    folder = folder_of(TEMPLATES_OUT)
    if not rehearse_all(folder, select(load_all(PARAMS), names), console, port):
        sys.exit(1)


def _check(staging: Path, environments: list[TemplateConfiguration]) -> None:
    """Raise `UserError` with every finding of the gates on a staged release and the environments' values."""
    from generator.checks.lint import lint_templates
    from generator.checks.quotas import check_parameter_values, check_quotas
    from generator.release import read_manifest
    from generator.template_yaml import load

    problems = []
    for name, entry in read_manifest(staging)["templates"].items():
        body = (staging / name).read_text(encoding="utf-8")
        problems += check_quotas(name, body, load(body), root=entry["root"])
    for environment in environments:
        problems += check_parameter_values(str(environment.source), environment.parameters())
    try:
        problems += [str(finding) for finding in lint_templates(staging, LINT_CACHE)]
    except OSError as error:
        raise UserError(f"{LINT_CACHE}: cannot be written: {error.strerror}") from error
    if problems:
        raise UserError("\n".join(problems))


def main() -> None:
    """Run the command line; turn what a user can mend into one clear message without a traceback."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        errors.print("interrupted", style="bold red")
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        errors.print("interrupted", style="bold red")
        sys.exit(INTERRUPTED)
    except UserError as error:
        errors.print("error:", style="bold red", end=" ")
        errors.print(str(error), markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
