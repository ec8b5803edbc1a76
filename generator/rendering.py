"""From the stacks to the files of a release: every template with its header, and the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generator import __version__
from generator.installed import version
from generator.naming import template_file
from generator.nesting import synthesized
from generator.release import MANIFEST, digest, to_json
from generator.roots import ROOTS
from generator.stacks import STACKS
from generator.template_yaml import dump
from generator.uncollected import uncollected

LIBRARIES = ("awacs", "cfn-lint", "pyyaml", "troposphere")
"""What the bytes of a template depend on besides the generator itself; cfn-lint carries the registry's schemas."""


MODULES = {template_file(module): module for module in (*STACKS, *ROOTS)}
"""The stacks and roots by the names of their templates' files."""

Templates = Mapping[str, Mapping[str, Any]]
"""Templates by the names of their files, as plain dictionaries with long-form intrinsics."""


@uncollected()
def build() -> Templates:
    """Return every template of the current release."""
    return {name: synthesized(module.build) for name, module in MODULES.items()}


@uncollected()
def render(templates: Templates | None = None) -> dict[str, str]:
    """Return the files of the current release: file name → text. The same sources give the same bytes anywhere.

    `templates` are those that `build` returns, where they are built already.
    """
    built = build() if templates is None else templates
    texts = {name: _header(name) + dump(template) for name, template in built.items()}
    roots = {template_file(module) for module in ROOTS}
    manifest = {
        "version": __version__,
        "released": False,
        "libraries": {name: version(name) for name in LIBRARIES},
        "templates": {
            name: {"root": name in roots, "sha256": digest(text.encode())} for name, text in sorted(texts.items())
        },
    }
    return {**texts, MANIFEST: to_json(manifest)}


def _header(name: str) -> str:
    source = MODULES[name].__name__.replace(".", "/") + ".py"
    return f"# Written by `make templates` from {source}. Change the source, not this file.\n"
