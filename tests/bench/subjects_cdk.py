"""The AWS CDK on the same resources: an app of its typed constructs, written from the released templates.

The app by itself; started by the `cdk` command, as its users do; and in Python, where somebody asks for that: it needs
half a gigabyte. Node keeps compiled code in a cache, as Python does. Nothing is looked up, staged or sent anywhere.
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
CDK_COMMAND = "cdk synth command"
PYTHON_CDK, PYTHON_CDK_VALIDATED = "AWS CDK in Python, no validation", "AWS CDK in Python with validation"
REPORT = "validation-report.json"

SETTINGS = {"notices": False, "versionReporting": False, "pathMetadata": False, "assetMetadata": False}
"""Of the `cdk` command, in `cdk.json`: nothing is asked for or added that the app by itself does without
(https://docs.aws.amazon.com/cdk/v2/guide/ref-cli-cmd-synth.html)."""

ALONE = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_DISABLE_VERSION_CHECK": "true", "AWS_EC2_METADATA_DISABLED": "true"}
"""It tells nobody that it runs (https://docs.aws.amazon.com/cdk/v2/guide/cli-telemetry.html), and asks nobody whose
machine this is."""


def cdk(ground: Ground) -> Iterator[Subject]:
    """Yield the app by itself, without and with CDK's validation, and as the `cdk` command runs it."""
    yield Subject(NODE, "starts Node and ends", (ground.node, "-e", "0"), ground.source)
    yield _synth(ground, CDK, 1, validates=False)
    yield _synth(ground, CDK_VALIDATED, 1, validates=True)
    yield _command(ground)


def cdk_tenfold(ground: Ground) -> Iterator[Subject]:
    """Yield the app with every stack ten times under names of their own, without validation."""
    yield _synth(ground, CDK_TENFOLD, COPIES, validates=False)


def cdk_in_python(ground: Ground) -> Iterator[Subject]:
    """Yield the app in Python, which drives the same library in Node, without and with CDK's validation."""
    for name, validates in ((PYTHON_CDK, False), (PYTHON_CDK_VALIDATED, True)):
        app, output = _app(ground, "python") / "app.py", ground.folder(f"cdk-python-{validates}")
        jsii = {"JSII_NODE": ground.node, "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(ground.folder("jsii-cache"))}
        what = f"synthesizes an app of the same constructs in Python, {_with(validates)} CDK's validation"
        yield Subject(
            name,
            what,
            (ground.python_of_cdk, str(app), str(output), "1"),
            app.parent,
            _variables(ground, validates) | jsii,
            complaints=_synthesized(ground, output, 1, validates),
        )


def _app(ground: Ground, language: str) -> Path:
    """Write the app, once, and return its folder."""
    folder = ground.folder(f"cdk-app-{language}")
    templates = folder / "templates.json"
    if not templates.exists():
        (folder / "node_modules").symlink_to(ground.bench / "node_modules")
        (folder / "package.json").write_text("{}\n", encoding="utf-8")
        named = {stack_name(file): template for file, template in ground.expected().items()}
        templates.write_text(json.dumps(named), encoding="utf-8")
        command = [ground.node, str(WRITE_APP), str(templates), str(folder), language]
        told = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
        if told.returncode != 0:
            raise UserError(f"the CDK app in {language} cannot be written: {told.stderr}")
    return folder


def _synth(ground: Ground, name: str, copies: int, validates: bool) -> Subject:
    app, output = _app(ground, "javascript") / "app.cjs", ground.folder(f"cdk-{copies}-{validates}")
    what = f"synthesizes an app of typed L1 constructs, {_with(validates)} CDK's validation"
    what += f", every stack {copies} times" if copies > 1 else ""
    return Subject(
        name,
        what,
        (ground.node, str(app), str(output), str(copies)),
        app.parent,
        _variables(ground, validates),
        complaints=_synthesized(ground, output, copies, validates),
    )


def _command(ground: Ground) -> Subject:
    app, project = _app(ground, "javascript") / "app.cjs", ground.folder("cdk-command")
    output = project / "cdk.out"
    settings = {"app": f"{ground.node} {app}", "output": str(output), **SETTINGS}
    (project / "cdk.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    home = str(ground.folder("cdk-home"))
    return Subject(
        CDK_COMMAND,
        "the command that a user of the CDK types: it starts the same app, with validation, and reads its output",
        (ground.node, str(ground.bench / "node_modules" / "aws-cdk" / "bin" / "cdk"), "synth"),
        project,
        _variables(ground, validates=True) | ALONE | {"HOME": home, "CDK_HOME": home},
        complaints=_synthesized(ground, output, 1, validates=True),
    )


def _with(validates: bool) -> str:
    return "with" if validates else "without"


def _variables(ground: Ground, validates: bool) -> dict[str, str]:
    cache = {"NODE_COMPILE_CACHE": str(ground.folder("node-compile-cache"))}
    return cache if validates else cache | {"CDK_VALIDATION": "false"}


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
