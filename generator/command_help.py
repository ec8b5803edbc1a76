"""What the command line says of itself: its commands in sections, one line each, and examples below each one's help.

A command `publish-application` is `publish_application` in `generator/publish_application_command.py`. Only the one
that is called is imported; its line stands in the table of contents, so that `--help` and a shell's TAB need none.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

PROGRAM = "python -m generator"


def examples(*arguments: str, then: str) -> str:
    """Return what stands below a command's help: how it is called, and what comes after it."""
    lines = [f"  {PROGRAM} {each}" for each in arguments]
    # \b keeps click from filling the lines of a paragraph.
    return "\n".join(["\b", "Examples:", *lines, "", f"Next: {then}"])


class Contents(click.Group):
    """A group of commands that is its table of contents: heading → name of a command → what it does, in one line.

    `unlisted` are commands that programs call.
    """

    def __init__(
        self, *, sections: Mapping[str, Mapping[str, str]], unlisted: Collection[str], **attributes: Any
    ) -> None:
        super().__init__(**attributes)
        self.sections, self.unlisted = sections, unlisted

    @property
    def lines(self) -> dict[str, str]:
        """What each listed command does, by its name."""
        return {name: line for commands in self.sections.values() for name, line in commands.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the listed commands, in their order."""
        return list(self.lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name, or nothing where there is none."""
        if cmd_name not in self.lines and cmd_name not in self.unlisted:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"generator.{name}_command"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called. Raises `click.UsageError`, with names like it, where there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=self.lines, ctx=ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin so, with their lines; or the options."""
        found = [CompletionItem(name, help=line) for name, line in self.lines.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write how to call it; help and version are said here, and have no section of their own."""
        formatter.write_usage(ctx.command_path, "[--help | --version] COMMAND [OPTIONS]")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, without blank lines: all of it fits a terminal of 24 lines and 80 columns."""
        width = max(len(name) for name in self.lines)
        formatter.write("\n")
        for heading, commands in self.sections.items():
            formatter.write(f"{heading}:\n")
            for name, line in commands.items():
                formatter.write(f"  {name:<{width}}  {line}\n")
