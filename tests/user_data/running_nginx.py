"""A real nginx with the configuration that web servers get, on a socket of its own, and an application behind it."""

from __future__ import annotations

import getpass
import gzip
import http.client
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from generator.rehearsal.programs import program

SCRIPT = Path(__file__).parents[2] / "generator/user_data/nginx_configuration.sh"
STARTS_WITHIN_SECONDS = 30.0
LOGS_WITHIN_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        packed = self.headers.get("Content-Encoding") == "gzip"
        return (gzip.decompress(self.body) if packed else self.body).decode()


class Connection(http.client.HTTPConnection):
    """HTTP over a socket in the file system, where no other test can be in the way."""

    def __init__(self, path: Path, context: ssl.SSLContext | None) -> None:
        super().__init__("shop.example.com", timeout=STARTS_WITHIN_SECONDS)
        self._path = path
        self._context = context

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self._path))
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock)


class Nginx:
    """The running server, and what it has logged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "nginx.sock"

    def get(
        self,
        target: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
        context: ssl.SSLContext | None = None,
    ) -> Answer:
        connection = Connection(self.socket, context)
        try:
            connection.request(method, target, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def logged(self, request_id: str) -> dict[str, Any]:
        """Return what the access log says of a request. nginx writes it after it has answered, when it comes to it."""
        deadline = time.monotonic() + LOGS_WITHIN_SECONDS
        while True:
            whole_lines = self._log().rpartition("\n")[0].splitlines()
            found = [entry for entry in map(json.loads, whole_lines) if entry["request_id"] == request_id]
            if found:
                [entry] = found
                return dict(entry)
            assert time.monotonic() < deadline, f"{request_id} is not in the log"
            time.sleep(0.01)

    def has_logged(self, request_id: str) -> bool:
        """Whether a request is in the log already, which is certain only when a later one is."""
        return request_id in self._log()

    def _log(self) -> str:
        return (self.folder / "access.log").read_text(encoding="utf-8")


class Application(ThreadingHTTPServer):
    """Tells what it was asked, as JSON. With `once`, it hangs up at the second request that comes on a connection.

    What is asked for below `/api/slow` is answered when `released` is set; until then, `waiting` counts who waits.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *, once: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.once = once
        self.connections = 0
        self.waiting = threading.Semaphore(0)
        self.released = threading.Event()

    def get_request(self) -> tuple[socket.socket, Any]:
        self.connections += 1
        return super().get_request()


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Application
    _has_answered = False

    def do_GET(self) -> None:
        if self.server.once and self._has_answered:
            self.close_connection = True
            return
        self._has_answered = True
        if self.path.startswith("/api/slow"):
            self.server.waiting.release()
            self.server.released.wait(STARTS_WITHIN_SECONDS)
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        asked = {"method": self.command, "target": self.path, "headers": dict(self.headers)}
        answer = json.dumps(asked).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "unsafe-url")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def running_nginx(
    files: Mapping[str, str],
    application: Application | None,
    *,
    broken: tuple[str, str] = ("", ""),
    **changed: str,
) -> Iterator[Nginx]:
    """Run nginx for the time of a `with` block over an unpacked archive with these files.

    `changed` are variables of the configuration; of `broken`, the first text in it is replaced by the second. The
    folder lies directly below the system's temporary one: the path of a socket may have 107 characters.
    """
    with tempfile.TemporaryDirectory(prefix="nginx-") as name:
        nginx = Nginx(Path(name))
        for path, text in files.items():
            (nginx.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (nginx.folder / path).write_text(text, encoding="utf-8")
        (nginx.folder / "images").mkdir(exist_ok=True)
        if application is not None:
            (nginx.folder / "application/start").touch(mode=0o755)
            threading.Thread(target=application.serve_forever, args=(0.05,), daemon=True).start()
        configuration = _configuration(nginx, application, changed)
        assert broken[0] in configuration
        (nginx.folder / "nginx.conf").write_text(configuration.replace(*broken), encoding="utf-8")
        command = [str(program("nginx")), "-p", name, "-e", "stderr", "-c", f"{name}/nginx.conf", "-g", "daemon off;"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            _wait_for(nginx, process)
            yield nginx
        finally:
            process.terminate()
            process.communicate()
            if application is not None:
                application.shutdown()
                application.server_close()


def _configuration(nginx: Nginx, application: Application | None, changed: Mapping[str, str]) -> str:
    variables = {
        "LISTEN": f"unix:{nginx.socket}",
        "TARGET_PROTOCOL": "HTTP",
        "CERTIFICATES": str(nginx.folder),
        "APPLICATION": str(nginx.folder / "application"),
        "PORT": str(application.server_port if application else 8000),
        "IMAGES": str(nginx.folder / "images"),
        "TRUSTED_PROXIES": "unix:",
        "LOGS": str(nginx.folder),
        "TEMPORARY": str(nginx.folder),
        "PID_FILE": str(nginx.folder / "nginx.pid"),
        "NGINX_USER": getpass.getuser(),
        "PATH": os.environ["PATH"],
    }
    command = ["bash", "-euc", '. "$0"; nginx_configuration', str(SCRIPT)]
    return subprocess.run(command, env=variables | changed, capture_output=True, text=True, check=True).stdout


def _wait_for(nginx: Nginx, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while not _accepts(nginx.socket):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"nginx did not start: {process.communicate()[1]}")
        time.sleep(0.01)


def _accepts(path: Path) -> bool:
    """Say whether somebody listens: the file is there a moment earlier."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        return client.connect_ex(str(path)) == 0
