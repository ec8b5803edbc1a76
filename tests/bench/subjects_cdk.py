"""The AWS CDK on the same resources: an app of its typed constructs, written from the released templates.

Node keeps compiled code in a cache, as Python does. Nothing is looked up, staged or sent anywhere.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from generator.errors import UserError
from tests.bench import equality
from tests.bench.ground import COPIES, Ground, stack_name
from tests.bench.rounds import Subject, environment

WRITE_APP = Path(__file__).parent / "tools" / "write_app.mjs"
NODE = "node -e 0"
CDK, CDK_TENFOLD = "AWS CDK, no validation", "AWS CDK, no validation, tenfold"
CDK_VALIDATED = "AWS CDK with validation"
REPORT = "validation-report.json"


def cdk(ground: Ground) -> Iterator[Subject]:
    """Yield the app by itself, without and with CDK's validation."""
    yield Subject(NODE, "starts Node and ends", (ground.node, "-e", "0"), ground.source)
    app = _app(ground)
    yield _synth(ground, app, CDK, 1, validates=False)
    yield _synth(ground, app, CDK_VALIDATED, 1, validates=True)


def cdk_tenfold(ground: Ground) -> Iterator[Subject]:
    """Yield the app with every stack ten times under names of their own, without validation."""
    yield _synth(ground, _app(ground), CDK_TENFOLD, COPIES, validates=False)


def _app(ground: Ground) -> Path:
    """Write the app, once, and return its file."""
    folder = ground.folder("cdk")
    app, templates = folder / "app.cjs", folder / "templates.json"
    if not app.exists():
        (folder / "node_modules").symlink_to(ground.bench / "node_modules")
        (folder / "package.json").write_text("{}\n", encoding="utf-8")
        named = {stack_name(file): template for file, template in ground.expected().items()}
        templates.write_text(json.dumps(named), encoding="utf-8")
        command = [ground.node, str(WRITE_APP), str(templates), str(app)]
        told = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
        if told.returncode != 0:
            raise UserError(f"the CDK app cannot be written: {told.stderr}")
    return app


def _synth(ground: Ground, app: Path, name: str, copies: int, validates: bool) -> Subject:
    folder = ground.folder(f"cdk-{copies}-{validates}")
    command = (ground.node, str(app), str(folder), str(copies))
    variables = _variables(ground) | ({} if validates else {"CDK_VALIDATION": "false"})
    what = f"synthesizes an app of typed L1 constructs, {'with' if validates else 'without'} CDK's validation"
    what += f", every stack {copies} times" if copies > 1 else ""
    complaints = _synthesized(ground, folder, copies, validates)
    return Subject(name, what, command, app.parent, variables, complaints=complaints)


def _variables(ground: Ground) -> dict[str, str]:
    return {"NODE_COMPILE_CACHE": str(ground.folder("node-compile-cache"))}


def _synthesized(ground: Ground, folder: Path, copies: int, validates: bool) -> Callable[[], list[str]]:
    """Return what complains where the app has made other templates than we have, or has not validated them."""

    def complaints() -> list[str]:
        suffix = ".template.json"
        found = {path.name.removesuffix(suffix): equality.read(path) for path in folder.glob(f"*{suffix}")}
        expected = {
            f"{stack_name(file)}{copy or ''}": template
            for copy in range(copies)
            for file, template in ground.expected().items()
        }
        if equality.types(found) != equality.types(expected):
            return ["types and numbers of resources are not ours"]
        if (folder / REPORT).exists() != validates:
            return [f"{REPORT} is {'missing' if validates else 'there'}: CDK has {'not ' * validates}validated"]
        return equality.complaints(expected, found, loosely=True)

    return complaints
