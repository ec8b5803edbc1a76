"""CloudFormation's intrinsic functions over values, and symbols for what is known only after deployment.

A symbol is text between ⟨ and ⟩ (U+27E8, U+27E9), such as `⟨Network/Vpc⟩`. It may stand inside longer text. A function
that would have to look inside a symbol gives a symbol of its own that holds its arguments, such as
`⟨Fn::Select 0 ⟨Fn::Cidr ⟨Network/Vpc.CidrBlock⟩ 16 12⟩⟩`, so that what a value hangs on can still be read from it.

The functions here take resolved arguments. Those that need a template around them (`Ref`, `Fn::GetAtt`, `Fn::If`,
`Fn::FindInMap`) and the names inside `Fn::Sub` are the resolver's.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from itertools import islice
from types import MappingProxyType
from typing import Any

OPENING, CLOSING = "⟨", "⟩"
"""What encloses a symbol. Neither character means anything to CloudFormation or to YAML."""

MOST_SUBNETS = 256
"""How many address ranges `Fn::Cidr` gives at most."""

SUB_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")
"""What `Fn::Sub` replaces: `${Name}`, `${Name.Attribute}`; `${!Name}` becomes `${Name}` and is left alone."""


class IntrinsicError(ValueError):
    """A function is used in a way that CloudFormation refuses."""


def symbol(content: str) -> str:
    """Return the symbol of something known only after deployment."""
    return f"{OPENING}{content}{CLOSING}"


def has_symbol(value: Any) -> bool:
    """Return whether any part of a value is known only after deployment."""
    if isinstance(value, str):
        return OPENING in value
    if isinstance(value, Mapping):
        return any(has_symbol(item) for item in value.values())
    return isinstance(value, list) and any(has_symbol(item) for item in value)


def as_text(value: Any) -> str:
    """Return a scalar as CloudFormation writes it into text. Raises `IntrinsicError` for a list or a mapping."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise IntrinsicError(f"text or a number is needed, but there is {value!r}")


def split_items(text: str, delimiter: str = ",") -> list[str]:
    """Split text at a delimiter that stands outside of symbols."""
    items, depth, start = [], 0, 0
    for match in re.finditer(f"{re.escape(delimiter)}|{OPENING}|{CLOSING}", text):
        if match[0] == OPENING:
            depth += 1
        elif match[0] == CLOSING:
            depth -= 1
        elif depth == 0:
            items.append(text[start : match.start()])
            start = match.end()
    return [*items, text[start:]]


def substitute(text: str, value_of: Callable[[str], Any]) -> str:
    """Return the text of an `Fn::Sub` with each `${name}` replaced by what `value_of` says of the name."""

    def replace(match: re.Match[str]) -> str:
        literal, name = match.groups()
        return f"${{{name}}}" if literal else as_text(value_of(name.strip()))

    return SUB_VARIABLE.sub(replace, text)


def apply(function: str, argument: Any) -> Any:
    """Return what a function of `FUNCTIONS` makes of a resolved argument. Raises `IntrinsicError`."""
    try:
        return FUNCTIONS[function](argument)
    except IntrinsicError as error:
        raise IntrinsicError(f"{function}: {error}") from error


def _base64(argument: Any) -> str:
    """Encode text that is known; text that holds symbols stays readable inside a symbol."""
    text = as_text(argument)
    return symbol(f"Fn::Base64 {text}") if has_symbol(text) else base64.b64encode(text.encode()).decode()


def _cidr(argument: Any) -> Any:
    """Return the first `count` ranges of a block; `cidrBits` is the number of host bits, as in 8 for a /24."""
    block, count, bits = _arguments(argument, "a block, a count and the bits of each range", 3)
    if has_symbol([block, count, bits]):
        return _deferred("Fn::Cidr", block, count, bits)
    try:
        network = ip_network(as_text(block))
        wanted = int(as_text(count))
        ranges = network.subnets(new_prefix=network.max_prefixlen - int(as_text(bits)))
        found = [str(part) for part in islice(ranges, wanted)] if 1 <= wanted <= MOST_SUBNETS else []
    except ValueError as error:
        raise IntrinsicError(f"{argument!r}: {error}") from error
    if not found or len(found) < wanted:
        raise IntrinsicError(f"{block} has no {count} ranges of {bits} bits; 1 to {MOST_SUBNETS} can be asked for")
    return found


def _get_azs(argument: Any) -> str:
    return _deferred("Fn::GetAZs", argument)


def _join(argument: Any) -> str:
    delimiter, items = _arguments(argument, "a delimiter and a list", 2)
    if isinstance(items, str) and has_symbol(items):
        return _deferred("Fn::Join", delimiter, items)
    return as_text(delimiter).join(as_text(item) for item in _list(items))


def _select(argument: Any) -> Any:
    index, items = _arguments(argument, "an index and a list", 2)
    if has_symbol(index) or (isinstance(items, str) and has_symbol(items)):
        return _deferred("Fn::Select", index, items)
    position = as_text(index)
    if not (position.isascii() and position.isdigit()) or int(position) >= len(_list(items)):
        raise IntrinsicError(f"there is no item {position} in {items!r}, which counts from 0")
    return items[int(position)]


def _split(argument: Any) -> Any:
    """Split text. Where it holds symbols only a comma is certain: no id of AWS has one, but ARNs and names have the
    other delimiters.
    """
    delimiter, text = (as_text(part) for part in _arguments(argument, "a delimiter and text", 2))
    if not delimiter:
        raise IntrinsicError("the delimiter is empty")
    if has_symbol(text) and delimiter != ",":
        return _deferred("Fn::Split", delimiter, text)
    return split_items(text, delimiter)


FUNCTIONS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "Fn::Base64": _base64,
        "Fn::Cidr": _cidr,
        "Fn::GetAZs": _get_azs,
        "Fn::Join": _join,
        "Fn::Select": _select,
        "Fn::Split": _split,
    }
)
"""What each function makes of its resolved argument."""


def _arguments(argument: Any, what: str, count: int) -> list[Any]:
    if not isinstance(argument, list) or len(argument) != count:
        raise IntrinsicError(f"takes {what}, but got {argument!r}")
    return argument


def _list(items: Any) -> list[Any]:
    if not isinstance(items, list):
        raise IntrinsicError(f"a list is needed, but there is {items!r}")
    return items


def _deferred(function: str, *arguments: Any) -> str:
    """Return a symbol for the result of a function whose arguments are not known yet."""
    words = (as_text(a) if not isinstance(a, list) else ",".join(as_text(item) for item in a) for a in arguments)
    return symbol(" ".join([function, *words]))
