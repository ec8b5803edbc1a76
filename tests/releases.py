"""The released templates as something to edit: copies with changes, resolved for the real environments."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from generator import template_yaml
from generator.checks.environment_impact import release_parameters
from generator.resolver import Resolution, resolve

ROOT = Path(__file__).parents[1]
RELEASED = ROOT / "templates_out" / "v1.1.0"
ACCOUNT_ID = "123456789012"
REGION = "eu-west-1"

Templates = dict[str, Any]
"""Parsed templates by name (`network`), with long-form intrinsics."""

Edit = Callable[[Templates], None]


def settings(environment: str) -> dict[str, str]:
    """An environment's settings of today, of which the released templates know most."""
    content: dict[str, dict[str, str]] = json.loads((ROOT / f"params/{environment}.json").read_text(encoding="utf-8"))
    return release_parameters(RELEASED, "platform", content["Parameters"])


def resolution(release: Path = RELEASED, environment: str = "prod", **parameters: str) -> Resolution:
    """Resolve a release with an environment's real settings, some of them changed."""
    given = release_parameters(release, "platform", {**settings(environment), **parameters})
    return resolve(release, "platform", given, ACCOUNT_ID, REGION)


@cache
def released(environment: str = "prod") -> Resolution:
    """The released templates with an environment's real settings. Shared: nobody changes it."""
    return resolution(RELEASED, environment)


def edited_release(folder: Path, edit: Edit) -> Path:
    """Write an edited copy of the released templates to a new folder and return it."""
    release = folder / "v9.9.9"
    release.mkdir()
    templates = {path.stem: template_yaml.load(path.read_text(encoding="utf-8")) for path in RELEASED.glob("*.yaml")}
    edit(templates)
    for name, template in templates.items():
        (release / f"{name}.yaml").write_text(template_yaml.dump(template), encoding="utf-8")
    return release


def setting(template: str, logical_id: str, path: str, value: Any) -> Edit:
    """An edit that sets what stands at a dotted path below a resource's Properties; None takes it away."""
    return at_resource(template, logical_id, f"Properties.{path}", value)


def at_resource(template: str, logical_id: str, path: str, value: Any) -> Edit:
    """An edit that sets what stands at a dotted path below a resource; None takes it away."""

    def edit(templates: Templates) -> None:
        *parents, last = path.split(".")
        place = templates[template]["Resources"][logical_id]
        for part in parents:
            place = place[int(part)] if part.isdigit() else place[part]
        assert place.get(last) != value, "the edit must change something"
        if value is None:
            del place[last]
        else:
            place[last] = value

    return edit


def renamed(template: str, old: str, new: str) -> Edit:
    """An edit that gives a resource another logical id, wherever its template names it."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            if value == {"Ref": old}:
                return {"Ref": new}
            if value.get("Fn::GetAtt", [""])[0] == old:
                return {"Fn::GetAtt": [new, *value["Fn::GetAtt"][1:]]}
            if "DependsOn" in value:
                names = value["DependsOn"]
                value = {**value, "DependsOn": [new if name == old else name for name in names]}
            return {key: walk(part) for key, part in value.items()}
        return [walk(item) for item in value] if isinstance(value, list) else value

    def edit(templates: Templates) -> None:
        resources = templates[template]["Resources"]
        templates[template]["Resources"] = {new if name == old else name: body for name, body in resources.items()}
        templates[template] = walk(templates[template])

    return edit


def moved_table(templates: Templates) -> None:
    """Move the session table from stack Storage to stack Database."""
    table = templates["storage"]["Resources"].pop("SessionTable")
    templates["database"]["Resources"]["SessionTable"] = table
    templates["storage"]["Outputs"]["SessionTableName"]["Value"] = "sessions"
    statements = templates["storage"]["Resources"]["UseStorage"]["Properties"]["PolicyDocument"]["Statement"]
    statements[0]["Resource"] = ["*"]


def without_storage(templates: Templates) -> None:
    """Take stack Storage out of the root; who used it gets something else."""
    others = {
        "LogBucketName": "other-logs",
        "ReleaseBucketName": "other-releases",
        "FileSystemId": "fs-0123456789abcdef0",
        "ImagesAccessPointId": "fsap-0123456789abcdef0",
        "SessionTableName": "other-sessions",
    }

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            stack, _, output = ".".join(value.get("Fn::GetAtt", [""])).partition(".Outputs.")
            return others[output] if stack == "Storage" else {key: walk(part) for key, part in value.items()}
        return [walk(item) for item in value] if isinstance(value, list) else value

    del templates["platform"]["Resources"]["Storage"]
    templates["platform"] = walk(templates["platform"])
