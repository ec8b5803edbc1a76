"""cfn-lint over a release, at its strictest, in every region the platform is offered in, cached by content.

Each template is linted as it is released. A template that nests others is linted a second time as a copy whose
`TemplateURL`s are rewritten to sibling files: cfn-lint follows a relative path, and only then compares the parameters
(E3043) and the outputs (`GetAtt`: E1010, in the root's own outputs E6101; `Sub`: E1019) of both ends. It follows a path
only below its working directory and is silent about every `TemplateURL` that it cannot follow, so rule E9001 of this
module reports those.

A verdict is kept under a digest of all that it depends on. To make sure that this is all, cfn-lint sees nothing else:
a template by itself, and with a copy of the siblings no more than their parameters and outputs. So a changed resource
costs the linting of one template, and a changed output that of the root besides.

Rules: https://github.com/aws-cloudformation/cfn-lint/blob/main/docs/rules.md
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from generator.errors import UserError
from generator.installed import version
from generator.progress import Say, counted, silent
from generator.registry_schemas import cfn_lint_data

if TYPE_CHECKING:
    from cfnlint.config import ConfigMixIn
    from cfnlint.match import Match
    from cfnlint.runner import Runner

REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-2")
"""The regions that every template must be valid in."""

SUPPRESSED: Mapping[str, str] = MappingProxyType(
    {"I4010": "experimental; wants prose in every resource's Metadata, and our prose is in docstrings and docs/"}
)
"""Rules that are off for all templates, each with the reason. A resource may be excused in its own Metadata; what a
template's Metadata says for all of it does not count, because cfn-lint prefers this list while it has an entry."""

RULE_SETTINGS: Mapping[str, Mapping[str, bool]] = MappingProxyType(
    {"I3042": {"partition": True, "region": True, "accountId": True}}
)
"""Settings stricter than cfn-lint's own: what an ARN may not hard-code. E3012's `strict` stays off, because it objects
to `!Select ["0", ...]` and other numbers in quotes, which CloudFormation documents and converts."""

COPY_ARTEFACTS: Mapping[str, str] = MappingProxyType(
    {
        "W2001": "the rewritten TemplateURLs no longer use TemplateBucketName and TemplateKeyPrefix",
        "W3002": "it says that a relative TemplateURL needs `aws cloudformation package`; no copy is ever deployed",
    }
)
"""Rules whose verdict on a copy with sibling TemplateURLs counts for nothing; the released template has it right."""

UNFOLLOWED = "E9001"
"""Our own rule, numbered where cfn-lint leaves room for its users': a nested stack that cfn-lint cannot follow."""

LINTER_FAILED = "E0002"
"""cfn-lint's own rule for an exception while linting."""

LINTER_ERRORS = (AttributeError, LookupError, TypeError, ValueError, RecursionError)
"""What cfn-lint raises over a template of a shape that it does not expect, such as `Metadata` without content."""

NESTED_STACK = "AWS::CloudFormation::Stack"

TEMPLATE_URL_LINE = re.compile(
    rb"""^(?P<key>[ ]+TemplateURL:[ ])!Sub[ ](?P<quote>["']?)"""
    rb"https://s3\.\$\{AWS::Region\}\.\$\{AWS::URLSuffix\}/\$\{TemplateBucketName\}/\$\{TemplateKeyPrefix\}"
    rb"(?P<child>[a-z][a-z0-9_]*\.yaml)(?P=quote)$",
    re.MULTILINE,
)
"""The one form in which a root names a child template (`generator.nesting.TEMPLATE_URL`)."""

INNER_SECTIONS = re.compile(rb"^(?:Description|Resources):.*\n(?:(?:[ #].*)?\n)*", re.MULTILINE)
"""What nobody asks of a nested template: what it is for, and what is in it."""


LOADING = threading.Lock()
"""Held while cfn-lint is loaded: a thread may be doing it."""


@dataclass(frozen=True, order=True)
class Finding:
    """One objection to one template. Sorts by template, then by line (from 1)."""

    template: str
    line: int
    rule: str
    severity: str
    """`error`, `warning` or `informational`: each fails the gate."""
    path: str
    """Where in the template, such as `Resources/WebServers/Properties`; empty for the template as a whole."""
    message: str
    regions: tuple[str, ...] = ()
    """The regions that the message names; empty where the region does not matter or all are named."""

    def __str__(self) -> str:
        where = f" {self.path}" if self.path else ""
        regions = f" [{', '.join(self.regions)}]" if self.regions else ""
        message = " ".join(self.message.split())
        return f"{self.template}:{self.line}: {self.severity} {self.rule}{where}: {message}{regions}"


Screen = Callable[[Mapping[str, bytes]], list[Finding]]
"""Looks over templates, given by file name, before cfn-lint does."""


@dataclass(frozen=True)
class Reading:
    """One template as cfn-lint is to read it: as it is released, or as the copy whose siblings it can follow."""

    template: str
    files: Mapping[str, bytes]
    """The template and its siblings, as cfn-lint finds them."""
    is_copy: bool

    @property
    def size(self) -> int:
        """How much there is to lint, in bytes."""
        return len(self.files[self.template])


