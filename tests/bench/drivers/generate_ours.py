"""`python -m tests.bench.drivers.generate_ours FOLDER COPIES`: the templates as ours are written, unchecked."""

import sys
from pathlib import Path

from generator.uncollected import uncollected


@uncollected()  # as the command `templates` does
def generate(folder: Path, copies: int) -> None:
    """Write every template so many times, under names of its own."""
    from generator.nesting import synthesized
    from generator.rendering import render

    for copy in range(copies):
        synthesized.cache_clear()  # no copy is made of what another one has built
        for name, text in render().items():
            (folder / f"{copy}-{name}").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    generate(Path(sys.argv[1]), int(sys.argv[2]))
