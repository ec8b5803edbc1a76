"""The emulated AWS that a rehearsal deploys to: one ministack process, started here and never left behind.

It listens on 127.0.0.1 only, knows nothing of the user's AWS settings, keeps nothing on disk after it ends, and serves
any number of accounts: the twelve digits given to `Emulator.client` are the account. IAM is enforced, for all but the
administrator of an account, whom `Emulator.client` stands for.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import generator
from generator.delivery.session import service_models
from generator.errors import UserError
from generator.rehearsal import emulator_clock, emulator_faults
from generator.rehearsal.emulator_authorization_requests import ADDRESSES
from generator.rehearsal.emulator_faults import Fault
from generator.rehearsal.emulator_outbox import Sent, sent

HOST = "127.0.0.1"
READY_TIMEOUT_SECONDS = 60.0
STOP_GRACE_SECONDS = 5.0
POLL_SECONDS = 0.05
START_ATTEMPTS = 3
LOG_TAIL_LINES = 40
ENTRY_POINT = "generator.rehearsal.emulator_process"

# What the subprocess inherits; all else, AWS_* and proxies above all, stays outside.
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "VIRTUAL_ENV")


class Emulator:
    """An emulated AWS for the time of a `with` block.

    Without a port it takes a free one. With a port that is in use, and when the process does not get ready, it raises
    `UserError`. The process ends with the block, and with the process that started it, however that ends.
    """

    def __init__(self, port: int | None = None) -> None:
        self._wanted_port = port
        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._directory: Path | None = None
        self._log: IO[bytes] | None = None
        self._session: Any = None
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if self._process is not None:
            raise RuntimeError("This emulator is running already.")
        attempts = START_ATTEMPTS if self._wanted_port is None else 1
        for attempt in range(1, attempts + 1):
            try:
                self._start()
                return self
            except _PortLostError:
                # Another process took the free port between our look and ministack's bind.
                self._stop()
                if attempt == attempts:
                    raise UserError(_port_taken(self.port)) from None
            except BaseException:
                self._stop()
                raise
        raise AssertionError("unreachable")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def port(self) -> int:
        if self._port is None:
            raise RuntimeError("The emulator has not been started: use it in a with statement.")
        return self._port

    @property
    def directory(self) -> Path:
        """The emulator's folder. It goes with the emulator, also where the process that started it was killed."""
        if self._directory is None:
            raise RuntimeError("The emulator has not been started: use it in a with statement.")
        return self._directory

    @property
    def _faults(self) -> Path:
        return self.directory / "faults.json"

    @property
    def endpoint_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def client(self, service: str, account_id: str, region: str) -> Any:
        """Return the client of an account's administrator for a service in a region; the same one when asked again."""
        key = (service, account_id, region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self.new_client(service, account_id, region)
            return self._clients[key]

    def client_of_session(self, service: str, credentials: Mapping[str, Any], region: str) -> Any:
        """Return the client of a service that works with temporary credentials; the same one when asked again."""
        key = (service, credentials["AccessKeyId"], region)
        with self._lock:
            if key not in self._clients:
                signing = [credentials[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
                self._clients[key] = self._new_client(service, region, *signing)
            return self._clients[key]

    def client_of_role(self, service: str, role_arn: str, caller_account_id: str, region: str) -> Any:
        """Return the client of a role that an administrator of another account has assumed."""
        sts = self.client("sts", caller_account_id, region)
        assumed = sts.assume_role(RoleArn=role_arn, RoleSessionName="rehearsal")["Credentials"]
        return self.client_of_session(service, assumed, region)

    def new_client(self, service: str, account_id: str, region: str) -> Any:
        """Return a client of an account's administrator that nobody else has; whoever asks closes it."""
        if len(account_id) != 12 or not account_id.isdecimal():
            raise ValueError(f"An account id has 12 digits, not {account_id!r}.")
        return self._new_client(service, region, account_id, "rehearsal")

    def is_reached_at(self, address: str) -> None:
        """Take signatures for the address of a proxy, such as `127.0.0.1:4567`, as those for its own."""
        with (self.directory / ADDRESSES).open("a", encoding="utf-8") as file:
            file.write(f"{address}\n")

    def fail(self, fault: Fault) -> None:
        """Let a resource fail, once, when it is next created or changed."""
        emulator_faults.write(self._faults, [*emulator_faults.read(self._faults), fault])

    def faults(self) -> list[Fault]:
        """Return the failures that were asked for and have not happened."""
        return emulator_faults.read(self._faults)

    def put_forward(self, seconds: float) -> None:
        """Let the clock by which alarms wait be so much later than it was."""
        emulator_clock.put_forward(self.directory, seconds)

    def stopped_clock(self) -> contextlib.AbstractContextManager[None]:
        """Let that clock stand still for the time of a `with` block, but for being put forward."""
        return emulator_clock.stopped(self.directory)

    def sent(self, after: int = 0) -> list[Sent]:
        """Return what was sent to people and addresses outside, but for the first so many messages."""
        return list(sent(self.directory, after))

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """Return the last lines that the emulator has logged."""
        if self._directory is None:
            return ""
        try:
            text = (self._directory / "emulator.log").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def _start(self) -> None:
        if self._wanted_port is None:
            self._port = _free_port()
        elif _is_free(self._wanted_port):
            self._port = self._wanted_port
        else:
            raise UserError(_port_taken(self._wanted_port))
        self._directory = Path(tempfile.mkdtemp(prefix="rehearsal-emulator-"))
        self._log = (self._directory / "emulator.log").open("wb")
        identity = uuid.uuid4().hex
        self._process = subprocess.Popen(
            [sys.executable, "-m", ENTRY_POINT],
            # The child ends itself when this pipe closes, which the kernel does for us even after kill -9.
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=self._directory,
            env=_environment(self.port, self._directory, identity),
            # Ctrl-C goes to the whole group of the terminal; it is this process that decides when the emulator ends.
            start_new_session=True,
        )
        self._wait_until_ready(identity)

    def _wait_until_ready(self, identity: str) -> None:
        assert self._process is not None
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                tail = self.log_tail()
                if "already in use" in tail:
                    raise _PortLostError
                raise UserError(
                    f"The emulator ended with code {self._process.returncode} while starting. Its log:\n{tail}"
                )
            if self._answers_as(identity):
                return
            time.sleep(POLL_SECONDS)
        raise UserError(
            f"The emulator was not ready after {READY_TIMEOUT_SECONDS:.0f} seconds. Its log:\n{self.log_tail()}"
        )

    def _answers_as(self, identity: str) -> bool:
        """Whether the health endpoint answers, and it is our process that does."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.endpoint_url}/_ministack/health", timeout=2) as response:
                return bool(json.load(response).get("edition") == identity)
        except (urllib.error.URLError, OSError, ValueError):
            return False

    def _stop(self) -> None:
        process, self._process = self._process, None
        try:
            if process is not None:
                _end(process)
        finally:
            if self._log is not None:
                self._log.close()
                self._log = None
            if self._directory is not None:
                shutil.rmtree(self._directory, ignore_errors=True)
                self._directory = None
            with self._lock:
                for client in self._clients.values():
                    client.close()
                self._clients.clear()

    def _new_client(self, service: str, region: str, key: str, secret: str, token: str | None = None) -> Any:
        import boto3
        from botocore.config import Config

        if self._session is None:
            self._session = boto3.session.Session(botocore_session=_session_without_user_settings())
        return self._session.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(
                connect_timeout=5,
                read_timeout=60,
                retries={"total_max_attempts": 1, "mode": "standard"},
                s3={"addressing_style": "path"},
                proxies={},
                # Prefixes such as "data-" cannot stand before an address.
                inject_host_prefix=False,
                max_pool_connections=25,
            ),
        )


class _PortLostError(Exception):
    """The port was free when asked and taken when ministack bound it."""


def _session_without_user_settings() -> Any:
    """Return a botocore session that reads neither AWS_* variables nor files in the home directory."""
    import botocore.configprovider
    import botocore.session

    variables = {
        name: (in_file, None, default, conversion)
        for name, (in_file, _, default, conversion) in botocore.configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    session = botocore.session.Session(session_vars=variables)
    session.register_component("data_loader", service_models())
    session.set_config_variable("config_file", os.devnull)
    session.set_config_variable("credentials_file", os.devnull)
    return session


def _environment(port: int, directory: Path, identity: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    root = str(Path(generator.__file__).resolve().parent.parent)
    # A parent-death signal is bound to the starting *thread*: asked for only where thread and process end together.
    in_main_thread = threading.current_thread() is threading.main_thread()
    return kept | {
        "PYTHONPATH": root,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_EDITION": identity,
        "LOG_LEVEL": "INFO",
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "STATE_DIR": str(directory / "state"),
        "S3_DATA_DIR": str(directory / "s3"),
        emulator_faults.VARIABLE: str(directory / "faults.json"),
        # Signatures are checked, and IAM's policies evaluated.
        "AUTH": "true",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        # A rehearsal must not start containers, and must run the same with and without a Docker daemon.
        "DOCKER_HOST": f"unix://{directory}/no-docker.sock",
        "REHEARSAL_PARENT": str(os.getpid()) if in_main_thread else "",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end, and make it and what it started end after the grace period."""
    try:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_GRACE_SECONDS)
    finally:
        # Also after Ctrl-C while waiting: nothing may stay behind.
        _kill_group(process)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _port_taken(port: int) -> str:
    return f"Port {port} on {HOST} is in use: stop what listens there, or give another port or none at all."
