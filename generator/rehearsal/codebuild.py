"""CodeBuild on this machine: a build specification, executed for real in a copy of its source.

What is the same: phases and the ways between them, one shell for all commands, variables, exported variables,
artifacts, the fresh source and home folder of every build. What is not: the image (this machine's programs are used,
and `runtime-versions` is only noted), the network. Commands have the credentials that their environment gives them. A
cache is a link to the folder that stands in for it. The documentation does not say whether `on-failure: CONTINUE` lets
a build succeed: here it has failed.
https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from generator.errors import UserError
from generator.rehearsal.build_shell import BuildShell, BuildTimeoutError
from generator.rehearsal.buildspec import ArtifactFiles, Buildspec, Cache, OnFailure, Phase, parse

DEFAULT_BUILDSPEC = "buildspec.yml"
DEFAULT_TIMEOUT_MINUTES = 60
"""CodeBuild's own default."""

INHERITED = re.compile(r"PATH|LANG|LC_ALL|PIP_\w+|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE")
"""What a build inherits of this machine: programs, language, and the way to packages. Nothing of the user's AWS."""

SOURCE_TIME = 946_684_800
"""Modification time of every source file, the year 2000: the cached environment is newer, so that make keeps it."""

SUCCEEDED, FAILED, TIMED_OUT = "SUCCEEDED", "FAILED", "TIMED_OUT"


@dataclass(frozen=True)
class Build:
    """What a build project and the action that starts it say.

    `buildspec` is empty for the source's `buildspec.yml`, a path in the source, or the text itself. `caches` is the
    folder that a former build is taken to have left: what `cache.paths` names there is linked into the source.
    `programs` is a folder of programs that are found before this machine's, such as one that stands in for Docker.
    """

    source: Path
    secondary_sources: Mapping[str, Path] = field(default_factory=dict)
    buildspec: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    caches: Path | None = None
    programs: Path | None = None
    timeout_minutes: float = DEFAULT_TIMEOUT_MINUTES


@dataclass(frozen=True)
class PhaseResult:
    """How a phase ended: its name in CodeBuild's capitals, the seconds it took, and the commands that were run."""

    name: str
    status: str
    seconds: float
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuildResult:
    """How a build ended. `artifacts` is the folder with the collected files, `reason` the first failure in words."""

    succeeded: bool
    phases: tuple[PhaseResult, ...]
    exported_variables: Mapping[str, str]
    artifacts: Path | None
    log: str
    reason: str
    secondary_artifacts: Mapping[str, Path] = field(default_factory=dict)


def run_build(build: Build, workspace: Path, on_line: Callable[[str], None]) -> BuildResult:
    """Execute a build and hand on its log line by line. The source stays as it is; artifacts go to the workspace.

    A failed build is no exception. Raises `UserError` for a build specification that cannot be executed here.
    """
    spec = parse(*_buildspec_text(build))
    deadline = time.monotonic() + build.timeout_minutes * 60
    retries = 0
    while True:
        attempt = _Attempt(build, spec, workspace, on_line, deadline)
        result = attempt.run()
        policy = attempt.on_failure
        if policy.action != "RETRY" or retries >= policy.retries or not re.search(policy.pattern, result.log):
            return result
        retries += 1
        on_line(f"[Container] Retrying the build, {retries} of {policy.retries}")


def _buildspec_text(build: Build) -> tuple[str, str]:
    """Return the text of the build specification and what to call it."""
    if "\n" in build.buildspec or build.buildspec.startswith("version:"):
        return build.buildspec, "buildspec of the build project"
    name = build.buildspec or DEFAULT_BUILDSPEC
    try:
        return (build.source / name).read_text(encoding="utf-8"), name
    except OSError as error:
        raise UserError(f"{name}: cannot be read in the build's source: {error.strerror}") from error


