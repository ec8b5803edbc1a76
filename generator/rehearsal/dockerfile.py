"""What a Dockerfile says, instruction by instruction: read by a library, in the words that a build needs."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dockerfile_parse.parser import DockerfileParser
from dockerfile_parse.util import WordSplitter, get_key_val_dictionary

from generator.errors import UserError

FLAG = re.compile(r"--(?P<name>[a-z-]+)(?:=(?P<value>\S+))?\s+")
DURATION = re.compile(r"(?P<number>\d+)(?P<unit>ms|s|m|h)")
NANOSECONDS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


@dataclass(frozen=True)
class Instruction:
    """One instruction: `COPY`, its flags, and the rest of its text."""

    name: str
    text: str
    line: int

    @property
    def flags(self) -> dict[str, str]:
        """Its flags, such as `from` → `build`; a flag without a value has an empty one."""
        return {found["name"]: found["value"] or "" for found in self._flags()}

    @property
    def value(self) -> str:
        """What stands after the flags."""
        return self.text[max((found.end() for found in self._flags()), default=0) :]

    @property
    def in_exec_form(self) -> list[str] | None:
        """Its words where they are written as a list in JSON, which no shell reads; otherwise None."""
        try:
            words = json.loads(self.value)
        except ValueError:
            return None
        return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None

    @property
    def command(self) -> list[str]:
        """Its words as the engine starts them: by a shell where they are no list."""
        return self.in_exec_form or ["/bin/sh", "-c", self.value]

    def words(self, variables: Mapping[str, str]) -> list[str]:
        """Return its words with the values of variables in them."""
        splitter: Any = WordSplitter
        return list(splitter(self.value, args=variables, envs={}).split())

    def pairs(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return its `name=value` pairs with the values of variables in them."""
        read: Any = get_key_val_dictionary
        pairs: dict[str, str] = read(self.value, env_replace=True, args=dict(variables))
        return pairs

    def __str__(self) -> str:
        return f"{self.name} {self.text}"

    def _flags(self) -> Iterator[re.Match[str]]:
        position = 0
        while found := FLAG.match(self.text, position):
            yield found
            position = found.end()


def instructions_of(text: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile, which begin with FROM. Raises `UserError`."""
    parser: Any = DockerfileParser
    structure = parser(fileobj=io.BytesIO(text.encode())).structure
    found = [
        Instruction(entry["instruction"], " ".join(entry["value"].split()), entry["startline"] + 1)
        for entry in structure
        if entry["instruction"] != "COMMENT"
    ]
    if not found or found[0].name != "FROM":
        raise UserError("Dockerfile: the first instruction must be FROM; an ARG before it is not understood here")
    return found


def health_check_of(instruction: Instruction) -> dict[str, Any]:
    """Return a HEALTHCHECK as an image's configuration says it, with durations in nanoseconds. Raises `UserError`."""
    kind, _, command = instruction.value.partition(" ")
    if kind == "NONE":
        return {"Test": ["NONE"]}
    words = Instruction("CMD", command, instruction.line).in_exec_form
    names = {"interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod"}
    flags = instruction.flags
    check: dict[str, Any] = {"Test": ["CMD", *words] if words else ["CMD-SHELL", command]}
    check |= {key: _nanoseconds(flags[name], instruction.line) for name, key in names.items() if name in flags}
    if "retries" in flags:
        check["Retries"] = int(flags["retries"])
    return check


def _nanoseconds(text: str, line: int) -> int:
    found = DURATION.fullmatch(text)
    if not found:
        raise UserError(f"Dockerfile, line {line}: {text} is no duration such as 15s or 2m")
    return int(found["number"]) * NANOSECONDS[found["unit"]]
