"""The PostgreSQL that an environment of a rehearsal uses: a real server, started here and never left behind.

It stands for one RDS instance: reached by TLS only, with a certificate that clients can verify to the full, a master
user that is no superuser but a member of `rds_superuser`, and IAM's tokens for the members of `rds_iam`. It can be
lost, and restored from what is kept away from it. Afterwards nothing is kept, and nothing waits for a disk.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Any, Self

from generator.errors import UserError
from generator.rehearsal.certificates import Authority
from generator.rehearsal.iam_tokens import is_signed
from generator.rehearsal.postgresql_backups import Backups
from generator.rehearsal.postgresql_front import HOST, PostgreSqlFront
from generator.rehearsal.programs import program

READY_TIMEOUT_SECONDS = 60.0
STOP_GRACE_SECONDS = 5.0
POLL_SECONDS = 0.05
LOG_TAIL_BYTES = 4000
SUPERUSER = "rdsadmin"
SHARED_FOLDERS = (Path("/tmp"), Path("/var/tmp"))
"""Where temporary files are that anybody may reach, should the user's own folder for them be closed to others."""

# The second line never asks: the front has the token checked first, and only the front reaches the socket.
ACCESS = """\
local all +rds_superuser scram-sha-256
local all +rds_iam       trust
local all all            scram-sha-256
"""
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.rds_superuser.html
ROLES = """\
CREATE ROLE rds_iam;
CREATE ROLE rds_superuser CREATEROLE;
GRANT rds_iam TO rds_superuser WITH ADMIN OPTION;
GRANT pg_signal_backend TO rds_superuser WITH ADMIN OPTION;
"""
MASTER = """\
\\getenv password LOGIN_PASSWORD
CREATE ROLE :"user" LOGIN CREATEROLE CREATEDB PASSWORD :'password' IN ROLE rds_superuser;
CREATE DATABASE :"database" OWNER :"user";
"""
PASSWORD = """\
\\getenv password LOGIN_PASSWORD
ALTER ROLE :"user" PASSWORD :'password';
"""
# Speed for safety: what is lost when the power fails is lost anyway.
SETTINGS = {"listen_addresses": "", "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
LOST = "lost"
"""The file that keeps the folder when a server ends that is to be restored."""

# The server ends, and its folder goes, when the pipe at its standard input closes: whenever we are gone.
SUPERVISED = """\
exec 3<&0
folder=$1
shift
"$@" 3<&- &
server=$!
{ cat <&3 >/dev/null; kill -INT $server; } &
wait $server
[ -e "$folder/lost" ] || rm -rf "$folder"
"""


class PostgreSql:
    """A PostgreSQL for the time of a `with` block, on a free port of 127.0.0.1.

    `hosts` are the names and addresses by which clients call it, and for which its certificate is made. Raises
    `UserError` where PostgreSQL is missing or does not start.
    """

    def __init__(self, hosts: Sequence[str] = ("localhost", HOST)) -> None:
        self._hosts = tuple(hosts)
        self._authority = Authority("Rehearsal of Amazon RDS")
        self._tls = _server_side()
        self._secret_keys: dict[str, str] = {}
        self._folder: Path | None = None
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._front: PostgreSqlFront | None = None
        self._backups: Backups | None = None
        self._server = Path()
        self._owner: Mapping[str, Any] = {}
        self._superuser_password = secrets.token_urlsafe()

    def __enter__(self) -> Self:
        if self._folder is not None:
            raise RuntimeError("This PostgreSQL is running already.")
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def port(self) -> int:
        if self._front is None:
            raise RuntimeError("PostgreSQL has not been started: use it in a with statement.")
        return self._front.port

    @property
    def root_certificate(self) -> Path:
        """The certificate of the authority that clients trust, for libpq's `sslrootcert`."""
        return self._path("root.crt")

    def answer_to(self, host: str) -> None:
        """Show new clients a certificate that is for one more name as well, unless it is for that one already."""
        if host not in self._hosts:
            self._hosts = (*self._hosts, host)
            _show(self._tls, self._authority, self._hosts)

    def create_login(self, user: str, password: str, database: str) -> None:
        """Make a master user and the database that it owns, as RDS does when it makes an instance."""
        self._execute(MASTER, {"LOGIN_PASSWORD": password}, f"--set=user={user}", f"--set=database={database}")

    def accept_tokens_of(self, credentials: Mapping[str, Any]) -> None:
        """Let users that are members of `rds_iam` in with tokens signed by these credentials, as STS gives them."""
        self._secret_keys[credentials["AccessKeyId"]] = credentials["SecretAccessKey"]

    def set_password(self, user: str, password: str) -> None:
        """Give a user another password, as RDS does when it takes over the one of a restored instance."""
        self._execute(PASSWORD, {"LOGIN_PASSWORD": password}, f"--set=user={user}")

    @property
    def restorable_until(self) -> datetime | None:
        """Until when `restore` can go; nothing before the log has been shipped for the first time."""
        return self._kept.restorable_until

    def ship_log(self) -> datetime:
        """Ship the log of what is committed, as RDS does every five minutes; return until when that can be restored."""
        now = datetime.now(UTC)
        # Recovery ends at the first commit after its target: there must be one.
        self._execute("SELECT pg_current_xact_id();")
        shipped = self._psql("SELECT pg_walfile_name(pg_switch_wal());", None, "--tuples-only", "--no-align")
        self._kept.wait_for(shipped.stdout.strip(), now)
        return now

    def lose(self) -> None:
        """Lose the instance with its disk, at once. Clients find nobody at its name until it is restored."""
        process, self._process = self._process, None
        if process is None:
            return
        self._path(LOST).touch()
        # The shell around it then ends by itself, so that the kernel keeps nothing of either.
        os.kill(int(self._path("data/postmaster.pid").read_text().partition("\n")[0]), signal.SIGKILL)
        process.wait()
        _kill(process)
        self._path(LOST).unlink()
        # What still runs of it may write for a moment longer; those files are nobody's any more.
        lost = self._path("data").rename(self._path(f"data-{process.pid}"))
        shutil.rmtree(lost, ignore_errors=True)

    def restore(self, until: datetime) -> None:
        """Make the instance anew, under the same name, as it was at a moment until which the log was shipped.

        Raises `UserError` where PostgreSQL does not recover.
        """
        self.lose()
        shutil.rmtree(self._path("socket"), ignore_errors=True)
        self._make_socket_folder()
        self._kept.put_back(self._path("data"))
        self._process = self._launched(self._kept.recovery(until))
        self._wait_until_ready()

    @property
    def _kept(self) -> Backups:
        if self._backups is None:
            raise RuntimeError("PostgreSQL has not been started: use it in a with statement.")
        return self._backups

    def _path(self, name: str) -> Path:
        if self._folder is None:
            raise RuntimeError("PostgreSQL has not been started: use it in a with statement.")
        return self._folder / name

    def _start(self) -> None:
        owner = self._owner = _owner()
        self._folder = Path(tempfile.mkdtemp(prefix="rehearsal-postgresql-", dir=_folder_for(owner)))
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed by _stop
        initdb, postgres = _programs_for(owner, self._path("programs"))
        password_file = self._path("password")
        password_file.touch(mode=0o600)
        password_file.write_text(self._superuser_password)
        self._make_socket_folder()
        self.root_certificate.write_text(self._authority.certificate, encoding="ascii")
        self.root_certificate.chmod(0o644)
        _show(self._tls, self._authority, self._hosts)
        _give_to(owner, self._folder)
        self._initialise(initdb, password_file, owner)
        self._server = postgres
        self._backups = Backups(self._path("backups"), owner)
        self._backups.begin(self._path("data"))
        self._process = self._launched()
        self._wait_until_ready()
        self._execute(ROLES)
        front = PostgreSqlFront(self._path("socket/.s.PGSQL.5432"), self._tls, self._token_is_good)
        front.start()
        self._front = front

    def _initialise(self, initdb: Path, password_file: Path, owner: Mapping[str, Any]) -> None:
        who = ["--username", SUPERUSER, "--pwfile", str(password_file), "--auth", "scram-sha-256"]
        made = subprocess.run(
            [initdb, "--pgdata", self._path("data"), *who, "--encoding", "UTF8", "--locale", "C", "--no-sync"],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            check=False,
            cwd="/",
            **owner,
        )
        if made.returncode != 0:
            raise UserError(f"PostgreSQL's initdb failed. Its log:\n{self._log_tail()}")
        password_file.unlink()
        self._path("data/pg_hba.conf").write_text(ACCESS)

    def _make_socket_folder(self) -> None:
        socket = self._path("socket")
        socket.mkdir(mode=0o700)
        if self._owner:
            os.chown(socket, self._owner["user"], self._owner["group"])

    def _launched(self, recovery: Mapping[str, str] = MappingProxyType({})) -> subprocess.Popen[bytes]:
        where = {"unix_socket_directories": str(self._path("socket"))}
        settings = {**SETTINGS, **self._kept.shipping, **where, **recovery}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return subprocess.Popen(
            ["/bin/sh", "-c", SUPERVISED, "sh", self._path(""), self._server, "-D", self._path("data"), *options],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd="/",
            # Ctrl-C goes to the whole group of the terminal; it is this process that decides when the server ends.
            start_new_session=True,
            **self._owner,
        )

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._psql("SELECT pg_is_in_recovery();", None, "--tuples-only", "--no-align").stdout.strip() == "f":
                return
            time.sleep(POLL_SECONDS)
        raise UserError(f"PostgreSQL did not start. Its log:\n{self._log_tail()}")

    def _execute(self, commands: str, variables: Mapping[str, str] | None = None, *options: str) -> None:
        done = self._psql(commands, variables, *options)
        if done.returncode != 0:
            raise UserError(f"PostgreSQL refused a command of the rehearsal: {done.stderr.strip()}")

    def _psql(
        self, commands: str, variables: Mapping[str, str] | None = None, *options: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname=postgres", *options],
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "PGHOST": str(self._path("socket")),
                "PGUSER": SUPERUSER,
                "PGPASSWORD": self._superuser_password,
                **(variables or {}),
            },
            input=commands,
            capture_output=True,
            text=True,
            check=False,
        )

    def _token_is_good(self, user: str, token: str) -> bool:
        return is_signed(token, user, self._hosts, self._secret_keys)

    def _log_tail(self) -> str:
        assert self._log is not None
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - LOG_TAIL_BYTES))
        return self._log.read().decode(errors="replace")

    def _stop(self) -> None:
        front, self._front = self._front, None
        process, self._process = self._process, None
        try:
            if front is not None:
                front.stop()
            if process is not None:
                _end(process)
        finally:
            if self._log is not None:
                self._log.close()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None


