"""How the emulator is patched: each target is looked at before it is wrapped.

When a newer ministack has renamed a target or gives it other parameters, the emulator refuses to start and says which
patch to look at, instead of rehearsing on something else than was thought.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_handlers import Created, Properties

MINISTACK_VERSION = "1.5.33"
PROVISIONERS = "ministack.services.cloudformation.provisioners"

Handler = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]


class PatchError(RuntimeError):
    """What a patch wraps is not there any more, or not as it was."""


def guarded(module_name: str, name: str, *parameters: str) -> Any:
    """Return a function of ministack after checking that its parameters are the ones we know."""
    target = getattr(import_module(module_name), name, None)
    if not callable(target):
        raise PatchError(f"{module_name}.{name} is gone; the patch was written for ministack {MINISTACK_VERSION}.")
    return _checked(f"{module_name}.{name}", target, parameters)


def handler_of(type_name: str) -> Handler:
    """Return ministack's handler of a resource type after checking its functions."""
    handlers = getattr(import_module(PROVISIONERS), "_RESOURCE_HANDLERS", {})
    handler: Handler | None = handlers.get(type_name)
    if handler is None:
        raise PatchError(f"ministack has no handler of {type_name}; written for ministack {MINISTACK_VERSION}.")
    _checked(f"create of {type_name}", handler["create"], ("logical_id", "props", "stack_name"))
    update = ("physical_id", "old_props", "new_props", "stack_name")
    with_logical_id = (*update, "logical_id") if handler.get("update_with_logical_id") else update
    _checked(f"update of {type_name}", handler["update"], with_logical_id)
    _checked(f"delete of {type_name}", handler["delete"], ("physical_id", "props"))
    return handler


def apply_settings(handler: Handler, apply: Callable[[str, Properties, Properties], None]) -> None:
    """Call `apply(physical_id, old, new)` after every creation and update; `old` is empty where the resource is new.

    Several patches may do so with one handler: to the next one it looks as before.
    """
    create, update = handler["create"], handler["update"]

    @functools.wraps(create)
    def creating(logical_id: str, props: Properties, stack_name: str) -> Created:
        name, attributes = create(logical_id, props, stack_name)
        apply(name, {}, props)
        return name, attributes

    @functools.wraps(update)
    def updating(physical_id: str, old_props: Properties, new_props: Properties, *rest: Any) -> Created:
        name, attributes = update(physical_id, old_props, new_props, *rest)
        apply(name, old_props if name == physical_id else {}, new_props)
        return name, attributes

    handler |= {"create": creating, "update": updating}


def _checked(label: str, target: Any, parameters: tuple[str, ...]) -> Any:
    found = tuple(inspect.signature(target).parameters)
    if found != parameters:
        raise PatchError(
            f"{label} takes ({', '.join(found)}), not ({', '.join(parameters)}); "
            f"the patch was written for ministack {MINISTACK_VERSION}."
        )
    return target


def replace_function(module_name: str, name: str, parameters: tuple[str, ...], wrap: Callable[[Any], Any]) -> None:
    """Put `wrap(original)` in the place of a function of ministack, whose parameters must be the ones we know."""
    setattr(import_module(module_name), name, wrap(guarded(module_name, name, *parameters)))


def wrap_action(module_name: str, action: str, wrap: Callable[[Any], Any], table: str = "_ACTION_MAP") -> None:
    """Put `wrap(original)` in the place of an action of a service: what is called with a request's parameters."""
    actions = getattr(import_module(module_name), table, {})
    if action not in actions:
        raise PatchError(f"{module_name} has no action {action}; written for ministack {MINISTACK_VERSION}.")
    if len(inspect.signature(actions[action]).parameters) != 1:
        raise PatchError(f"{action} of {module_name} takes other parameters than in ministack {MINISTACK_VERSION}.")
    actions[action] = wrap(actions[action])


def add_action(module_name: str, action: str, act: Callable[[Any], Response], table: str = "_ACTION_MAP") -> None:
    """Give a service an action that ministack lacks."""
    actions = getattr(import_module(module_name), table, {})
    if action in actions:
        raise PatchError(f"{module_name} has {action} by itself now: ministack is newer than {MINISTACK_VERSION}.")
    actions[action] = act


def edited(edit: Callable[[str], str]) -> Callable[[Any], Any]:
    """Wrap an action so that the XML of a successful answer goes through `edit`."""

    def wrap(original: Any) -> Any:
        def action(params: Any) -> Response:
            status, headers, body = original(params)
            return status, headers, edit(body.decode()).encode() if status < 300 else body

        return action

    return wrap
