"""Docker's command line, as far as images are built and pushed with it: its few commands, and its failures in words.

What Docker prints goes where the caller's output goes, which in a build is its log.
https://docs.docker.com/reference/cli/docker/
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from generator.errors import UserError

PLATFORM = "linux/amd64"
"""What the tasks' definition asks Fargate for."""


@dataclass(frozen=True)
class Docker:
    """The program on the PATH. Its methods raise `UserError` where it is missing or fails."""

    program: str = "docker"

    def log_in(self, registry: str, password: str) -> None:
        """Log in to a private registry of ECR, whose users all have the same name."""
        self._run("login", "--username", "AWS", "--password-stdin", registry, given=password)

    def build(self, folder: Path, uri: str, version: str) -> None:
        """Build an image from a folder with a `Dockerfile`, which is told the version that it labels the image with."""
        told = ("--build-arg", f"VERSION={version}")
        self._run("build", "--platform", PLATFORM, *told, "--tag", uri, str(folder))

    def copy(self, public: str, uri: str) -> None:
        """Pull a public image and give it the name that it is going to be pushed by."""
        self._run("pull", "--platform", PLATFORM, public)
        self._run("tag", public, uri)

    def push(self, uri: str) -> None:
        """Push an image to the registry that its name begins with."""
        self._run("push", uri)

    def _run(self, command: str, *arguments: str, given: str = "") -> None:
        try:
            done = subprocess.run([self.program, command, *arguments], input=given, text=True, check=False)
        except OSError as error:
            raise UserError(f"{self.program} cannot be run: {error.strerror}; images are built with Docker") from error
        if done.returncode != 0:
            raise UserError(f"{self.program} {command} {arguments[-1]}: ended with {done.returncode}; see its output")
