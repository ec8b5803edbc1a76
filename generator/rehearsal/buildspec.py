"""A CodeBuild build specification, read as the rehearsal executes it.

Whatever it cannot execute is refused, never skipped: a key that is ignored here would be a step that only AWS runs. The
same holds for a command that YAML does not read as text: `- false` is a boolean, `- echo a: b` a mapping.
https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from generator.errors import UserError

PHASES = ("install", "pre_build", "build", "post_build")
"""The phases, in the order in which they run."""

SHELLS = {"sh": "sh", "/bin/sh": "sh", "bash": "bash"}
"""What `env.shell` may say → the program. Without it CodeBuild uses `sh`."""

DEFAULT_RETRIES, MOST_RETRIES = 3, 100

NOT_EXECUTED = {
    "": ("run-as", "proxy", "batch", "reports"),
    "env": ("parameter-store", "secrets-manager", "git-credential-helper"),
    "phases": ("run-as",),
    "artifacts": ("name", "enable-symlinks", "s3-prefix"),
    "cache": ("fallback-keys", "action"),
}
"""Keys that CodeBuild knows and the rehearsal does not execute, by the mapping that they stand in."""

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RETRY = re.compile(r"RETRY(?:-(?P<count>\d+))?(?:-(?P<pattern>.+))?", re.IGNORECASE)
HASHED_FILES = re.compile(r"\$\(codebuild-hash-files ([^()$]+)\)")


@dataclass(frozen=True)
class OnFailure:
    """What a failed phase leads to. Without `action` the usual transition between phases."""

    action: Literal["", "ABORT", "CONTINUE", "RETRY"] = ""
    retries: int = 0
    pattern: str = ".*"
    """A regular expression that the error must match for the build to be retried."""


@dataclass(frozen=True)
class Phase:
    """The commands of one phase; those of `finally` run whether or not the others succeed."""

    name: str
    commands: tuple[str, ...]
    finally_commands: tuple[str, ...] = ()
    on_failure: OnFailure = OnFailure()
    runtimes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ArtifactFiles:
    """Which files of the source folder are an artifact of the build: glob patterns below the base directory."""

    files: tuple[str, ...]
    base_directory: str = "."
    exclude_paths: tuple[str, ...] = ()
    discard_paths: bool = False


@dataclass(frozen=True)
class Cache:
    """What a build keeps for the next one with the same key. In the key, `$(codebuild-hash-files …)` may stand."""

    key: str
    paths: tuple[str, ...]

    def hashed_files(self) -> tuple[str, ...]:
        """Return the files whose content is part of the key."""
        return tuple(name for names in HASHED_FILES.findall(self.key) for name in names.split())


@dataclass(frozen=True)
class Buildspec:
    """A build specification of version 0.2."""

    shell: str
    variables: Mapping[str, str]
    exported_variables: tuple[str, ...]
    phases: tuple[Phase, ...]
    """In the order in which they run."""
    artifacts: ArtifactFiles | None = None
    secondary_artifacts: Mapping[str, ArtifactFiles] = field(default_factory=dict)
    cache: Cache | None = None


def parse(text: str, name: str) -> Buildspec:
    """Return the build specification in a text. `name` is what error messages call it.

    Raises `UserError` for what is no build specification of version 0.2, and for keys that are not executed here.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{name}: is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{name}: must be a mapping with the keys version and phases")
    _check_keys(name, content, "", allowed=("version", "env", "phases", "artifacts", "cache"))
    if str(content.get("version")) != "0.2":
        raise UserError(
            f"{name}: version is {content.get('version')!r}; only 0.2 runs all commands in one shell: use it"
        )
    env = _mapping(name, content, "env", ("shell", "variables", "exported-variables"))
    artifacts = content.get("artifacts")
    return Buildspec(
        shell=_shell(name, env),
        variables=_variables(name, env),
        exported_variables=_exported_variables(name, env),
        phases=_phases(name, content),
        artifacts=None if artifacts is None else _artifact_files(name, "artifacts", artifacts, primary=True),
        secondary_artifacts=_secondary_artifacts(name, artifacts or {}),
        cache=_cache(name, content),
    )


