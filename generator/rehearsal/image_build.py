"""Build an image from a Dockerfile without a container engine, as far as that goes.

Files are picked and copied, and the image's configuration is made, as Docker does it. A RUN is done here where it is a
command of Python or chmod on the stage's own files. What needs the base image, its system or the internet is not done,
and the image's history says so, instruction by instruction: `Image.not_run`. So the image holds the application and
nothing below it: it is run with this machine's Python and the application's locked packages.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from generator.delivery.build_context import DOCKERFILE, context_files
from generator.errors import UserError
from generator.rehearsal.dockerfile import Instruction, health_check_of, instructions_of
from generator.rehearsal.oci_images import File, Image, Step, image_of

INTERPRETER, RUN_HERE = "python3.11", ("python3.11", "chmod")
"""Programs that do the same here as in the image; the first is whatever Python the caller names."""

EXECUTABLE, PLAIN, ANYBODY_EXECUTES = 0o755, 0o644, 0o111


@dataclass
class Stage:
    """A stage of a build as far as it has come: files by absolute path, and the image's configuration."""

    files: dict[str, File] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    @property
    def folder(self) -> PurePosixPath:
        return PurePosixPath(self.config.get("WorkingDir", "/"))

    @property
    def variables(self) -> dict[str, str]:
        """What `${…}` stands for; ENV wins over ARG."""
        return self.arguments | self.environment


def build(folder: Path, python: Path, arguments: Mapping[str, str] | None = None) -> Image:
    """Return the image of a folder's Dockerfile.

    `python` is an interpreter with the packages that the build's own commands import; `arguments` are those of
    `--build-arg`. Raises `UserError` where the Dockerfile asks for what is not understood here, or a command fails.
    """
    return _Build(folder, python, arguments or {}).run()


