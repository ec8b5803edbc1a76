"""`python -m tests.demo.typist`: type the commands of the demo into the terminal it was started in, and run them.

Whoever records has started it in a copy of the project, which the commands change. A command may fail: in the demo some
are meant to.
"""

from __future__ import annotations

import subprocess
import sys
import time

from tests.demo.script import PAGE, Scene, scenes

CLEAR, BOLD, DIM, GREEN, PLAIN = "\x1b[2J\x1b[3J\x1b[H", "\x1b[1m", "\x1b[2m", "\x1b[1;32m", "\x1b[0m"
PROMPT = f"{GREEN}${PLAIN} "
KEY_SECONDS, BEFORE_SECONDS, AFTER_SECONDS, HEADING_SECONDS = 0.025, 0.5, 2.0, 1.5
"""How long a key takes, one rests before Enter and after an answer, and a heading stands alone."""


def show(text: str) -> None:
    """Write to the terminal at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def perform(scene: Scene) -> None:
    """Clear the screen, name the scene, and run its commands one by one."""
    show(f"{CLEAR}{DIM}# {scene.heading}{PLAIN}\n\n")
    time.sleep(HEADING_SECONDS)
    for command in scene.commands:
        show(PROMPT)
        for key in command.text:
            time.sleep(KEY_SECONDS)
            show(key)
        time.sleep(BEFORE_SECONDS)
        show("\n")
        subprocess.run(["bash", "-c", command.text], check=False)
        time.sleep(AFTER_SECONDS)


def main() -> None:
    """Play all scenes in which something is typed."""
    for scene in scenes(PAGE.read_text(encoding="utf-8")):
        if scene.commands:
            perform(scene)


if __name__ == "__main__":
    main()
