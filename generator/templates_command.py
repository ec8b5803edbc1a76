"""The command `templates`: write the current release, checked, whole or not at all."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator import unchanged
from generator.command_help import examples
from generator.errors import UserError
from generator.folders import PARAMS, TEMPLATES_OUT
from generator.release import MANIFEST
from generator.uncollected import uncollected

if TYPE_CHECKING:
    from generator.environment import TemplateConfiguration
    from generator.progress import Say
    from generator.rendering import Templates

LINT_CACHE = Path(".cache/lint")


@click.command(epilog=examples("templates", "templates --json", then="git diff templates_out, then make impact"))
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
@uncollected()
def templates(as_json: bool) -> None:
    """Write the current release to templates_out/, checked, whole or not at all."""
    before = unchanged.begin()  # what is imported from here on is what is surveyed

    from generator.environment import load_all
    from generator.release import as_marked, changes, digest, folder_of, replace, staged, verify_released
    from generator.rendering import build, render
    from generator.terminal import next_step, working

    release = folder_of(TEMPLATES_OUT)
    with working("building the templates") as say:
        verify_released(TEMPLATES_OUT)
        environments = load_all(PARAMS)
        _refuse_other_regions(environments)
        built = build()
        files = render(built)
        with staged(release, files) as staging:
            problems = _check_quotas(files, built, environments) + _lint(staging, say)
            if problems:
                raise UserError("\n".join(problems))
            changed = changes(release, files)
            if changed:
                replace(release, staging)
    valid = f"{len(files) - 1} templates and {len(environments)} environments are valid"
    # Without the stamp only time is lost.
    with contextlib.suppress(OSError):
        written = {str(release / name): digest(text.encode()) for name, text in as_marked(release, files).items()}
        unchanged.remember(f"{release}: nothing changed; {valid}", before, written)
    if as_json:
        click.echo(_json(release, changed, len(files) - 1, len(environments)))
        return
    for name, change in changed.items():
        click.echo(f"{change:>8}  {release / name}")
    outcome = f"{len(changed)} of {len(files)} files written" if changed else "nothing changed"
    click.echo(f"{release}: {outcome}; {valid}")
    if changed:
        next_step("read the difference: git diff templates_out; see what it would do: make impact")


def _refuse_other_regions(environments: list[TemplateConfiguration]) -> None:
    """Raise `UserError` where an environment is in a region in which the templates are not checked."""
    from generator.checks.lint import REGIONS

    problems = [
        f"{each.source}: Parameters: AvailabilityZoneA: templates are not checked in {each.region}; "
        f"allowed: {', '.join(REGIONS)}; add it to REGIONS in generator/checks/lint.py and to taskcat.yml"
        for each in environments
        if each.region not in REGIONS
    ]
    if problems:
        raise UserError("\n".join(problems))


def _check_quotas(files: Mapping[str, str], built: Templates, environments: list[TemplateConfiguration]) -> list[str]:
    """Return a message for each quota of which a template or an environment's value takes too much."""
    from generator.checks.quotas import check_parameter_values, check_quotas

    roots = {name for name, entry in json.loads(files[MANIFEST])["templates"].items() if entry["root"]}
    problems = [
        problem
        for name, template in built.items()
        for problem in check_quotas(name, files[name], template, root=name in roots)
    ]
    for environment in environments:
        problems += check_parameter_values(str(environment.source), environment.parameters())
    return problems


def _lint(staging: Path, say: Say) -> list[str]:
    """Return every finding of the linters on a staged release, as messages."""
    from generator.checks.first_gate import screen
    from generator.checks.lint import lint_templates

    try:
        return [str(finding) for finding in lint_templates(staging, LINT_CACHE, screen, say)]
    except OSError as error:
        raise UserError(f"{LINT_CACHE}: cannot be written: {error.strerror}") from error


def _json(release: Path, changed: Mapping[str, str], templates: int, environments: int) -> str:
    """Return what docs/schemas/templates.json describes."""
    result = {
        "schema": 1,
        "release": release.name,
        "changed": changed,
        "templates": templates,
        "environments": environments,
    }
    return json.dumps(result, indent=2)
