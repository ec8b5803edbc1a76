"""`make drill`: one environment is rehearsed, and everything that can be restored is destroyed in it once."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from generator.environment import TemplateConfiguration
from generator.errors import UserError
from generator.progress import Say, counted, silent
from generator.rehearsal.drills import buckets, database, images, release, sessions, web_server
from generator.rehearsal.drills.drill import Result, Scene
from generator.rehearsal.rehearse import started
from generator.rehearsal.requests_client import NoAnswerError
from generator.rehearsal.requests_rehearsal import refuse_missing_programs

Drill = Callable[[Scene], Result]

DRILLS: Mapping[str, Drill] = {
    "session-table": sessions.session_table,
    "database-damaged": database.damaged_database,
    "database-lost": database.lost_database,
    "product-images": images.product_images,
    "buckets": buckets.buckets,
    "web-server": web_server.web_server,
    "release": release.broken_release,
}
"""All drills, in the order in which they are run: those that need no replacement of servers first."""


def drill(
    project: Path,
    folder: Path,
    configurations: Sequence[TemplateConfiguration],
    environment: str,
    wanted: Sequence[str],
    console: Console,
    say: Say = silent,
) -> list[Result]:
    """Deploy the release in a folder to an environment, with the application; run drills in it, all by default.

    How the deployment went is told where it fails, and only then; `say` is told what is being done. Raises `UserError`
    where a program is missing, or the environment does not come up.
    """
    refuse_missing_programs(project)
    console.print(f"rehearsing the platform with the settings of {environment} (a minute) ...", soft_wrap=True)
    narration = io.StringIO()
    with contextlib.ExitStack() as stack:
        try:
            told = Console(file=narration, highlight=False, emoji=False, width=console.width)
            rehearsal = stack.enter_context(started(project, folder, configurations, told, say=say))
            rehearsal.bring_to(folder, environment, alone=True)
            live = rehearsal.release_application(environment)
        except UserError:
            console.print(narration.getvalue(), markup=False, soft_wrap=True)
            raise
        names = counted(list(wanted or DRILLS), "drill", say)
        return [run(name, Scene(rehearsal, live, _saying(console)), console) for name in names]


def run(name: str, scene: Scene, console: Console) -> Result:
    """Run one drill, and tell that it begins. Raises `UserError` where visitors cannot even do what comes before it."""
    console.rule(f"[bold]{name}, in {scene.environment}[/]", align="left")
    try:
        return DRILLS[name](scene)
    except NoAnswerError as error:
        raise UserError(f"drill {name} cannot be held: {error}") from error


def _saying(console: Console) -> Callable[[str], None]:
    def say(words: str) -> None:
        console.print(f"  {escape(words)}", soft_wrap=True)

    return say
