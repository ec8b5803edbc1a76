"""Which version of a package is installed, without `importlib.metadata`: importing that takes a third of the time in
which the templates are built.
"""

from __future__ import annotations

import os
import re
import sys


def version(distribution: str) -> str:
    """Return the version of an installed distribution, such as `cfn-lint`. Raises `ModuleNotFoundError` for no such.

    It stands in the name of its folder, `cfn_lint-1.58.0.dist-info`, in the first place where there is one.
    https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-dist-info-directory
    """
    wanted = _normalized(distribution)
    for folder in sys.path:
        for name in _names(folder):
            found, _, number = name.removesuffix(".dist-info").partition("-")
            if name.endswith(".dist-info") and _normalized(found) == wanted:
                return number
    raise ModuleNotFoundError(f"{distribution} is not installed: run make templates, which sets the environment up")


def _names(folder: str) -> list[str]:
    # In the order of the names: with two versions at one place, which pip prevents, the answer is the same everywhere.
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []  # noqa: PTH112, PTH208


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
