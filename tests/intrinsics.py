"""What one template says once some of its parameters have values; the rest of it stays as it is written.

The resolver gives the whole of a release, with all parameters and with symbols for what is unknown. Tests of a single
stack want less: a parameter or two, and `Ref`s and `GetAtt`s to look at. The functions themselves are the generator's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from re import findall
from typing import Any

from generator.intrinsics import apply, substitute

Template = dict[str, Any]
Templates = dict[str, Template]

NO_VALUE = {"Ref": "AWS::NoValue"}
CONDITION_FUNCTIONS = ("Condition", "Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or")


class UnknownValueError(Exception):
    """A condition depends on something that has no value here."""


def of_type(template: Template, resource_type: str) -> dict[str, Any]:
    """Return the resources of one type by logical id."""
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == resource_type}


def resolved(template: Template, **parameters: str) -> dict[str, Any]:
    """Return the resources that exist with these parameters, with what can be known of their properties filled in."""
    return {
        name: resolve(resource, template, parameters)
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or holds(template, resource["Condition"], parameters)
    }


def holds(template: Template, condition: object, parameters: Mapping[str, str]) -> bool:
    """Return whether a condition, given by name or by its definition, is true."""
    if isinstance(condition, str):
        return holds(template, template["Conditions"][condition], parameters)
    if not isinstance(condition, dict) or len(condition) != 1:
        raise UnknownValueError(condition)
    [(function, argument)] = condition.items()
    match function:
        case "Condition":
            return holds(template, argument, parameters)
        case "Fn::Equals":
            left, right = (resolve(side, template, parameters) for side in argument)
            if not isinstance(left, str) or not isinstance(right, str):
                raise UnknownValueError(condition)
            return left == right
        case "Fn::Not":
            return not holds(template, argument[0], parameters)
        case "Fn::And":
            return all(holds(template, part, parameters) for part in argument)
        case "Fn::Or":
            return any(holds(template, part, parameters) for part in argument)
    raise UnknownValueError(condition)


def resolve(value: Any, template: Template, parameters: Mapping[str, str]) -> Any:
    """Return a value with its functions evaluated. What is known only after deployment stays as it is."""
    if isinstance(value, list):
        items = [resolve(item, template, parameters) for item in value]
        return [item for item in items if item != NO_VALUE]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(function, argument)] = value.items()
        if function == "Ref":
            return parameters.get(argument, value)
        if function == "Fn::If":
            name, chosen, otherwise = argument
            return resolve(chosen if holds(template, name, parameters) else otherwise, template, parameters)
        if function == "Fn::FindInMap":
            keys = [resolve(key, template, parameters) for key in argument]
            return _find_in_map(template, keys) if all(isinstance(key, str) for key in keys) else {function: keys}
        if function.startswith("Fn::") and function not in CONDITION_FUNCTIONS:
            return _apply(function, resolve(argument, template, parameters), parameters)
    content = {key: resolve(item, template, parameters) for key, item in value.items()}
    return {key: item for key, item in content.items() if item != NO_VALUE}


def _find_in_map(template: Template, keys: list[str]) -> Any:
    mapping, top, second = keys
    return template["Mappings"][mapping][top][second]


def _apply(function: str, argument: Any, parameters: Mapping[str, str]) -> Any:
    match function, argument:
        case "Fn::Select", [_, [*_]]:
            return apply(function, argument)
        case "Fn::Cidr", [str(), _, _]:
            return apply(function, argument)
        case "Fn::Join", [str(), [*items]] if all(isinstance(item, str) for item in items):
            return apply(function, argument)
        case "Fn::Join", [str(delimiter), str(listed)]:
            return listed.replace(",", delimiter)  # a parameter that is a list, as settings write it
        case "Fn::Split", [str(), str(text)] if "${" not in text:
            return apply(function, argument)
        case "Fn::Sub", str(text):
            return _substitute(text, parameters)
        case "Fn::Sub", [str(text), dict(values)]:
            return _substitute(text, {**parameters, **values})
    return {function: argument}


def _substitute(text: str, values: Mapping[str, Any]) -> str:
    """Return the text with known values filled in; unknown variables keep their place."""

    def known(name: str) -> str:
        value = values.get(name)
        return value if isinstance(value, str) else f"${{{name}}}"

    return substitute(text, known)


def references(value: Any, facts: frozenset[str] = frozenset()) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each logical id that a value names, with the conditions that must hold for that part of it to be used, or
    must not, as in `not HasBastion`.
    """
    if isinstance(value, list):
        for item in value:
            yield from references(item, facts)
    if not isinstance(value, dict):
        return
    match value:
        case {"Ref": str(name), **rest} if not rest:
            yield name, facts
        case {"Fn::GetAtt": [str(name), _], **rest} if not rest:
            yield name, facts
        case {"Fn::If": [str(name), chosen, otherwise], **rest} if not rest:
            yield from references(chosen, facts | {name})
            yield from references(otherwise, facts | {f"not {name}"})
        case {"Fn::Sub": str(text), **rest} if not rest:
            yield from ((name, facts) for name in _variables(text))
        case {"Fn::Sub": [str(text), {**values}], **rest} if not rest:
            yield from ((name, facts) for name in _variables(text) if name not in values)
            yield from references(values, facts)
        case _:
            for item in value.values():
                yield from references(item, facts)


def _variables(text: str) -> list[str]:
    return [name.partition(".")[0] for name in findall(r"\$\{([A-Za-z][\w:.]*)\}", text)]


def implies(template: Template, facts: frozenset[str], wanted: str) -> bool:
    """Return whether a condition holds wherever all of the facts do, as far as And and Or tell."""
    conditions = template.get("Conditions", {})

    def definition(condition: Any) -> Any:
        return conditions[condition["Condition"]] if "Condition" in condition else condition

    def consequences(condition: Any) -> Iterator[Any]:
        yield condition
        yield definition(condition)
        for part in definition(condition).get("Fn::And", []):
            yield from consequences(part)

    def condition_of(fact: str) -> Any:
        name = fact.removeprefix("not ")
        return {"Condition": name} if name == fact else {"Fn::Not": [{"Condition": name}]}

    known = [known for fact in facts for known in consequences(condition_of(fact))]

    def follows(condition: Any) -> bool:
        if condition in known or definition(condition) in known:
            return True
        if "Fn::And" in definition(condition):
            return all(follows(part) for part in definition(condition)["Fn::And"])
        return any(follows(part) for part in definition(condition).get("Fn::Or", []))

    return follows({"Condition": wanted})


def policy_documents(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every IAM policy document inside a value."""
    if isinstance(value, list):
        for item in value:
            yield from policy_documents(item)
    elif isinstance(value, dict):
        if "Version" in value and "Statement" in value:
            yield value
        for item in value.values():
            yield from policy_documents(item)


def walk(value: Any) -> Iterator[Any]:
    """Yield a value and everything inside it, keys included."""
    yield value
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)
