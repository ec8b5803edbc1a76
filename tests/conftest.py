"""The templates under test, rendered once: as text, and read back as a reader of the released files would."""

from __future__ import annotations

import gc
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from generator.naming import short_name
from generator.nesting import synthesize
from generator.roots import ROOTS
from generator.stacks import STACKS
from generator.template_yaml import dump, load

pytest.register_assert_rewrite(
    "tests.access_claims", "tests.alarm_claims", "tests.claims", "tests.fleet_claims", "tests.pipeline_claims"
)

# In the background of a script we inherit that Ctrl-C is ignored, and so would every process that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("patient", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("patient")

from tests.intrinsics import Templates  # noqa: E402


def pytest_collection_finish() -> None:
    """Tell the garbage collector what is there to stay: all modules and tests.

    Looking through them again and again would be a sixth of the work of the tests that compute.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    """The YAML text of every template, by the short name of its module."""
    return {short_name(module): dump(synthesize(module.build).to_dict()) for module in (*STACKS, *ROOTS)}


@pytest.fixture(scope="session")
def templates(texts: dict[str, str]) -> Templates:
    """Every template as plain dictionaries with long-form intrinsics. Shared: copy before you change one."""
    return {name: load(text) for name, text in texts.items()}


@pytest.fixture(scope="session")
def params_folder() -> Path:
    """The folder of the real environments' settings."""
    return Path(__file__).parents[1] / "params"
