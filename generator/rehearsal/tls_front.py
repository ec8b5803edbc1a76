"""TLS before the emulator, which speaks HTTP alone: what a client meets at a load balancer or at CloudFront.

For each name that clients know there is one nginx with the certificate that the service has for it, speaking those
versions of TLS that its security policy allows. It says to the emulator for whom the request is, and that it came
over HTTPS; what it says does not depend on what the client claims.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from generator.errors import UserError
from generator.rehearsal.certificates import KeyPair
from generator.rehearsal.programs import program
from generator.rehearsal.running_programs import HOST, RunningProgram, free_port

TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 = "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"
ALL_VERSIONS = (TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3)

LOAD_BALANCER_POLICIES = {
    "ELBSecurityPolicy-2016-08": ALL_VERSIONS[:3],
    "ELBSecurityPolicy-TLS13-1-2-2021-06": (TLS_1_2, TLS_1_3),
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06": (TLS_1_2, TLS_1_3),
    "ELBSecurityPolicy-TLS13-1-3-2021-06": (TLS_1_3,),
}
"""The protocols of a listener's `SslPolicy`. The first is what a listener has that names none.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"""

DISTRIBUTION_POLICIES = {
    "TLSv1": ALL_VERSIONS,
    "TLSv1_2016": ALL_VERSIONS,
    "TLSv1.1_2016": ALL_VERSIONS[1:],
    "TLSv1.2_2018": ALL_VERSIONS[2:],
    "TLSv1.2_2019": ALL_VERSIONS[2:],
    "TLSv1.2_2021": ALL_VERSIONS[2:],
    "TLSv1.2_2025": ALL_VERSIONS[2:],
    "TLSv1.3_2025": ALL_VERSIONS[3:],
}
"""The protocols of a distribution's `MinimumProtocolVersion`; under CloudFront's own name it is always the first.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html
"""

READY_SECONDS, POLL_SECONDS = 10.0, 0.02
START_ATTEMPTS = 3
PID_FILE = "nginx.pid"

# Without the zero, OpenSSL 3 leaves out TLS 1.0 and 1.1 whatever the protocols are.
CONFIGURATION = """\
pid {pid_file};
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {host}:{port} ssl;
        http2 on;
        ssl_certificate server.crt;
        ssl_certificate_key server.key;
        ssl_protocols {protocols};
        ssl_ciphers ALL:@SECLEVEL=0;
        client_max_body_size 0;
        location / {{
            proxy_pass http://{upstream};
            proxy_http_version 1.1;
            proxy_set_header Host {upstream_host};
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 90s;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Endpoint:
    """What clients reach over HTTPS under some names.

    `host` is the name by which the emulator knows it, `trusted` what clients must trust to accept the certificate.
    """

    names: Sequence[str]
    host: str
    certificate: KeyPair
    trusted: str
    protocols: Sequence[str]


class TlsFront:
    """A running nginx that speaks TLS for one endpoint and passes on to the emulator at `upstream` (host:port)."""

    def __init__(self, endpoint: Endpoint, folder: Path, upstream: str) -> None:
        self.endpoint = endpoint
        self.host = HOST
        self.port = 0
        self._folder = folder
        self._upstream = upstream
        self._nginx: RunningProgram | None = None

    def start(self) -> None:
        """Start nginx and wait until it takes connections. Raises `UserError` where it does not."""
        self._folder.mkdir(parents=True)
        self.endpoint.certificate.write(self._folder)
        for attempt in range(1, START_ATTEMPTS + 1):
            self.port = free_port()
            self._nginx = nginx = self._started()
            if self._is_ready(nginx):
                return
            self.stop()
            if attempt == START_ATTEMPTS:
                raise UserError(f"nginx does not start before the emulator. Its log:\n{nginx.log_tail()}")

    def stop(self) -> None:
        """End nginx at once."""
        if self._nginx is not None:
            self._nginx.kill()

    def _started(self) -> RunningProgram:
        (self._folder / PID_FILE).unlink(missing_ok=True)
        configuration = self._folder / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                pid_file=PID_FILE,
                host=HOST,
                port=self.port,
                protocols=" ".join(self.endpoint.protocols),
                upstream=self._upstream,
                upstream_host=self.endpoint.host,
            ),
            encoding="ascii",
        )
        options: list[str | Path] = ["-p", self._folder, "-e", "stderr", "-c", configuration]
        alone = ["-g", "daemon off; master_process off;"]
        return RunningProgram([program("nginx"), *options, *alone], self._folder, {}, self._folder / "nginx.log")

    def _is_ready(self, nginx: RunningProgram) -> bool:
        """Wait until nginx has its port, which it says by writing its process id; or has ended."""
        deadline = time.monotonic() + READY_SECONDS
        while nginx.is_running and time.monotonic() < deadline:
            if (self._folder / PID_FILE).exists():
                return True
            time.sleep(POLL_SECONDS)
        return False


class TlsFronts:
    """The running fronts of all endpoints, for the time of a `with` block."""

    def __init__(self, folder: Path, upstream: str) -> None:
        self._folder = folder
        self._upstream = upstream
        self._fronts: dict[str, TlsFront] = {}
        self._started = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for each in self._fronts.values():
            each.stop()

    def open(self, endpoint: Endpoint) -> None:
        """Let clients reach an endpoint; where it is open already, as it is now."""
        former = self._fronts.get(endpoint.names[0])
        if former is not None:
            if former.endpoint == endpoint:
                return
            former.stop()
        self._started += 1
        front = TlsFront(endpoint, self._folder / str(self._started), self._upstream)
        front.start()
        self._fronts |= dict.fromkeys(endpoint.names, front)

    def of(self, name: str) -> TlsFront:
        """Return the front of a name. Raises `KeyError` for a name that nobody answers to."""
        return self._fronts[name.lower()]

    def knows(self, name: str) -> bool:
        """Whether somebody answers to a name."""
        return name.lower() in self._fronts

    @property
    def connect_to(self) -> str:
        """Where clients connect for each name, as the smoke test and curl's `--connect-to` take it."""
        over_http = f":80:{self._upstream}"
        return " ".join([over_http, *(f"{name}:443:{HOST}:{each.port}" for name, each in self._fronts.items())])


def speaks(port: int, version: ssl.TLSVersion, name: str = "localhost") -> bool:
    """Whether a server on this machine completes a handshake in one version of TLS and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Old versions are offered on purpose: that the server refuses them is what is asked.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    try:
        with (
            socket.create_connection((HOST, port), timeout=READY_SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=name),
        ):
            return True
    except (ssl.SSLError, ConnectionError):
        return False