def _shell(name: str, env: Mapping[str, Any]) -> str:
    shell = env.get("shell", "sh")
    if shell not in SHELLS:
        raise UserError(f"{name}: env: shell is {shell!r}; allowed: {', '.join(SHELLS)}")
    return SHELLS[shell]


def _variables(name: str, env: Mapping[str, Any]) -> dict[str, str]:
    variables = env.get("variables") or {}
    if not isinstance(variables, dict):
        raise UserError(f"{name}: env: variables must be a mapping")
    for key, value in variables.items():
        if not isinstance(key, str) or not VARIABLE.fullmatch(key) or key.startswith("CODEBUILD_"):
            raise UserError(f"{name}: env: variables: {key!r} cannot be set; CODEBUILD_ is reserved")
        if not isinstance(value, str):
            raise UserError(f"{name}: env: variables: {key} is {value!r}, not text: put it in quotes")
    return variables


def _exported_variables(name: str, env: Mapping[str, Any]) -> tuple[str, ...]:
    names = _texts(name, "env: exported-variables", env.get("exported-variables", []))
    for variable in names:
        if not VARIABLE.fullmatch(variable) or variable.startswith("AWS_"):
            raise UserError(f"{name}: env: exported-variables: {variable!r} cannot be exported")
    return names


def _phases(name: str, content: Mapping[str, Any]) -> tuple[Phase, ...]:
    phases = _mapping(name, content, "phases", PHASES)
    if not phases:
        raise UserError(f"{name}: phases: at least one of {', '.join(PHASES)} is needed")
    return tuple(_phase(name, phase, phases[phase]) for phase in PHASES if phase in phases)


def _phase(name: str, phase: str, content: Any) -> Phase:
    where = f"phases: {phase}"
    if not isinstance(content, dict):
        raise UserError(f"{name}: {where}: must be a mapping with the key commands")
    runtimes = ("runtime-versions",) if phase == "install" else ()
    allowed = ("commands", "finally", "on-failure", *runtimes)
    _check_keys(name, content, where, allowed, NOT_EXECUTED["phases"])
    if "commands" not in content and phase != "install":
        raise UserError(f"{name}: {where}: commands are missing")
    versions = content.get("runtime-versions") or {}
    if not isinstance(versions, dict):
        raise UserError(f"{name}: {where}: runtime-versions must be a mapping such as python: 3.11")
    return Phase(
        name=phase,
        commands=_texts(name, f"{where}: commands", content.get("commands", [])),
        finally_commands=_texts(name, f"{where}: finally", content.get("finally", [])),
        on_failure=_on_failure(name, where, content.get("on-failure", "")),
        runtimes={str(runtime): str(version) for runtime, version in versions.items()},
    )


def _on_failure(name: str, where: str, value: Any) -> OnFailure:
    if value == "":
        return OnFailure()
    if value == "ABORT":
        return OnFailure("ABORT")
    if value == "CONTINUE":
        return OnFailure("CONTINUE")
    match = RETRY.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match["count"] or 0) > MOST_RETRIES:
        raise UserError(
            f"{name}: {where}: on-failure is {value!r}; allowed: ABORT, CONTINUE, RETRY, RETRY-<0 to {MOST_RETRIES}>, "
            "RETRY-<regular expression>, RETRY-<count>-<regular expression>"
        )
    pattern = match["pattern"] or ".*"
    try:
        re.compile(pattern)
    except re.error as error:
        raise UserError(f"{name}: {where}: on-failure: {pattern!r} is no regular expression: {error}") from error
    return OnFailure("RETRY", DEFAULT_RETRIES if match["count"] is None else int(match["count"]), pattern)


