"""Keeps the project's own suite away from tests that need taskcat's environment: that one runs with `--noconftest`."""

from __future__ import annotations

collect_ignore_glob = ["test_*.py"]
