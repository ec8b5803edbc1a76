"""What RDS keeps of an instance away from it: how it began, and the log of all changes since, shipped now and then.

With both, PostgreSQL makes the state of any moment until which the log was shipped. What was committed after that is
lost with the instance, as on AWS, where the log is shipped every five minutes.
https://www.postgresql.org/docs/16/continuous-archiving.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from generator.errors import UserError

SHIPPED_WITHIN_SECONDS = 60.0
POLL_SECONDS = 0.02


class Backups:
    """The backups of one instance, in a folder of their own. `owner` is as whom PostgreSQL runs."""

    def __init__(self, folder: Path, owner: Mapping[str, Any]) -> None:
        self._beginning, self._log = folder / "beginning", folder / "log"
        self._owner = owner
        self.restorable_until: datetime | None = None
        """Until when the log has been shipped."""

    @property
    def shipping(self) -> dict[str, str]:
        """The settings with which a server ships its log: each part whole or not at all."""
        part, file = (shlex.quote(str(self._log / name)) for name in ("%f.part", "%f"))
        return {"archive_mode": "on", "archive_command": f"cp %p {part} && mv {part} {file}"}

    def recovery(self, until: datetime) -> dict[str, str]:
        """The settings with which a server that begins anew repeats what was committed until then, and opens."""
        return {
            "restore_command": f"cp {shlex.quote(str(self._log))}/%f %p",
            "recovery_target_time": until.isoformat(),
            "recovery_target_action": "promote",
        }

    def begin(self, data: Path) -> None:
        """Keep how an instance begins; its server has not been started yet."""
        self._log.mkdir(parents=True)
        if self._owner:
            for folder in (self._log.parent, self._log):
                shutil.chown(folder, self._owner["user"], self._owner["group"])
        self._copy(data, self._beginning)

    def put_back(self, data: Path) -> None:
        """Make the files of an instance from which a server recovers."""
        self._copy(self._beginning, data)
        (data / "recovery.signal").touch()

    def wait_for(self, name: str, shipped_at: datetime) -> None:
        """Wait until a part of the log has been shipped, with which the instance can be restored until then."""
        deadline = time.monotonic() + SHIPPED_WITHIN_SECONDS
        while not (self._log / name).exists():
            if time.monotonic() > deadline:
                raise UserError(f"PostgreSQL did not ship its log within {SHIPPED_WITHIN_SECONDS:.0f} seconds")
            time.sleep(POLL_SECONDS)
        self.restorable_until = shipped_at

    def _copy(self, source: Path, target: Path) -> None:
        subprocess.run(["cp", "-a", source, target], check=True, cwd="/", **self._owner)
