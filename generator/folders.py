"""Where the project keeps what commands read and write: they are called in its top folder."""

from __future__ import annotations

from pathlib import Path

TEMPLATES_OUT = Path("templates_out")
"""One folder for each release."""

PARAMS = Path("params")
"""The settings of the environments, usage, and waivers."""