def _folder_for(owner: Mapping[str, Any]) -> Path:
    """Return a folder for temporary files in which the server can reach its own. Raises `UserError` without one."""
    usual = Path(tempfile.gettempdir())
    for folder in (usual, *SHARED_FOLDERS):
        if not owner or all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents) if each.exists()):
            return folder
    raise UserError(f"{usual}: PostgreSQL, which does not run as root, cannot reach it; let others search the folder")


def _owner() -> dict[str, Any]:
    """Return as whom the server is to run: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _give_to(owner: Mapping[str, Any], folder: Path) -> None:
    folder.chmod(0o711)
    if owner:
        # Copied programs too: it is the owner who clears the folder away, should we be killed.
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner["user"], owner["group"], follow_symlinks=False)


def _programs_for(owner: Mapping[str, Any], copies: Path) -> tuple[Path, Path]:
    """Return initdb and postgres, copied to where the owner may execute them unless that is so already."""
    initdb, postgres = program("initdb").resolve(), program("postgres").resolve()
    try:
        subprocess.run([postgres, "--version"], check=True, capture_output=True, cwd="/", **owner)
    except PermissionError:
        package = postgres.parents[2]
        installed = copies / package.name / postgres.parents[1].name
        for folder in ("bin", "lib", "share"):
            shutil.copytree(postgres.parents[1] / folder, installed / folder)
        # The libraries that a wheel brings along are beside its package.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copies / libraries.name)
        initdb, postgres = (installed / "bin" / each.name for each in (initdb, postgres))
    return initdb, postgres


def _server_side() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _show(context: ssl.SSLContext, authority: Authority, hosts: Sequence[str]) -> None:
    """Let new connections get a new certificate of the authority, for some names."""
    with tempfile.TemporaryDirectory(prefix="rehearsal-certificate-") as folder:
        authority.issue(hosts).write(Path(folder))
        context.load_cert_chain(Path(folder, "server.crt"), Path(folder, "server.key"))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the pipe, which ends the server, and make it end after the grace period."""
    try:
        assert process.stdin is not None
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_GRACE_SECONDS)
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the server as a machine's failure does: what it has not shipped is lost."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdin is not None
    process.stdin.close()
