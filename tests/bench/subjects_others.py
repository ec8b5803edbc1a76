"""What the generator is compared with in Python: troposphere by itself, linters, and Sceptre."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from generator.checks import lint
from generator.roots import ROOTS
from generator.stacks import STACKS
from tests.bench import equality
from tests.bench.ground import COPIES, Ground
from tests.bench.rounds import Subject

PLAIN, PLAIN_TENFOLD = "troposphere alone", "troposphere alone, tenfold"
PLAIN_AND_LINT = "troposphere, then cfn-lint"
CFN_LINT, VALIDATE = "cfn-lint command", "cloudformation-validate"
SCEPTRE = "Sceptre"

HANDLER = '''"""Written by the bench."""

from {package} import {module}
from tests.bench.drivers.built_once import built


def sceptre_handler(_user_data):
    return built({module}.build).to_yaml()
'''


def plain(ground: Ground) -> Iterator[Subject]:
    """Yield troposphere's own way: the same Python builds the same templates, and `to_yaml()` writes them."""
    yield _plain(ground, PLAIN, 1)


def plain_tenfold(ground: Ground) -> Iterator[Subject]:
    """Yield the same, with every template ten times under descriptions of their own, in one process."""
    yield _plain(ground, PLAIN_TENFOLD, COPIES)


def linters(ground: Ground) -> Iterator[Subject]:
    """Yield what checks templates, set as we set it: in the same process, by its command, and AWS's own in Rust."""
    folder = ground.folder("plain-linted")
    command = (ground.python, "-m", "tests.bench.drivers.lint_plain", str(folder))
    what = "makes all templates with `to_yaml()` and lints them with cfn-lint, in one process"
    yield Subject(PLAIN_AND_LINT, what, command, ground.source, complaints=ground.makes_the_same(folder))
    files = [str(path) for path in sorted(ground.release.glob("*.yaml"))]
    what = "lints the files of the release, set as we set it"
    yield Subject(CFN_LINT, what, (*_cfn_lint(ground), "--", *files), ground.source)
    what = "checks the files of the release with AWS's validator in Rust (CEL engine), and nothing else"
    command = (ground.python, "-m", "tests.bench.drivers.validate", str(ground.release))
    yield Subject(VALIDATE, what, command, ground.source)


def sceptre(ground: Ground) -> Iterator[Subject]:
    """Yield Sceptre, whose templates are the same Python with `to_yaml()`, all printed by one command."""
    project = ground.folder("sceptre")
    configuration, templates = ground.folder("sceptre/config/bench"), ground.folder("sceptre/templates")
    (project / "config" / "config.yaml").write_text("project_code: bench\nregion: eu-west-1\n", encoding="utf-8")
    for module in (*STACKS, *ROOTS):
        package, _, name = module.__name__.rpartition(".")
        (configuration / f"{name}.yaml").write_text(f"template: {{path: {name}.py, type: file}}\n", encoding="utf-8")
        (templates / f"{name}.py").write_text(HANDLER.format(package=package, module=name), encoding="utf-8")
    printed = project / "printed"
    command = ("sh", "-c", '"$0" generate bench > "$1"', str(ground.bench / "bin" / "sceptre"), str(printed))
    variables = {"PYTHONPATH": str(ground.source)}
    what = "`sceptre generate` of the same Python with `to_yaml()`, which prints all templates"
    yield Subject(SCEPTRE, what, command, project, variables, complaints=_printed(ground, printed))


def _plain(ground: Ground, name: str, copies: int) -> Subject:
    folder = ground.folder(f"plain-{copies}")
    command = (ground.python, "-m", "tests.bench.drivers.generate_plain", str(folder), str(copies))
    what = "makes all templates and writes them with `to_yaml()`"
    what += f", {copies} times under other descriptions in one process" if copies > 1 else ""
    return Subject(name, what, command, ground.source, complaints=ground.makes_the_same(folder, copies))


def _cfn_lint(ground: Ground) -> tuple[str, ...]:
    rules = [
        f"{rule}:{key}={json.dumps(value)}" for rule, each in lint.RULE_SETTINGS.items() for key, value in each.items()
    ]
    return (
        str(Path(ground.python).with_name("cfn-lint")),
        *("--config-file", "/dev/null", "--regions", *lint.REGIONS, "--include-checks", "I"),
        *("--include-experimental", "--ignore-checks", *sorted(lint.SUPPRESSED)),
        *(word for rule in rules for word in ("--configure-rule", rule)),
    )


def _printed(ground: Ground, printed: Path) -> Callable[[], list[str]]:
    def complaints() -> list[str]:
        found = equality.documents(printed.read_text(encoding="utf-8"))
        return equality.same_set(list(ground.expected().values()), found)

    return complaints
