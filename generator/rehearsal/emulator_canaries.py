"""Canaries of the emulator: it keeps what a stack says of them; ministack 1.5.33 has no CloudWatch Synthetics.

They are noted in a file beside the emulator's state. Nothing runs them by itself: a rehearsal that has servers to visit
does (`canary_run`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generator.rehearsal.emulator_api import ApiError, current_account_id, current_region
from generator.rehearsal.emulator_handlers import ApiType, Created, Properties, Request, hexadecimal
from generator.rehearsal.emulator_instances import emulator_directory

CANARIES = "canaries.json"


@dataclass(frozen=True)
class Canary:
    """A canary as its stack has it: the script, where it begins, and its environment variables."""

    account_id: str
    region: str
    name: str
    script: str
    handler: str
    variables: dict[str, str]


def canaries(directory: Path, account_id: str) -> list[Canary]:
    """Return the canaries of an account, of the emulator with this folder."""
    return [each for each in _all(directory).values() if each.account_id == account_id]


def _all(directory: Path) -> dict[str, Canary]:
    file = directory / CANARIES
    kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {key: Canary(**each) for key, each in kept.items()}


def _keep(found: dict[str, Canary]) -> None:
    aside = emulator_directory() / f"{CANARIES}.new"
    aside.write_text(json.dumps({key: asdict(each) for key, each in found.items()}), encoding="utf-8")
    aside.replace(emulator_directory() / CANARIES)


def _key(name: str) -> str:
    return f"{current_account_id()}/{current_region()}/{name}"


def _create(request: Request) -> Created:
    name = request.name("Name", 255)
    if _key(name) in _all(emulator_directory()):
        raise ApiError(f"A canary called {name} already exists (Service: Synthetics, Status Code: 409)")
    return _put(name, {}, request)


def _put(name: str, old: Properties, request: Request) -> Created:
    wanted = request.properties
    if "Script" not in wanted["Code"]:
        raise ApiError("The emulator takes canaries whose script is in the template.")
    run = wanted.get("RunConfig") or {}
    variables = {key: str(value) for key, value in (run.get("EnvironmentVariables") or {}).items()}
    place = (current_account_id(), current_region())
    canary = Canary(*place, name, wanted["Code"]["Script"], wanted["Code"]["Handler"], variables)
    _keep(_all(emulator_directory()) | {_key(name): canary})
    state = "RUNNING" if str(wanted.get("StartCanaryAfterCreation", "")).lower() == "true" else "READY"
    layer = f"arn:aws:lambda:{current_region()}:{current_account_id()}:layer:cwsyn-{name}:1"
    return name, {"Id": hexadecimal(_key(name)), "State": state, "Code.SourceLocationArn": layer}


def _delete(physical_id: str, properties: Properties) -> None:
    _keep({key: each for key, each in _all(emulator_directory()).items() if key != _key(physical_id)})


CANARY = ApiType(_create, _delete, _put, has_tags=True)
