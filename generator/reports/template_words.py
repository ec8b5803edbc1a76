"""Values of templates in words: intrinsic functions as a reader says them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

NOTHING = {"Ref": "AWS::NoValue"}
NAME_IN_SUB = re.compile(r"\$\{(?!!)([\w:.]+)\}")


def in_words(value: Any) -> str:
    """Return a value as text: `Ref` as the name, `Fn::If` as what holds where; lists with commas."""
    if isinstance(value, list):
        return ", ".join(words for item in value if (words := in_words(item)))
    if not isinstance(value, dict):
        return str(value)
    [(function, argument)] = value.items()
    match function:
        case "Ref":
            return "" if value == NOTHING else str(argument)
        case "Fn::GetAtt":
            return ".".join(argument)
        case "Fn::Sub":
            return NAME_IN_SUB.sub(r"\1", argument if isinstance(argument, str) else argument[0])
        case "Fn::Join":
            items = argument[1] if isinstance(argument[1], list) else [argument[1]]
            return str(argument[0]).join(words for item in items if (words := in_words(item)))
        case "Fn::Select":
            return f"{_ordinal(argument)} of {in_words(argument[1])}"
        case "Fn::Split":
            return f"each of {in_words(argument[1])}"
        case "Fn::Cidr":
            return f"{argument[1]} of {in_words(argument[0])}"
        case "Fn::FindInMap":
            return f"{in_words(argument[2])} of {in_words(argument[1])}"
        case "Fn::If":
            return _either(*argument)
        case "Condition" | "Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or":
            return _holds(function, argument)
    raise ValueError(f"{function} is not told in words yet: {value}")


def names_in(value: Any) -> Iterator[str]:
    """Yield the parameters and resources that a value refers to, by `Ref`, `Fn::GetAtt` and `Fn::Sub`."""
    if isinstance(value, list):
        for item in value:
            yield from names_in(item)
    elif isinstance(value, dict):
        for key, part in value.items():
            if key == "Ref":
                yield part
            elif key == "Fn::GetAtt":
                yield part[0]
            elif key == "Fn::Sub":
                text, given = (part, {}) if isinstance(part, str) else part
                yield from (name.partition(".")[0] for name in NAME_IN_SUB.findall(text))
                yield from names_in(given)
            else:
                yield from names_in(part)


def _either(condition: str, this: Any, other: Any) -> str:
    here, elsewhere = in_words(this), in_words(other)
    if here and elsewhere:
        return f"{here} where {condition}, else {elsewhere}"
    return f"{here} where {condition}" if here else f"{elsewhere} unless {condition}" if elsewhere else ""


def _ordinal(selected: Any) -> str:
    """Return which item is selected; of an address range, which block."""
    number, items = selected
    kind = "block" if isinstance(items, dict) and "Fn::Cidr" in items else "item"
    return f"{kind} {int(number) + 1}"


def _holds(function: str, argument: Any) -> str:
    """Return a condition as a reader says it."""
    match function, argument:
        case "Condition", str(name):
            return name
        case "Fn::Equals", [one, other]:
            return f"{_side(one)} = {_side(other)}"
        case "Fn::Not", [{"Fn::Equals": [one, other]}]:
            return f"{_side(one)} ≠ {_side(other)}"
        case "Fn::Not", [{"Condition": str(name)}]:
            return f"not {name}"
        case "Fn::Not", [other]:
            return f"not ({in_words(other)})"
    word = " and " if function == "Fn::And" else " or "
    return word.join(f"({in_words(part)})" if _compound(part) else in_words(part) for part in argument)


def _side(value: Any) -> str:
    return in_words(value) or "empty"


def _compound(value: Any) -> bool:
    return isinstance(value, dict) and ("Fn::And" in value or "Fn::Or" in value)
