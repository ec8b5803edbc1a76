"""What docs/command-line.md shows of the command line itself: `python -m tests.command_line` writes it there.

The help of each command stands in the page as a terminal of 80 columns shows it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping

import click
from click.testing import CliRunner

from generator.cli import UNLISTED, cli
from generator.command_help import PROGRAM, Contents
from generator.exit_codes import MEANINGS
from generator.reports.generated_section import with_section
from generator.reports.markdown_table import table
from tests.json_reports import SCHEMAS
from tests.releases import ROOT

PAGE = ROOT / "docs" / "command-line.md"


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its full name, such as `restore database`; groups before what is in them."""
    assert isinstance(cli, Contents)
    context = click.Context(cli, info_name=PROGRAM)
    for name in (*cli.list_commands(context), *UNLISTED):
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            for part in sorted(command.commands):
                yield f"{name} {part}", command.commands[part]


def help_of(*words: str) -> str:
    """Return the help of a command, or of all, as a terminal of 80 columns shows it."""
    result = CliRunner().invoke(cli, [*words, "--help"], prog_name=PROGRAM, terminal_width=80, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output.rstrip()


def sections() -> Mapping[str, str]:
    """Return what is generated, by the names of the page's sections."""
    schemas = sorted(SCHEMAS.glob("*.json"))
    titles = {path.stem: json.loads(path.read_text(encoding="utf-8"))["title"].partition(": ")[2] for path in schemas}
    return {
        "exit codes": table(("code", "means"), [(str(code), meaning) for code, meaning in MEANINGS.items()]),
        "json": table(
            ("command", "what, and its schema"),
            [(f"`{name} --json`", f"[{title}](schemas/{name}.json)") for name, title in titles.items()],
        ),
        "contents": _fenced(help_of()),
        "commands": "\n\n".join(f"### {name}\n\n{_fenced(help_of(*name.split()))}" for name, _ in commands()),
    }


def page() -> str:
    """Return the page as it must be."""
    text = PAGE.read_text(encoding="utf-8")
    for name, content in sections().items():
        text = with_section(text, name, content)
    return text


def _fenced(text: str) -> str:
    return f"```text\n{text}\n```"


def main() -> None:
    """Write the page; with --check, only fail where it is not as it must be."""
    if sys.argv[1:] == ["--check"]:
        sys.exit(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
