"""What somebody wants to see rehearsed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from generator.environment import ENVIRONMENTS
from generator.rehearsal.pipeline_actions import Approval


@dataclass(frozen=True)
class Wishes:
    """What shall be rehearsed: who approves, what fails, what the environments ran before, and how far to go.

    With `visit` the application is released to every environment that was promoted to, and visited. With `as_is` the
    release is promoted as it is in templates_out: the pipeline's source and build, with all their tests, are left out.
    """

    approve: Callable[[str], Approval]
    fail_at: str = ""
    previous: Path | None = None
    to: str = ENVIRONMENTS[-1]
    variables: Mapping[str, str] = field(default_factory=dict)
    visit: bool = False
    as_is: bool = False