def lint_templates(folder: Path, cache: Path | None, screen: Screen | None = None, say: Say = silent) -> list[Finding]:
    """Return what cfn-lint finds in the `*.yaml` of a release folder, sorted; an empty list passes the gate.

    `cache` is the folder of earlier verdicts, made when missing; without one, everything is linted. Where every verdict
    is known cfn-lint is not even imported. Others are handed to `screen` first: what it finds is returned at once, and
    cfn-lint, which is loaded meanwhile, lints nothing.
    Raises `UserError` for a folder without templates, which would pass unseen.
    """
    bodies = {path.name: path.read_bytes() for path in sorted(folder.glob("*.yaml"))}
    if not bodies:
        raise UserError(f"{folder}: no templates (*.yaml) to lint. Generate the release first.")
    premises = _premises()
    keys = {_key(reading, premises): reading for reading in _readings(bodies)}
    known = {key: _recall(cache, key) for key in keys}
    unknown = {key: keys[key] for key, findings in known.items() if findings is None}
    if screen and unknown:
        asked = {each.template: bodies[each.template] for each in unknown.values() if not each.is_copy}
        if objections := _screened(screen, asked, say):
            return sorted(objections)
    fresh = dict(zip(unknown, _lint(list(unknown.values()), say), strict=True)) if unknown else {}
    for key, findings in fresh.items():
        _remember(cache, key, findings)
    # What the release and the copy have alike is said once.
    return sorted({finding for findings in (known | fresh).values() for finding in findings or ()})


def _screened(screen: Screen, bodies: Mapping[str, bytes], say: Say) -> list[Finding]:
    """Let the screen look while cfn-lint is loaded beside it: each takes a second, and the screen is not in Python.

    The thread is left alone where the screen finds something: it ends with the process.
    """
    say("looking for plain mistakes")
    loading = threading.Thread(target=_load_beside, daemon=True)
    loading.start()
    objections = screen(bodies)
    if not objections:
        loading.join()
    return objections


def _load_beside() -> None:
    with contextlib.suppress(Exception):  # whoever lints loads it again, and fails for the same reason where it counts
        _runner()


def _readings(bodies: Mapping[str, bytes]) -> Iterator[Reading]:
    for name, body in bodies.items():
        yield Reading(name, {name: body}, is_copy=False)
        if NESTED_STACK.encode() in body:
            siblings = {child: boundary(bodies[child]) for child in children(body) if child in bodies}
            yield Reading(name, {**siblings, name: with_sibling_urls(body)}, is_copy=True)


def children(body: bytes) -> list[str]:
    """Return the file names of the templates that a template nests."""
    return sorted({match["child"].decode() for match in TEMPLATE_URL_LINE.finditer(body)})


def with_sibling_urls(body: bytes) -> bytes:
    """Return the template with each `TemplateURL` as a path to the file beside it. Line numbers stay the same."""
    return TEMPLATE_URL_LINE.sub(rb"\g<key>./\g<child>", body)


def boundary(body: bytes) -> bytes:
    """Return a template without its description and resources: cfn-lint asks for parameters and outputs alone."""
    return INNER_SECTIONS.sub(b"", body)


def _configuration() -> dict[str, Any]:
    return {
        "regions": list(REGIONS),
        "include_checks": ["I"],
        "include_experimental": True,
        "ignore_checks": sorted(SUPPRESSED),
        "configure_rules": {rule: dict(settings) for rule, settings in RULE_SETTINGS.items()},
    }


def _premises() -> dict[str, Any]:
    """Return what the verdicts on all templates depend on, this module's own text included."""
    own = _sha256(Path(__file__).read_bytes())
    return {"cfn-lint": version("cfn-lint"), "this module": own, "configuration": _configuration()}


def _key(reading: Reading, premises: Mapping[str, Any]) -> str:
    """Return a SHA-256 over all that the verdict on a template depends on."""
    files = {name: _sha256(body) for name, body in reading.files.items()}
    read = {"template": reading.template, "files": files, "is copy": reading.is_copy}
    return _sha256(json.dumps({**premises, **read}, sort_keys=True).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _recall(cache: Path | None, key: str) -> list[Finding] | None:
    """Return the cached findings, or nothing where there are none, or the entry cannot be read or is another's."""
    if cache is None:
        return None
    try:
        entry = json.loads((cache / f"{key}.json").read_text(encoding="utf-8"))
        findings = [Finding(**{**finding, "regions": tuple(finding["regions"])}) for finding in entry["findings"]]
        return findings if entry["key"] == key else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _remember(cache: Path | None, key: str, findings: list[Finding]) -> None:
    if cache is None:
        return
    cache.mkdir(parents=True, exist_ok=True)
    entry = json.dumps({"key": key, "findings": [asdict(finding) for finding in findings]}, indent=1)
    # Written aside and moved: a reader at the same moment sees the whole entry or none.
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=cache, suffix=".tmp", delete=False) as file:
        file.write(entry)
    Path(file.name).replace(cache / f"{key}.json")


