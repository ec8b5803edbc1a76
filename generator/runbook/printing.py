"""Pages of the runbook on a terminal: text as it reads, and commands as they are pasted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from generator.runbook.pages import Block, Page
from generator.runbook.values import filled

WIDTH = 110
"""Columns that a line of text may have; longer ones are hard to read."""


def print_page(console: Console, page: Page, values: Mapping[str, str]) -> None:
    """Print a page with the values that there are. What commands print stands behind `#`, so that blocks can be pasted
    whole.
    """
    console.print(Text(page.title.upper(), style="bold"))
    for part in page.parts:
        console.print()
        if isinstance(part, Block):
            _print_commands(console, part, values)
        else:
            console.print(Markdown(filled(part, values)), width=min(WIDTH, console.width))


def print_list(console: Console, pages: Sequence[Page]) -> None:
    """Print what pages there are, each with its first sentence."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for page in pages:
        table.add_row(Text(page.anchor, style="bold"), Text(first_sentence(page)))
    console.print(table)


def first_sentence(page: Page) -> str:
    """Return the beginning of a page's text, without markup."""
    paragraph = page.text.partition("\n\n")[0].replace("\n", " ")
    # A terminal would get colours and links, and whoever takes the sentence for text would print them in pieces.
    console = Console(width=10_000, force_terminal=False, no_color=True)
    with console.capture() as captured:
        console.print(Markdown(paragraph))
    return captured.get().strip().partition(". ")[0].rstrip(".:")


def _print_commands(console: Console, block: Block, values: Mapping[str, str]) -> None:
    for step in block.steps:
        console.print(Text(filled(step.command, values), style="green"), soft_wrap=True)
        for line in step.expected:
            console.print(Text(f"# {filled(line, values)}", style="dim"), soft_wrap=True)
