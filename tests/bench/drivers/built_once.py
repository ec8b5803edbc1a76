"""Templates as troposphere's own objects, each built once: roots computed from others share them, as ours do."""

from functools import cache
from typing import Any

from troposphere import Template

from generator import nesting

_built = cache(nesting.synthesize)
nesting.synthesize = _built


def built(build: nesting.Build[Any, Any]) -> Template:
    """Return the template of a stack module or root."""
    return _built(build)


def forget() -> None:
    """Let everything be built anew."""
    _built.cache_clear()
    nesting.synthesized.cache_clear()