def _lint(readings: Sequence[Reading], say: Say) -> list[list[Finding]]:
    """Lint the templates. Raises `OSError`."""
    with tempfile.TemporaryDirectory(prefix="lint-") as workspace:
        tasks = []
        for number, reading in enumerate(readings):
            folder = Path(workspace, str(number))
            folder.mkdir()
            for name, body in reading.files.items():
                (folder / name).write_bytes(body)
            tasks.append(Task(folder, reading.template, reading.is_copy))
        # The largest first, so that no core ends on a long one alone.
        order = sorted(range(len(tasks)), key=lambda number: readings[number].size, reverse=True)
        found = dict(zip(order, _in_parallel([tasks[number] for number in order], say), strict=True))
    return [sorted(set(found[number])) for number in range(len(tasks))]


class Task(NamedTuple):
    """A folder, the template in it, and whether it is the copy with sibling URLs."""

    folder: Path
    template: str
    is_copy: bool


def _in_parallel(tasks: list[Task], say: Say) -> Iterator[list[Finding]]:
    """Lint on all cores, in processes forked after the rules are loaded: two cores take 0.6 of one core's time."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    say("loading cfn-lint")
    _runner()
    workers = min(len(tasks), os.cpu_count() or 1)
    if workers == 1 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(_lint_one, counted(tasks, "linting template", say))
        return
    gc.freeze()
    try:
        with ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), initializer=gc.disable) as pool:
            for _, findings in zip(counted(tasks, "linting template", say), pool.map(_lint_one, tasks), strict=True):
                yield findings
    finally:
        gc.unfreeze()


def _new_config() -> ConfigMixIn:
    from cfnlint.config import ConfigMixIn

    # The null device as configuration file: a .cfnlintrc in someone's home must not change the verdict.
    return ConfigMixIn(["--config-file", os.devnull], **_configuration())


def _runner() -> Runner:
    """Load cfn-lint and its rules, once a process: half a second for the import, as much for the rules."""
    with LOADING:
        return _loaded()


@functools.cache
def _loaded() -> Runner:
    from cfnlint.runner import Runner
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

    # Newer schemas in someone's home, which cfn-lint would prefer, must not change the verdict either.
    bundled = cfn_lint_data() / "schemas"
    PROVIDER_SCHEMA_MANAGER._providers_dir = bundled / "providers"
    PROVIDER_SCHEMA_MANAGER._resources_dir = bundled / "resources"
    PROVIDER_SCHEMA_MANAGER.reset()
    return Runner(_new_config())


def _lint_one(task: Task) -> list[Finding]:
    folder, name, is_copy = task
    from cfnlint.runner import run_template_by_file_path

    # cfn-lint reads a sibling only below the working directory, and says a file's name as it was given.
    with contextlib.chdir(folder):
        try:
            matches = list(run_template_by_file_path(name, _new_config(), _loaded().rules, ignore_bad_template=False))
            unfollowed = list(_unfollowed(name)) if is_copy else []
        except LINTER_ERRORS as error:
            message = f"cfn-lint cannot cope with this template: {type(error).__name__}: {error}"
            return [Finding(name, 1, LINTER_FAILED, "error", "", message)]
    findings = [_finding(name, match) for match in matches]
    return unfollowed + [finding for finding in findings if not (is_copy and finding.rule in COPY_ARTEFACTS)]


def _finding(name: str, match: Match) -> Finding:
    regions = tuple(region for region in REGIONS if f"'{region}'" in match.message)
    return Finding(
        template=name,
        line=match.linenumber,
        rule=match.rule.id,
        severity=match.rule.severity,
        path="/".join(str(step) for step in getattr(match, "path", None) or ()),
        message=match.message,
        regions=() if regions == REGIONS else regions,
    )


def _unfollowed(name: str) -> Iterator[Finding]:
    """Yield a finding for each nested stack of a copy whose parameters or outputs cfn-lint leaves unchecked."""
    template = _decoded(name)
    for logical_id, resource in template.get("Resources", {}).items():
        if resource.get("Type") != NESTED_STACK:
            continue
        reason = _why_unfollowed(resource.get("Properties", {}))
        if reason:
            path = f"Resources/{logical_id}/Properties"
            yield Finding(name, logical_id.start_mark.line + 1, UNFOLLOWED, "error", path, reason)


def _why_unfollowed(properties: Mapping[str, Any]) -> str | None:
    url = properties.get("TemplateURL")
    if not (isinstance(url, str) and url.startswith("./")):
        return f"TemplateURL is not of the one form that this check follows to a sibling file, but {url!r}"
    if not Path(url).is_file():
        return f"TemplateURL names {url[2:]}, which is not part of the release"
    if _decoded(url[2:]).get("Parameters") and not isinstance(properties.get("Parameters"), dict):
        return f"{url[2:]} has parameters, but the nested stack has no mapping of Parameters"
    return None


def _decoded(name: str) -> dict[str, Any]:
    """Return a template as cfn-lint reads it; empty where it cannot, which is a finding of that template's own."""
    from cfnlint.decode import decode

    template, _ = decode(name)
    return template if isinstance(template, dict) else {}
