"""The emulator reads templates with libyaml: the same objects, in a tenth of the time.

Every change set and every deployment reads each template again, and PyYAML's reader in Python took a quarter of the
emulator's time.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import yaml

from generator.rehearsal.emulator_guards import MINISTACK_VERSION, PatchError, guarded

ENGINE = "ministack.services.cloudformation.engine"


def templates_read_by_libyaml() -> None:
    """CloudFormation's templates are read by libyaml, with ministack's own understanding of the intrinsic functions."""
    guarded(ENGINE, "_parse_template", "template_body")
    engine: Any = import_module(ENGINE)
    original: Any = getattr(engine, "CfnLoader", None)
    if original is None or not issubclass(original, yaml.SafeLoader):
        raise PatchError(f"{ENGINE}.CfnLoader is gone; the patch was written for ministack {MINISTACK_VERSION}.")

    class Loader(yaml.CSafeLoader):
        yaml_constructors = original.yaml_constructors
        yaml_multi_constructors = original.yaml_multi_constructors

    engine.CfnLoader = Loader
