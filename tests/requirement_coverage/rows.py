"""The rows of `requirements.yaml`: what is required, where it is done, what proves it, and what is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from generator.errors import UserError

FILE = Path(__file__).with_name("requirements.yaml")

TEXT = {"type": "string", "minLength": 1}
NAMES = {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True}
DEPLOYMENT = {
    "type": "object",
    "properties": {
        "root": TEXT,
        "environment": TEXT,
        "parameters": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["root"],
    "additionalProperties": False,
}
REQUIREMENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": "^[A-Z][0-9]{1,2}$"},
        "requirement": TEXT,
        "resources": {"type": "object", "additionalProperties": NAMES, "minProperties": 1},
        "files": NAMES,
        "tests": NAMES,
        "not_done": TEXT,
        "not_proven": TEXT,
    },
    "required": ["id", "requirement"],
    "additionalProperties": False,
}
SHAPE = {
    "type": "object",
    "properties": {
        "deployments": {"type": "object", "additionalProperties": DEPLOYMENT},
        "requirements": {"type": "array", "items": REQUIREMENT},
    },
    "required": ["deployments", "requirements"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Deployment:
    """A root of the release with the parameters that it is looked at with."""

    root: str
    environment: str = ""
    """Whose settings in `params/` it gets, if any."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What is set otherwise than there, or in the template."""


@dataclass(frozen=True)
class Requirement:
    """One row."""

    id: str
    requirement: str
    resources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Addresses of resources such as `Ingress/HttpListener`, or patterns of them, by the name of the deployment."""
    files: tuple[str, ...] = ()
    """Paths of documents and sources, with an anchor where a section is meant: `docs/design.md#services`."""
    tests: tuple[str, ...] = ()
    """Node ids of pytest, without a case: `tests/stacks/test_ingress.py::test_w3_http_is_redirected_to_https`."""
    not_done: str = ""
    """What is asked for and is not there, with the reason."""
    not_proven: str = ""
    """What nothing here shows, with the reason."""


@dataclass(frozen=True)
class Coverage:
    """All rows, and the deployments that they speak of by name."""

    deployments: Mapping[str, Deployment]
    requirements: tuple[Requirement, ...]


def read(path: Path = FILE) -> Coverage:
    """Return what the file says. Raises `UserError` for what is not of its shape, with the place."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    problems = [
        f"{path}: {each.json_path}: {each.message}" for each in Draft202012Validator(SHAPE).iter_errors(content)
    ]
    if problems:
        raise UserError("\n".join(problems))
    return Coverage(
        {name: Deployment(**entry) for name, entry in content["deployments"].items()},
        tuple(_requirement(entry) for entry in content["requirements"]),
    )


def _requirement(entry: Mapping[str, Any]) -> Requirement:
    lists = {key: tuple(entry[key]) for key in ("files", "tests") if key in entry}
    resources = {name: tuple(patterns) for name, patterns in entry.get("resources", {}).items()}
    return Requirement(**{**entry, **lists, "resources": resources})