class _Attempt:
    """One run of a build, in folders of its own."""

    def __init__(
        self, build: Build, spec: Buildspec, workspace: Path, on_line: Callable[[str], None], deadline: float
    ) -> None:
        self._build, self._spec, self._on_line, self._deadline = build, spec, on_line, deadline
        workspace.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="build-", dir=workspace)).resolve()
        self._scratch = self._folder / "scratch"
        self._source = self._scratch / "src"
        self._log: list[str] = []
        self._phases: list[PhaseResult] = []
        self._reason = ""
        self.on_failure = OnFailure()
        """What the phase that failed asks for."""

    def run(self) -> BuildResult:
        exported: Mapping[str, str] = {}
        artifacts: dict[str, Path] = {}
        try:
            self._provide_sources()
            with self._shell() as shell:
                if self._run_phases(shell):
                    artifacts = self._upload_artifacts()
                exported = self._exported_variables(shell)
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)
        return BuildResult(
            succeeded=not self._reason,
            phases=tuple(self._phases),
            exported_variables=exported,
            artifacts=artifacts.pop("", None),
            log="\n".join(self._log),
            reason=self._reason,
            secondary_artifacts=artifacts,
        )

    def _say(self, text: str) -> None:
        self._line(f"[Container] {text}")

    def _line(self, line: str) -> None:
        self._log.append(line)
        self._on_line(line)

    def _provide_sources(self) -> None:
        _copy_source(self._build.source, self._source)
        for name, folder in self._build.secondary_sources.items():
            _copy_source(folder, self._secondary_source(name))
        if self._spec.cache is not None and self._build.caches is not None:
            for line in _link_cache(self._spec.cache, self._build.caches, self._source):
                self._say(line)

    def _secondary_source(self, name: str) -> Path:
        return self._scratch / "secondary" / name

    def _shell(self) -> BuildShell:
        environment = self._environment()
        for folder in (environment["HOME"], environment["TMPDIR"]):
            Path(folder).mkdir(parents=True)
        return BuildShell(
            self._spec.shell, self._scratch / "shell", self._source, environment, self._line, self._deadline
        )

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if INHERITED.fullmatch(name)}
        if self._build.programs is not None:
            inherited["PATH"] = f"{self._build.programs}{os.pathsep}{inherited.get('PATH', os.defpath)}"
        of_service = {
            "CODEBUILD_BUILD_ID": f"rehearsal:{uuid.uuid4()}",
            "CODEBUILD_BUILD_NUMBER": "1",
            "CODEBUILD_CI": "true",
            "CODEBUILD_START_TIME": str(time.time_ns() // 1_000_000),
        }
        own = {
            "HOME": str(self._scratch / "home"),
            "TMPDIR": str(self._scratch / "tmp"),
            "CODEBUILD_BUILD_SUCCEEDING": "1",
            "CODEBUILD_SRC_DIR": str(self._source),
            **{
                f"CODEBUILD_SRC_DIR_{name}": str(self._secondary_source(name)) for name in self._build.secondary_sources
            },
        }
        # CodeBuild: what project and action say goes before what the build specification says.
        return {"LANG": "C.UTF-8", **inherited, **of_service, **self._spec.variables, **self._build.environment, **own}

    def _run_phases(self, shell: BuildShell) -> bool:
        """Run the phases as far as failures let them run; return whether artifacts are to be uploaded."""
        for phase in self._spec.phases:
            for runtime, version in phase.runtimes.items():
                self._say(f"runtime-versions: {runtime} {version} is not applied: this machine's programs are used")
            if self._run_phase(shell, phase) == SUCCEEDED:
                continue
            action = phase.on_failure.action
            if self._phases[-1].status == TIMED_OUT or action in ("ABORT", "RETRY"):
                return False
            # By themselves only a failed build and a failed post_build lead on: to post_build, and to the artifacts.
            if action != "CONTINUE" and phase.name in ("install", "pre_build"):
                return False
        return True

    def _run_phase(self, shell: BuildShell, phase: Phase) -> str:
        name = phase.name.upper()
        self._say(f"Entering phase {name}")
        started = time.monotonic()
        ran: list[str] = []
        try:
            done = self._run_commands(shell, name, phase.commands, ran)
            done = self._run_commands(shell, name, phase.finally_commands, ran) and done
            status = SUCCEEDED if done else FAILED
        except BuildTimeoutError:
            status = TIMED_OUT
            self._fail(f"{name}: `{ran[-1]}` was ended: a build may take {self._build.timeout_minutes:g} minutes")
        if status == FAILED and self.on_failure.action != "RETRY":
            self.on_failure = phase.on_failure
        self._phases.append(PhaseResult(name, status, time.monotonic() - started, tuple(ran)))
        self._say(f"Phase complete: {name} State: {status}")
        return status

    def _run_commands(self, shell: BuildShell, phase: str, commands: tuple[str, ...], ran: list[str]) -> bool:
        """Run commands up to the first that fails; return whether all succeeded."""
        for command in commands:
            ran.append(command)
            self._say(f"Running command {command}")
            status = shell.run(command)
            if status != 0:
                self._fail(f"{phase}: `{command}` ended with exit status {status}")
                shell.run("export CODEBUILD_BUILD_SUCCEEDING=0")
                return False
        return True

    def _fail(self, reason: str) -> None:
        self._say(reason)
        self._reason = self._reason or reason

    def _upload_artifacts(self) -> dict[str, Path]:
        """Collect the artifacts: by identifier, the primary one under the empty text."""
        if self._spec.artifacts is None:
            return {}
        started = time.monotonic()
        wanted = {"": self._spec.artifacts, **self._spec.secondary_artifacts}
        collected: dict[str, Path] = {}
        status = SUCCEEDED
        for identifier, files in wanted.items():
            destination = self._folder / "artifacts" / (identifier or "primary")
            problem = _collect(files, self._source, destination)
            if problem:
                status = FAILED
                self._fail(f"UPLOAD_ARTIFACTS: {problem}")
            else:
                collected[identifier] = destination
        self._phases.append(PhaseResult("UPLOAD_ARTIFACTS", status, time.monotonic() - started))
        self._say(f"Phase complete: UPLOAD_ARTIFACTS State: {status}")
        return collected

    def _exported_variables(self, shell: BuildShell) -> dict[str, str]:
        variables = shell.variables()
        missing = [name for name in self._spec.exported_variables if name not in variables]
        if missing:
            self._say(f"exported-variables: {', '.join(missing)} not set: a command must `export` what is exported")
        return {name: variables[name] for name in self._spec.exported_variables if name in variables}


def _copy_source(source: Path, destination: Path) -> None:
    def copy(from_file: str, to_file: str) -> None:
        shutil.copyfile(from_file, to_file)
        shutil.copymode(from_file, to_file)
        os.utime(to_file, (SOURCE_TIME, SOURCE_TIME))

    shutil.copytree(source, destination, symlinks=True, copy_function=copy)


def _link_cache(cache: Cache, caches: Path, source: Path) -> list[str]:
    """Link what the cache holds into the source, where its key fits; return what to say about it."""
    for name in cache.hashed_files():
        if _digest(caches / name) != _digest(source / name):
            return [f"Cache not used: its key differs, {name} has changed"]
    lines = []
    for pattern in cache.paths:
        path = pattern.removesuffix("/**/*")
        here = source / path
        if (caches / path).exists() and not here.is_symlink() and not here.exists():
            here.parent.mkdir(parents=True, exist_ok=True)
            here.symlink_to((caches / path).resolve())
            lines.append(f"Cache: {path}")
    return lines


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _collect(spec: ArtifactFiles, source: Path, destination: Path) -> str:
    """Copy the files of an artifact to a new folder; return what is wrong, or nothing."""
    bases = sorted(path for path in _matches(source, spec.base_directory) if path.is_dir())
    if not bases:
        return f"no folder matches the base directory {spec.base_directory}"
    destination.mkdir(parents=True)
    found = 0
    for base in bases:
        excluded = {path for pattern in spec.exclude_paths for path in _matches(base, pattern)}
        matching = {path for pattern in spec.files for path in _matches(base, pattern) if path.is_file()}
        for path in sorted(matching - excluded):
            target = destination / (path.name if spec.discard_paths else path.relative_to(base))
            if target.exists():
                return f"two files would both be {target.relative_to(destination)}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
            found += 1
    return "" if found else f"no file matches {', '.join(spec.files)}"


def _matches(folder: Path, pattern: str) -> Iterable[Path]:
    # A pattern without parts, such as `.`, is none to glob().
    return folder.glob(pattern) if Path(pattern).parts else [folder]
