"""A web server of a rehearsal: what an instance of the emulator would run, run on this machine.

A real nginx with the very configuration that the instance's user data installs and, where the user data names an
archive, the application from it, fetched with the rights of the instance's role. Each server has a folder of its own,
free ports, and a certificate that it signed itself.
"""

from __future__ import annotations

import base64
import io
import os
import re
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from http.client import HTTPException
from importlib.resources import files
from pathlib import Path

from generator.rehearsal.certificates import self_signed
from generator.rehearsal.programs import program
from generator.rehearsal.running_programs import HOST, RunningProgram, free_port
from generator.rehearsal.target_requests import ask_target
from generator.user_data import joined

NGINX_CONFIGURATION, APPLICATION_SERVICE = "nginx_configuration.sh", "application_service.sh"
"""Files of the user data that hold functions only."""

SETTING = re.compile(r"^readonly ([A-Z_]+)='([^'\n]*)'$", re.MULTILINE)

READY_SECONDS = 60.0
"""How long a server may take to answer its health check; on AWS its bootstrap has ten minutes."""

POLL_SECONDS = 0.05
WITHOUT = ("OTEL_EXPORTER_OTLP_ENDPOINT",)
"""What is left out of the application's environment: no agent takes traces here."""

FOR_A_SMALL_MACHINE = {"WEB_CONCURRENCY": "1"}
"""One process a server, where gunicorn is what serves. https://docs.gunicorn.org/en/stable/settings.html#workers"""

REPEATED = 'until "$0"; do sleep 1; done'
START_ATTEMPTS = 3
PORT_IN_USE = ("Address already in use", "Address in use", "Connection in use")
PID_FILE = "nginx.pid"
WELCOME = "<!doctype html><title>In service</title><p>No application has been released yet.\n"


class BootError(Exception):
    """A server did not come up; the message says why, with the end of its log."""


@dataclass(frozen=True)
class UserData:
    """The script that an instance runs at its first start, and the settings at its head."""

    text: str

    @classmethod
    def decoded(cls, encoded: str) -> UserData:
        """Return user data as EC2 keeps it, in base64."""
        return cls(base64.b64decode(encoded).decode())

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """Setting → value, such as `TARGET_PROTOCOL` → `HTTPS`."""
        return dict(SETTING.findall(self.text))

    @property
    def configures_as_here(self) -> bool:
        """Whether it brings the functions that are run here; a release of earlier times had others."""
        return all(joined((script,)) in self.text for script in (NGINX_CONFIGURATION, APPLICATION_SERVICE))


@dataclass(frozen=True)
class Surroundings:
    """What a server finds around it.

    `images` is the folder that all servers of the environment share, as they do on AWS through EFS. `fetch` returns an
    object of a bucket with the rights of the instance's role. `variables` is what the application's environment has
    besides what the user data gives it: the role's credentials, the ways to emulator and database.
    """

    images: Path
    python: Path
    fetch: Callable[[str, str], bytes]
    variables: Callable[[], Mapping[str, str]]


