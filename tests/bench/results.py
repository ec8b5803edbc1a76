"""What a run has found, kept as a file: the page can be written again without measuring again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from generator.errors import UserError
from tests.bench.measurements import Sample
from tests.bench.rehearsal import Step


@dataclass(frozen=True)
class Measured:
    """One subject: what it does, and its samples in the order of the rounds."""

    name: str
    what: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Results:
    """All that a run has found."""

    machine: Mapping[str, str]
    rounds: int
    load: float
    """How many processes wanted a core on average while it was measured, those of the run among them."""
    resources: int
    templates: int
    subjects: tuple[Measured, ...]
    refused: Mapping[str, str]
    """Subjects whose output is not ours, and in what it differs: they were not measured."""
    deployment: Mapping[str, Sequence[Sample]]
    rehearsal: tuple[Step, ...]

    def samples(self) -> dict[str, Sequence[Sample]]:
        """Return the samples of everything that a target can name."""
        return {each.name: each.samples for each in self.subjects} | dict(self.deployment)


def write(results: Results, path: Path) -> None:
    """Write the results, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps(asdict(results), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    aside.replace(path)


def read(path: Path) -> Results:
    """Return the results of a file. Raises `UserError` where it cannot be read as such."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Results(
            **found
            | {
                "subjects": tuple(
                    Measured(each["name"], each["what"], tuple(Sample(**one) for one in each["samples"]))
                    for each in found["subjects"]
                ),
                "deployment": {name: [Sample(**one) for one in each] for name, each in found["deployment"].items()},
                "rehearsal": tuple(Step(**each) for each in found["rehearsal"]),
            }
        )
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; run make bench first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: holds no results of this version; run make bench") from error
