"""The command `completion`: a shell completes commands, options and their values."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from generator.command_help import examples

NAME = "web-platform"
"""The program in `bin/`: shells complete programs, and `python -m generator` is none."""

SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}

ON_THE_PATH = {
    "bash": 'export PATH={folder}:"$PATH"',
    "zsh": 'export PATH={folder}:"$PATH"',
    "fish": "set --export --global PATH {folder} $PATH",
}
"""By shell, what lets it find the program."""


@click.command(
    epilog=examples("completion bash", "completion zsh", "completion fish", then=f"{NAME} TAB, from every folder")
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print what lets a shell find bin/web-platform, which is this, and complete what follows it with TAB.

    bash and zsh: eval "$(bin/web-platform completion bash)". fish: bin/web-platform completion fish | source
    """
    click.echo(script(shell, Path.cwd()))


def script(shell: str, project: Path) -> str:
    """Return the script for a shell: where the program is, and click's completion of it."""
    from generator.cli import COMPLETE_VARIABLE, cli

    path = ON_THE_PATH[shell].format(folder=shlex.quote(str(project / "bin")))
    return f"{path}\n{SHELLS[shell](cli, {}, NAME, COMPLETE_VARIABLE).source()}"
