"""`python -m tests.bench.drivers.generate_plain FOLDER COPIES`: the templates as troposphere itself writes them."""

import sys
from pathlib import Path

from generator.naming import template_file
from generator.roots import ROOTS
from generator.stacks import STACKS
from tests.bench.drivers.built_once import built, forget


def generate(folder: Path, copies: int) -> list[Path]:
    """Write every template so many times under names of its own, and return the files."""
    written = []
    for copy in range(copies):
        forget()  # no copy is made of what another one has built
        for module in (*STACKS, *ROOTS):
            template = built(module.build)
            if copy:
                template.set_description(f"{template.description} ({copy})")
            path = folder / f"{copy}-{template_file(module)}"
            path.write_text(template.to_yaml(), encoding="utf-8")
            written.append(path)
    return written


if __name__ == "__main__":
    generate(Path(sys.argv[1]), int(sys.argv[2]))
