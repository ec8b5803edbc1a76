"""Stands in for the program `docker` in a rehearsed build: builds, tags and pushes images without a container engine.

It understands the commands that the build of images gives (generator/delivery), in that form, and refuses all others
with Docker's exit code for wrong use. Builds are those of `image_build`. What would come from a public registry is an
image without files that says so. Images and logins are kept in $DOCKER_CONFIG, or below $HOME, as Docker keeps them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from generator.errors import UserError
from generator.rehearsal.image_build import build
from generator.rehearsal.image_upload import push
from generator.rehearsal.oci_images import Image, Step, image_of, read_image, write_image

WRONG_USE, FAILED = 125, 1
PLATFORM = "linux/amd64"
STANDS_FOR = "stands-in-for"
"""Label of an image that would have been pulled from a public registry."""

REGISTRY = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")
REFERENCE = re.compile(r"(?P<registry>[^/]+)/(?P<repository>[a-z0-9][a-z0-9._/-]*):(?P<tag>[\w][\w.-]{0,127})")
PROJECT_FOLDER = Path(__file__).parents[2]


class _WrongUseError(Exception):
    """The command is none that is understood here."""


def install(folder: Path, python: Path) -> Path:
    """Write an executable `docker` into a folder, and return it.

    `python` is an interpreter with the application's packages, by which its builds run what they can.
    """
    words = [sys.executable, "-m", __name__, str(python)]
    program = folder / "docker"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(PROJECT_FOLDER))} exec {shlex.join(words)} "$@"\n', encoding="utf-8"
    )
    program.chmod(0o755)
    return program


def stand_in_for(name: str) -> Image:
    """Return an image without files, which says whose place it takes."""
    return image_of({"Labels": {STANDS_FOR: name}}, {}, [Step(f"FROM {name}", is_run=False)])


def main(words: Sequence[str]) -> int:
    python, *command = words
    try:
        _follow(command, Path(python), Store.of_the_user())
    except _WrongUseError as error:
        print(f"docker stand-in: {error}", file=sys.stderr)
        return WRONG_USE
    except UserError as error:
        print(error, file=sys.stderr)
        return FAILED
    return 0


class Store:
    """The images that are on this machine, by name, and the registries that somebody has logged in to."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs"
        self._state = folder / "state.json"
        kept = json.loads(self._state.read_text(encoding="utf-8")) if self._state.is_file() else {}
        self._names: dict[str, str] = kept.get("names", {})
        self.registries: list[str] = kept.get("registries", [])

    @classmethod
    def of_the_user(cls) -> Store:
        return cls(Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "stand-in")

    def image(self, name: str) -> Image:
        """Return an image by name. Raises `UserError` where there is none."""
        if name not in self._names:
            raise UserError(f"{name}: there is no such image; build it, pull it or tag it first")
        return read_image(self._blobs, self._names[name])

    def keep(self, name: str, image: Image) -> None:
        write_image(image, self._blobs)
        self._names[name] = image.digest
        self._write()

    def log_in(self, registry: str) -> None:
        self.registries.append(registry)
        self._write()

    def _write(self) -> None:
        self._state.parent.mkdir(parents=True, exist_ok=True)
        content = {"names": self._names, "registries": sorted(set(self.registries))}
        self._state.write_text(json.dumps(content), encoding="utf-8")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise _WrongUseError(f"{self.prog}: {message}")


def _follow(command: Sequence[str], python: Path, store: Store) -> None:
    parser = _Parser(prog="docker", add_help=False, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    followers: dict[str, Callable[[argparse.Namespace], None]] = {
        "login": lambda given: _log_in(given, store),
        "build": lambda given: _build(given, python, store),
        "pull": lambda given: _pull(given, store),
        "tag": lambda given: store.keep(given.target, store.image(given.source)),
        "push": lambda given: _push(given, store),
    }
    added = {name: commands.add_parser(name, add_help=False, allow_abbrev=False) for name in followers}
    added["login"].add_argument("--username", required=True, choices=["AWS"])
    added["login"].add_argument("--password-stdin", required=True, action="store_true")
    added["login"].add_argument("registry")
    for name in ("build", "pull"):
        added[name].add_argument("--platform", required=True, choices=[PLATFORM])
    added["build"].add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    added["build"].add_argument("--tag", required=True)
    added["build"].add_argument("folder", type=Path)
    added["tag"].add_argument("source")
    added["tag"].add_argument("target")
    for name in ("pull", "push"):
        added[name].add_argument("name")
    given = parser.parse_args(command)
    followers[given.command](given)


def _log_in(given: argparse.Namespace, store: Store) -> None:
    if not REGISTRY.fullmatch(given.registry):
        raise UserError(f"{given.registry} is no registry of Amazon ECR")
    if not sys.stdin.read().strip():
        raise UserError(f"{given.registry}: the password is empty")
    store.log_in(given.registry)
    print("Login Succeeded")


def _build(given: argparse.Namespace, python: Path, store: Store) -> None:
    arguments = dict(each.split("=", 1) for each in given.build_arg)
    image = build(given.folder, python, arguments)
    for instruction in image.not_run:
        print(f"not run: {instruction}")
    store.keep(given.tag, image)
    print(f"{given.tag}: {image.digest}")


def _pull(given: argparse.Namespace, store: Store) -> None:
    store.keep(given.name, stand_in_for(given.name))
    print(f"{given.name}: not pulled; an image without files stands in for it")


def _push(given: argparse.Namespace, store: Store) -> None:
    reference = REFERENCE.fullmatch(given.name)
    registry = REGISTRY.fullmatch(reference["registry"]) if reference else None
    if reference is None or registry is None:
        raise UserError(f"{given.name} is no image with a tag in a registry of Amazon ECR")
    if reference["registry"] not in store.registries:
        raise UserError(f"{reference['registry']}: no basic auth credentials; log in first")
    image = store.image(given.name)

    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    ecr = boto3.client("ecr", region_name=registry["region"])
    try:
        digest = push(ecr, reference["repository"], reference["tag"], image, registry=registry["account"])
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"{given.name}: {error}") from error
    print(f"{reference['tag']}: digest: {digest}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