class WebServer:
    """The programs of one instance, in a folder of their own."""

    def __init__(self, instance_id: str, user_data: UserData, folder: Path, surroundings: Surroundings) -> None:
        self.instance_id = instance_id
        self.user_data = user_data
        self.port = 0
        self._folder = folder
        self._surroundings = surroundings
        self._programs: dict[str, RunningProgram] = {}
        self._migration: RunningProgram | None = None
        self._is_off = False

    @property
    def protocol(self) -> str:
        """What it speaks: `HTTPS`, or `HTTP` where the load balancer ends TLS."""
        return self.user_data.settings["TARGET_PROTOCOL"]

    @property
    def images(self) -> Path:
        """The folder that stands in for the environment's file system."""
        return self._surroundings.images

    def has_answered(self, request_id: str) -> bool:
        """Whether it was this server that answered a request, by the id that nginx gave it (`X-Request-Id`)."""
        log = self._folder / "access.log"
        return log.exists() and f'"{request_id}"' in log.read_text(encoding="utf-8")

    @property
    def is_migrated(self) -> bool:
        """Whether the application's migrations are through, or there are none."""
        return self._migration is None or not self._migration.is_running

    def boot(self) -> None:
        """Do what the user data does on an instance, up to the server's own health check. Raises `BootError`."""
        for name in ("application/public", "certificates", "temporary"):
            (self._folder / name).mkdir(parents=True)
        if self.user_data.settings["ARCHIVE_KEY"]:
            self._unpack_application()
        else:
            (self._folder / "application/public/index.html").write_text(WELCOME, encoding="utf-8")
        self_signed(self.instance_id).write(self._folder / "certificates")
        self._start()

    def restart(self) -> None:
        """Start the programs again after `kill`, and wait until the health check is answered. Raises `BootError`."""
        self._is_off = False
        self._start()

    def _start(self) -> None:
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                self._start_once()
                return
            except BootError as error:
                self._kill_programs()
                # Somebody took a free port between our look and the program's bind.
                if attempt == START_ATTEMPTS or not any(words in str(error) for words in PORT_IN_USE):
                    raise

    def shut_down(self) -> None:
        """End the programs when they have answered what they are asked already, as a target that is drained."""
        self._is_off = True
        if nginx := self._programs.get("nginx"):
            nginx.stop(signal.SIGQUIT)
        self._kill_programs()

    def kill(self) -> None:
        """End the programs at once, as when the instance's hardware fails; a boot under way fails."""
        self._is_off = True
        self._kill_programs()

    def _kill_programs(self) -> None:
        for each in (*self._programs.values(), self._migration):
            if each is not None:
                each.kill()

    def _start_once(self) -> None:
        self.port, application_port = free_port(), free_port()
        if (self._folder / "application/start").exists():
            self._start_application(application_port)
        self._start_nginx(application_port)
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self._is_off:
                raise BootError(f"{self.instance_id}: was switched off while it started")
            for name, each in self._programs.items():
                if not each.is_running:
                    raise BootError(f"{self.instance_id}: {name} ended. Its log:\n{each.log_tail()}")
            if time.monotonic() > deadline:
                logs = "\n".join(each.log_tail() for each in self._programs.values())
                raise BootError(f"{self.instance_id}: not healthy after {READY_SECONDS:.0f} s. Its logs:\n{logs}")
            time.sleep(POLL_SECONDS)

    def _unpack_application(self) -> None:
        bucket, key = (self.user_data.settings[name] for name in ("RELEASE_BUCKET", "ARCHIVE_KEY"))
        try:
            content = self._surroundings.fetch(bucket, key)
            with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
                archive.extractall(self._folder / "application", filter="data")
        except Exception as error:  # as many ways to fail as S3, gzip and tar have together
            raise BootError(
                f"{self.instance_id}: s3://{bucket}/{key} cannot be fetched or unpacked: {error}"
            ) from error

    def _start_application(self, port: int) -> None:
        folder = self._folder / "application"
        environment = self._application_environment(port)
        if (folder / "migrate").exists():
            # Beside the application, and again until it succeeds, as the service of the user data does it.
            command: list[str | Path] = ["/bin/sh", "-c", REPEATED, folder / "migrate"]
            log = self._folder / "migration.log"
            self._migration = RunningProgram(command, folder, environment, log)
        log = self._folder / "application.log"
        self._programs["application"] = RunningProgram([folder / "start"], folder, environment, log)

    def _application_environment(self, port: int) -> dict[str, str]:
        """What the application's service has in its environment, and what leads it to the rehearsal's services."""
        variables = self._surroundings.variables()
        settings = {**self.user_data.settings, "PORT": port, "IMAGES": self._surroundings.images}
        text = self._printed(APPLICATION_SERVICE, "application_environment", {**settings, "AUTHORITIES": ""})
        pairs = [line.split("=", 1) for line in text.splitlines()]
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),
            "PYTHON": str(self._surroundings.python),
            **{name: value for name, value in pairs if name not in WITHOUT},
            **FOR_A_SMALL_MACHINE,
            **variables,
        }

    def _start_nginx(self, application_port: int) -> None:
        configuration = self._folder / "nginx.conf"
        configuration.write_text(self._nginx_configuration(application_port), encoding="utf-8")
        log = self._folder / "nginx.log"
        (self._folder / PID_FILE).unlink(missing_ok=True)
        # One process, without a master that would wait for its workers.
        options: list[str | Path] = ["-p", self._folder, "-e", "stderr", "-c", configuration]
        alone = ["-g", "daemon off; master_process off;"]
        self._programs["nginx"] = RunningProgram([program("nginx"), *options, *alone], self._folder, {}, log)

    def _nginx_configuration(self, application_port: int) -> str:
        variables: dict[str, object] = {
            "LISTEN": f"{HOST}:{self.port}",
            "TARGET_PROTOCOL": self.protocol,
            "CERTIFICATES": self._folder / "certificates",
            "APPLICATION": self._folder / "application",
            "PORT": application_port,
            "IMAGES": self._surroundings.images,
            "TRUSTED_PROXIES": "127.0.0.0/8",
            "LOGS": self._folder,
            "TEMPORARY": self._folder / "temporary",
            "PID_FILE": self._folder / PID_FILE,
            "NGINX_USER": "root",
        }
        return self._printed(NGINX_CONFIGURATION, "nginx_configuration", variables)

    def _printed(self, script: str, function: str, variables: Mapping[str, object]) -> str:
        """Return what a function of the user data prints."""
        done = subprocess.run(
            ["bash", "-euc", f'. "$0"; {function}', str(files("generator.user_data").joinpath(script))],
            env={"PATH": os.environ.get("PATH", os.defpath), **{name: str(each) for name, each in variables.items()}},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BootError(f"{self.instance_id}: {script}: {done.stderr.strip()}")
        return done.stdout

    def _answers(self) -> bool:
        if not (self._folder / PID_FILE).exists():
            return False  # nginx has not got its port, where perhaps somebody else answers
        try:
            return ask_target(self.protocol, (HOST, self.port), "GET", "/healthz").status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
