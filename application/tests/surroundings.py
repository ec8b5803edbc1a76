"""The application as a web server runs it: unpacked from its archive, with a real PostgreSQL and the emulator's AWS."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import ssl
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any

from generator.rehearsal.emulator import Emulator
from generator.rehearsal.oci_images import Image
from generator.rehearsal.postgresql import PostgreSql
from generator.stacks.storage import SESSION_EXPIRY, SESSION_KEY

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-application/bin/python"
ACCOUNT, REGION = "111111111111", "eu-west-1"
ENDPOINT = "database.example.com"
CREDENTIALS = {"AccessKeyId": ACCOUNT, "SecretAccessKey": "rehearsal"}
MASTER = {"username": "dbmaster", "password": 'it\'s "secret"'}
PARAMETERS = "/web-platform/dev"
TABLE = "sessions"
READY_SECONDS = 60


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """One running copy of the application."""

    port: int
    log: Path
    tls: ssl.SSLContext | None = None

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request, with `If_Match="0"` for the header If-Match. No cookie is remembered."""
        connection = self.connection()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent = {"Content-Type": "application/json", **sent}
        content = body if isinstance(body, str | None) else json.dumps(body)
        connection.request(method, path, content, sent)
        response: HTTPResponse = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer

    def connection(self) -> HTTPConnection:
        if self.tls is None:
            return HTTPConnection("127.0.0.1", self.port, timeout=30)
        return HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.tls)

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@dataclass
class Platform:
    """What an environment gives to its web servers."""

    emulator: Emulator
    archive: Path
    images: Path
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self.emulator.client(service, ACCOUNT, REGION)

    def migrate(self, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.archive / "migrate"], env=self.variables | variables, capture_output=True, text=True, check=False
        )

    def sql(self, statement: str) -> str:
        """Execute a statement as the master user; return what it selects."""
        code = (
            "import json, psycopg, sys\n"
            "with psycopg.connect(**json.loads(sys.argv[1])) as connection:\n"
            "    done = connection.execute(sys.argv[2])\n"
            "    print(done.fetchall() if done.description else done.rowcount)\n"
        )
        login = {"host": ENDPOINT, "dbname": "application", "user": MASTER["username"], "password": MASTER["password"]}
        return subprocess.run(
            [PYTHON, "-c", code, json.dumps(login), statement],
            env=self.variables,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout.strip()

    @contextmanager
    def server(self, **variables: str) -> Iterator[Server]:
        """Run the application of the archive."""
        with self._running(self.archive / "start", None, variables) as started:
            yield started

    @contextmanager
    def container(self, root: Path, **variables: str) -> Iterator[Server]:
        """Run what an unpacked image runs, with its own environment and a `/tmp`."""
        image = {"ADDRESS": "127.0.0.1", "TMPDIR": str(self.folder), "APPLICATION_VERSION": "7"}
        tls = unverified_tls() if variables.get("TARGET_PROTOCOL") == "HTTPS" else None
        with self._running(root / "srv/application/serve", tls, image | variables) as started:
            yield started

    @contextmanager
    def _running(self, program: Path, tls: ssl.SSLContext | None, variables: Mapping[str, str]) -> Iterator[Server]:
        port = _free_port()
        log = self.folder / f"{port}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [program],
                env=self.variables | {"PORT": str(port)} | variables,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                server = Server(port, log, tls)
                _wait_until_healthy(server, process)
                yield server
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def unpacked(image: Image, folder: Path) -> Path:
    """Unpack an image into a folder, as an engine does for a container's root, and return it."""
    for layer in image.layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            tar.extractall(folder, filter="fully_trusted")
    return folder


def unverified_tls() -> ssl.SSLContext:
    """Return the way in which a load balancer asks its targets: whoever signed their certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@contextmanager
def with_database(platform: Platform) -> Iterator[Platform]:
    """Give a platform a database as RDS makes it: empty, with a master user."""
    with PostgreSql(hosts=[ENDPOINT]) as database:
        database.create_login(MASTER["username"], MASTER["password"], "application")
        database.accept_tokens_of(CREDENTIALS)
        platform.variables |= {"PGPORT": str(database.port), "PGSSLROOTCERT": str(database.root_certificate)}
        yield platform


def prepared(emulator: Emulator, archive: Path, folder: Path) -> Platform:
    """Return a platform with parameters, secret and session table, whose database does not exist."""
    made = Platform(emulator, archive, folder / "product-images", folder)
    made.images.mkdir()
    secret = made.client("secretsmanager").create_secret(Name=str(folder), SecretString=json.dumps(MASTER))
    for name, value in {"endpoint": ENDPOINT, "secret": secret["ARN"]}.items():
        made.client("ssm").put_parameter(
            Name=f"{PARAMETERS}/database/{name}", Value=value, Type="String", Overwrite=True
        )
    _make_session_table(made.client("dynamodb"))
    made.variables = {
        "PATH": os.environ["PATH"],
        "PYTHON": str(PYTHON),
        "ENVIRONMENT_NAME": "dev",
        "METRIC_NAMESPACE": "web-platform",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": emulator.endpoint_url,
        "AWS_ACCESS_KEY_ID": CREDENTIALS["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["SecretAccessKey"],
        "SESSION_TABLE": TABLE,
        "PARAMETER_PATH": PARAMETERS,
        "PRODUCT_IMAGES": str(made.images),
        "PGHOSTADDR": "127.0.0.1",
        "PGPORT": "1",
        "PGSSLMODE": "verify-full",
        "WEB_CONCURRENCY": "1",
    }
    return made


def _make_session_table(dynamodb: Any) -> None:
    if TABLE in dynamodb.list_tables()["TableNames"]:
        return
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": SESSION_KEY, "AttributeType": "S"}],
        KeySchema=[{"AttributeName": SESSION_KEY, "KeyType": "HASH"}],
    )
    dynamodb.update_time_to_live(
        TableName=TABLE, TimeToLiveSpecification={"AttributeName": SESSION_EXPIRY, "Enabled": True}
    )


def _wait_until_healthy(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if server.ask("GET", "/healthz").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the application did not get ready:\n{server.log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
