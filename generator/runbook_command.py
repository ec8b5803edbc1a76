"""The command `runbook`: its pages, with the names of a deployed environment filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from generator.command_help import examples
from generator.errors import UserError
from generator.folders import PARAMS

if TYPE_CHECKING:
    from generator.runbook.pages import Page


def _anchors(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the pages whose names begin so, for a shell."""
    from generator.runbook.pages import read_pages

    return [page.anchor for page in read_pages() if page.anchor.startswith(incomplete)]


@click.command(
    epilog=examples(
        "runbook",
        "runbook no-healthy-server",
        "runbook outage --environment prod",
        "runbook --json",
        then="paste its commands; names in braces are filled in with --environment",
    )
)
@click.argument("words", metavar="[PAGE]", nargs=-1, shell_complete=_anchors)
@click.option("--environment", "-e", "name", help="Environment whose names are filled in.")
@click.option("--region", help="Region in which it is deployed; that of its zones by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the list, or the page, as JSON.")
def runbook(words: tuple[str, ...], name: str | None, region: str | None, as_json: bool) -> None:
    """Print a page of the runbook, or list them. PAGE may be an alarm, as its mail calls it.

    With an environment, placeholders are filled in from its deployed stack, with the credentials of its account.
    """
    from generator.runbook.pages import read_pages
    from generator.runbook.printing import print_list, print_page
    from generator.runbook.runbook_json import list_to_json, page_to_json
    from generator.terminal import next_step, results

    pages = read_pages()
    if not words:
        if as_json:
            click.echo(list_to_json(pages), nl=False)
        else:
            print_list(results(), pages)
            next_step("python -m generator runbook PAGE --environment prod")
        return
    page = _page(pages, " ".join(words))
    values, missing = _values(name, region)
    if as_json:
        click.echo(page_to_json(page, values), nl=False)
    else:
        print_page(results(), page, values)
    if missing:
        raise UserError(f"{missing}\nnames in braces are not filled in")
    _say_what_is_open(page, name, values)


def _page(pages: Sequence[Page], wanted: str) -> Page:
    from generator.runbook.pages import find, suggestions

    page = find(pages, wanted)
    if page is None:
        near = suggestions(pages, wanted)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise click.UsageError(f"there is no page {wanted!r}: {hint}python -m generator runbook lists all pages")
    return page


def _values(name: str | None, region: str | None) -> tuple[Mapping[str, str], str]:
    """Return what an environment fills in, or why it cannot: the page is wanted all the same."""
    from generator.delivery import session
    from generator.environment import load_all, select
    from generator.runbook.values import values_of

    if name is None:
        return {}, ""
    [configuration] = select(load_all(PARAMS), [name])
    try:
        return values_of(session.client("cloudformation", region or configuration.region), name), ""
    except UserError as error:
        return {}, str(error)


def _say_what_is_open(page: Page, name: str | None, values: Mapping[str, str]) -> None:
    """Say which placeholders of the page have no value, and how they get one."""
    from generator.runbook.values import placeholders

    said = "\n".join(part if isinstance(part, str) else "\n".join(s.command for s in part.steps) for part in page.parts)
    left = sorted(placeholders(said) - values.keys())
    if left and name:
        click.echo(f"not set in {name}: {', '.join(left)}", err=True)
    elif left:
        click.echo("names in braces are an environment's: --environment prod fills them in", err=True)
