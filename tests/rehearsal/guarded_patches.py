"""What every patch of the emulator must do: be written down as one, and notice that what it wraps has changed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from generator.rehearsal.emulator_guards import PROVISIONERS, PatchError

Patch = Callable[[], None]


def patches_of(modules: Iterable[ModuleType]) -> set[Any]:
    """Return the patches that modules define: their public functions without parameters."""
    return {each for module in modules for each in vars(module).values() if _is_patch(each, module.__name__)}


def _is_patch(each: object, module: str) -> bool:
    public = inspect.isfunction(each) and each.__module__ == module and not each.__name__.startswith("_")
    return public and not inspect.signature(each).parameters  # type: ignore[arg-type]


def assert_notices_another_handler(monkeypatch: pytest.MonkeyPatch, patch: Patch, type_name: str) -> None:
    """A handler that takes other parameters, or is gone, is refused."""
    provisioners: Any = import_module(PROVISIONERS)
    handlers = {name: dict(handler) for name, handler in provisioners._RESOURCE_HANDLERS.items()}
    monkeypatch.setattr(provisioners, "_RESOURCE_HANDLERS", handlers)
    handlers[type_name]["create"] = lambda logical_id, props, stack_name, extra: None
    with pytest.raises(PatchError, match=f"create of {type_name} takes"):
        patch()
    del handlers[type_name]
    with pytest.raises(PatchError, match=f"no handler of {type_name}"):
        patch()


def assert_notices_another_function(monkeypatch: pytest.MonkeyPatch, patch: Patch, module: str, name: str) -> None:
    """A function that takes other parameters is refused."""
    monkeypatch.setattr(import_module(module), name, lambda renamed: None)
    with pytest.raises(PatchError, match=f"{name} takes"):
        patch()
