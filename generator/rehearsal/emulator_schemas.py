"""What the emulator asks of the registry schemas: do properties fit, and does a change replace the resource."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from generator import registry_schemas
from generator.registry_schemas import Path
from generator.rehearsal.emulator_api import current_region
from generator.rehearsal.emulator_handlers import Properties


class InvalidPropertiesError(ValueError):
    """The resolved properties of a resource do not fit its registry schema."""


def validate(type_name: str, properties: Properties) -> None:
    """Raise `InvalidPropertiesError` with every reason why the resolved properties do not fit the type's schema."""
    jsonschema: Any = import_module("cfnlint.jsonschema")
    filters: Any = import_module("cfnlint.jsonschema._filter")
    validator = jsonschema.CfnTemplateValidator(
        schema=registry_schemas.schema(type_name, current_region()),
        function_filter=filters.FunctionFilter(add_cfn_lint_keyword=False),
    )
    # CloudFormation takes "true" for a boolean and 80 for a string; so does this context.
    validator = validator.evolve(context=validator.context.evolve(strict_types=False))
    reasons = [
        f"#/{'/'.join(str(part) for part in error.absolute_path)}: {error.message}"
        for error in validator.iter_errors(without_system_tags(properties))
    ]
    if reasons:
        raise InvalidPropertiesError(f"Model validation failed for {type_name} ({'; '.join(sorted(reasons))})")


def without_system_tags(properties: Properties) -> Properties:
    """Return the properties without the tags that CloudFormation itself gives."""
    tags = properties.get("Tags")
    if not isinstance(tags, list):
        return properties
    return properties | {"Tags": [tag for tag in tags if not str(tag.get("Key", "")).startswith("aws:")]}


def requires_replacement(type_name: str, old: Properties, new: Properties) -> bool:
    """Whether a property differs that can be given at creation only."""
    return any(value_at(old, path) != value_at(new, path) for path in paths(type_name, "createOnlyProperties"))


def paths(type_name: str, keyword: str) -> tuple[Path, ...]:
    """Return the properties that a keyword of the schema lists for the current request's region."""
    return registry_schemas.paths(type_name, current_region(), keyword)


def value_at(properties: Properties, path: Path) -> Any:
    """Return a value inside the properties, or None; numbers and booleans as strings, as templates may give both."""
    value: Any = properties
    for part in path:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return str(value) if isinstance(value, bool | int) else value
