"""Secrets in the sources, found by detect-secrets and compared with a committed baseline.

The baseline, `.secrets.baseline`, holds the settings of the search and the places that look like secrets and are none.
After a look at what is new, `.venv/bin/detect-secrets scan --baseline .secrets.baseline` takes it in, and
`.venv/bin/detect-secrets audit .secrets.baseline` records that somebody has looked.
https://github.com/Yelp/detect-secrets
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

from generator.errors import UserError

BASELINE = ".secrets.baseline"


class Place(NamedTuple):
    """Something that looks like a secret. Lines are not compared: they move whenever something above changes."""

    file: str
    kind: str
    digest: str
    """SHA-1 of what looks like a secret, as detect-secrets writes it to the baseline."""

    def __str__(self) -> str:
        return f"{self.file}: {self.kind} ({self.digest[:8]}…)"


def new_and_gone(root: Path, files: list[Path]) -> tuple[list[str], list[str], int]:
    """Return, in words, what looks like a secret and is not in the baseline, what is there for nothing, and the rest.

    The rest is a number: the places of the baseline that are still there. An entry that nobody has marked as no secret
    counts as new. Raises `UserError` where the baseline cannot be read.
    """
    baseline = _read_baseline(root / BASELINE)
    settings = {key: baseline[key] for key in ("plugins_used", "filters_used")}
    known = {
        Place(file, entry["type"], entry["hashed_secret"]): entry.get("is_secret") is False
        for file, entries in baseline["results"].items()
        for entry in entries
    }
    found = SecretsCollection(root=str(root))
    # detect-secrets takes paths relative to the folder that it works in.
    with transient_settings(settings), contextlib.chdir(root):
        found.scan_files(*(str(file) for file in files if file != Path(BASELINE)))
    places = {Place(str(Path(file)), secret.type, secret.secret_hash) for file, secret in found}
    new = [place for place in places if not known.get(place)]
    return sorted(map(str, new)), sorted(map(str, known.keys() - places)), len(places) - len(new)


def _read_baseline(path: Path) -> dict[str, Any]:
    try:
        baseline: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(baseline[key], kind) for key, kind in (("results", dict), ("plugins_used", list))):
            raise TypeError
        return {"filters_used": [], **baseline}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read as detect-secrets' baseline; restore it from git") from error
