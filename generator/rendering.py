"""From the stacks to the files of a release: every template with its header, and the manifest."""

from __future__ import annotations

from importlib.metadata import version as installed_version
from types import ModuleType

from generator import __version__
from generator.naming import template_file
from generator.nesting import synthesize
from generator.release import MANIFEST, digest, to_json
from generator.roots import ROOTS
from generator.stacks import STACKS
from generator.template_yaml import dump

LIBRARIES = ("awacs", "cfn-lint", "pyyaml", "troposphere")
"""What the bytes of a template depend on besides the generator itself; cfn-lint carries the registry's schemas."""


def render() -> dict[str, str]:
    """Return the files of the current release: file name → text. The same sources give the same bytes anywhere."""
    templates = {template_file(module): _render_template(module) for module in (*STACKS, *ROOTS)}
    roots = {template_file(module) for module in ROOTS}
    manifest = {
        "version": __version__,
        "released": False,
        "libraries": {name: installed_version(name) for name in LIBRARIES},
        "templates": {
            name: {"root": name in roots, "sha256": digest(text.encode())} for name, text in sorted(templates.items())
        },
    }
    return {**templates, MANIFEST: to_json(manifest)}


def _render_template(module: ModuleType) -> str:
    source = module.__name__.replace(".", "/") + ".py"
    header = f"# Written by `make templates` from {source}. Change the source, not this file.\n"
    return header + dump(synthesize(module.build).to_dict())