def _artifact_files(name: str, where: str, content: Any, primary: bool) -> ArtifactFiles:
    if not isinstance(content, dict):
        raise UserError(f"{name}: {where}: must be a mapping with the key files")
    allowed = ("files", "base-directory", "exclude-paths", "discard-paths", *(("secondary-artifacts",) * primary))
    _check_keys(name, content, where, allowed, NOT_EXECUTED["artifacts"])
    files = _texts(name, f"{where}: files", content.get("files", []))
    if not files:
        raise UserError(f"{name}: {where}: files are missing")
    excluded = content.get("exclude-paths", [])
    exclude_paths = _texts(name, f"{where}: exclude-paths", [excluded] if isinstance(excluded, str) else excluded)
    base_directory = content.get("base-directory", ".")
    for pattern in (base_directory, *files, *exclude_paths):
        _check_pattern(f"{name}: {where}", pattern)
    discard_paths = content.get("discard-paths", False)
    if discard_paths not in (True, False, "yes", "no"):
        raise UserError(f"{name}: {where}: discard-paths is {discard_paths!r}; allowed: yes, no")
    return ArtifactFiles(files, base_directory, exclude_paths, discard_paths in (True, "yes"))


def _check_pattern(where: str, pattern: Any) -> None:
    if not isinstance(pattern, str) or pattern.startswith("/") or ".." in pattern.split("/"):
        raise UserError(f"{where}: {pattern!r} must be a path inside the source folder")
    if any("**" in part and part != "**" for part in pattern.split("/")):
        raise UserError(f"{where}: {pattern!r}: ** stands alone between slashes, as in folder/**/*")


def _secondary_artifacts(name: str, artifacts: Mapping[str, Any]) -> dict[str, ArtifactFiles]:
    content = artifacts.get("secondary-artifacts") or {}
    if not isinstance(content, dict):
        raise UserError(f"{name}: artifacts: secondary-artifacts must be a mapping")
    where = "artifacts: secondary-artifacts"
    return {str(key): _artifact_files(name, f"{where}: {key}", files, primary=False) for key, files in content.items()}


def _cache(name: str, content: Mapping[str, Any]) -> Cache | None:
    if "cache" not in content:
        return None
    cache = _mapping(name, content, "cache", ("key", "paths"))
    key = cache.get("key", "")
    if not isinstance(key, str) or "$" in HASHED_FILES.sub("", key):
        raise UserError(f"{name}: cache: key is {key!r}; text and $(codebuild-hash-files <files>) are executed here")
    paths = _texts(name, "cache: paths", cache.get("paths", []))
    for path in paths:
        if path.startswith("/") or ".." in path.split("/") or "*" in path.removesuffix("/**/*"):
            raise UserError(f"{name}: cache: paths: {path!r} must be a file, or a folder as in .venv/**/*")
    return Cache(key, paths)


def _mapping(name: str, content: Mapping[str, Any], key: str, allowed: Collection[str]) -> Mapping[str, Any]:
    value = content.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(f"{name}: {key}: must be a mapping of {', '.join(allowed)}")
    _check_keys(name, value, key, allowed, NOT_EXECUTED[key])
    return value


def _check_keys(
    name: str,
    content: Mapping[Any, Any],
    where: str,
    allowed: Collection[str],
    not_executed: Collection[str] = NOT_EXECUTED[""],
) -> None:
    for key in content:
        if key in allowed:
            continue
        place = f"{name}: {where}: {key}" if where else f"{name}: {key}"
        if key in not_executed:
            raise UserError(f"{place} is known to CodeBuild, but not executed by the rehearsal: do without it")
        raise UserError(f"{place} is unknown; allowed: {', '.join(allowed)}")


def _texts(name: str, where: str, content: Any) -> tuple[str, ...]:
    """Return a list of texts. Raises `UserError` naming the position of what YAML reads as something else."""
    if not isinstance(content, list):
        raise UserError(f"{name}: {where} must be a list")
    for position, text in enumerate(content, start=1):
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"{name}: {where}: number {position} is {text!r} to YAML, not text: put it in quotes")
    return tuple(content)