class _Build:
    def __init__(self, folder: Path, python: Path, arguments: Mapping[str, str]) -> None:
        self._python = python
        self._given = arguments
        self._context = {
            name: File(path.read_bytes(), EXECUTABLE if path.stat().st_mode & 0o100 else PLAIN)
            for name, path in context_files(folder).items()
        }
        self._instructions = instructions_of((folder / DOCKERFILE).read_text(encoding="utf-8"))
        self._stages: dict[str, Stage] = {}
        self._stage = Stage()
        self._undone: list[Step] = []
        self._followers: dict[str, Callable[[Instruction], Step]] = {
            "FROM": self._from,
            "ADD": self._add,
            "ARG": self._arg,
            "COPY": self._copy,
            "ENV": self._env,
            "RUN": self._run,
        }

    def run(self) -> Image:
        for instruction in self._instructions:
            step = self._followers.get(instruction.name, self._configure)(instruction)
            (self._stage.steps if step.is_run else self._undone).append(step)
        if unknown := self._given.keys() - self._stage.arguments.keys():
            raise UserError(f"Dockerfile: no ARG of its last stage is called {', '.join(sorted(unknown))}")
        return image_of(self._stage.config, self._stage.files, [*self._undone, *self._stage.steps])

    def _from(self, instruction: Instruction) -> Step:
        base, *name = instruction.value.split(" AS ", 1)
        if base in self._stages:
            below = self._stages[base]
            self._stage = Stage(dict(below.files), dict(below.config), dict(below.environment), {}, list(below.steps))
        else:
            self._stage = Stage()
        self._stages[name[0] if name else str(len(self._stages))] = self._stage
        return Step(str(instruction), is_run=base in self._stages)

    def _arg(self, instruction: Instruction) -> Step:
        name, _, default = instruction.value.partition("=")
        self._stage.arguments[name] = self._given.get(name, default)
        return Step(str(instruction))

    def _env(self, instruction: Instruction) -> Step:
        self._stage.environment |= instruction.pairs(self._stage.variables)
        self._stage.config["Env"] = [f"{name}={value}" for name, value in self._stage.environment.items()]
        return Step(str(instruction))

    def _add(self, instruction: Instruction) -> Step:
        if "://" in instruction.value:
            return Step(str(instruction), is_run=False)
        return self._copy(instruction)

    def _copy(self, instruction: Instruction) -> Step:
        *sources, target = instruction.words(self._stage.variables)
        flags = instruction.flags
        if unknown := flags.keys() - {"from", "chmod"}:
            raise UserError(f"Dockerfile, line {instruction.line}: --{min(unknown)} is not understood here")
        within = self._stages[flags["from"]].files if "from" in flags else self._context
        for source in sources:
            copied = _copied(within, source.rstrip("/"), target, is_one=len(sources) == 1)
            if not copied:
                raise UserError(f"Dockerfile, line {instruction.line}: there is no {source} to copy")
            for path, file in copied.items():
                mode = int(flags["chmod"], 8) if "chmod" in flags else file.mode
                self._stage.files[_normalized(self._stage.folder / path)] = replace(file, mode=mode)
        return Step(str(instruction))

    def _run(self, instruction: Instruction) -> Step:
        command = instruction.in_exec_form
        if command is None or not _can_run_here(command):
            return Step(str(instruction), is_run=False)
        program = str(self._python) if command[0] == INTERPRETER else shutil.which(command[0])
        with tempfile.TemporaryDirectory(prefix="image-build-") as scratch:
            root = Path(scratch)
            _write(self._stage.files, root)
            folder = root / str(self._stage.folder).lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
            environment = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", **self._stage.environment}
            done = subprocess.run(
                [str(program), *command[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise UserError(f"Dockerfile, line {instruction.line}: {instruction}: {done.stdout}{done.stderr}")
            self._stage.files = _read(root)
        return Step(str(instruction))

    def _configure(self, instruction: Instruction) -> Step:
        config, variables = self._stage.config, self._stage.variables
        match instruction.name:
            case "WORKDIR":
                config["WorkingDir"] = _normalized(self._stage.folder / instruction.words(variables)[0])
            case "USER":
                config["User"] = instruction.words(variables)[0]
            case "EXPOSE":
                config["ExposedPorts"] = {f"{port}/tcp": {} for port in instruction.words(variables)}
            case "VOLUME":
                config["Volumes"] = {path: {} for path in instruction.in_exec_form or instruction.words(variables)}
            case "LABEL":
                config["Labels"] = config.get("Labels", {}) | instruction.pairs(variables)
            case "CMD" | "ENTRYPOINT":
                config[instruction.name.capitalize()] = instruction.command
            case "HEALTHCHECK":
                config["Healthcheck"] = health_check_of(instruction)
            case "STOPSIGNAL":
                config["StopSignal"] = instruction.value
            case other:
                raise UserError(f"Dockerfile, line {instruction.line}: {other} is not understood here")
        return Step(str(instruction))


def _can_run_here(command: list[str]) -> bool:
    """Whether a command touches the stage's own files alone, and what it needs is on this machine."""
    stays_inside = not any(word.startswith("/") or ".." in Path(word).parts for word in command)
    installs = command[1:3] == ["-m", "pip"]
    return command[0] in RUN_HERE and stays_inside and not installs


def _copied(within: Mapping[str, File], source: str, target: str, is_one: bool) -> dict[str, File]:
    """Return what COPY makes of a source: a file in a folder, a file by another name, or what a folder holds."""
    source = "" if source == "." else source
    if source in within:
        is_folder = target.endswith("/") or target == "." or not is_one
        name = PurePosixPath(source).name
        return {str(PurePosixPath(target) / name) if is_folder else target: within[source]}
    below = f"{source}/" if source else ""
    return {
        str(PurePosixPath(target) / name.removeprefix(below)): file
        for name, file in within.items()
        if name.startswith(below)
    }


def _normalized(path: PurePosixPath) -> str:
    return "/" + "/".join(part for part in path.parts if part not in ("/", "."))


def _write(files: Mapping[str, File], root: Path) -> None:
    for path, file in files.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)


def _read(root: Path) -> dict[str, File]:
    """Return the files below a folder. Their modes are all of 0644 or 0755, less what has been taken from them."""
    found = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {f"/{path.relative_to(root).as_posix()}": File(path.read_bytes(), _mode(path)) for path in found}


def _mode(path: Path) -> int:
    mode = path.stat().st_mode
    return (EXECUTABLE if mode & ANYBODY_EXECUTES else PLAIN) & ~(0 if mode & 0o200 else 0o222)
