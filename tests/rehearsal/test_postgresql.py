"""The rehearsal's PostgreSQL lets in whom RDS would, and nothing of it stays behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from generator.errors import UserError
from generator.rehearsal import postgresql, programs
from generator.rehearsal.certificates import Authority
from generator.rehearsal.postgresql import PostgreSql

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / ".venv-application/bin/python"
"""The environment of the sample application has a client of PostgreSQL."""
HOST = "database.example.com"
PASSWORD = 'it\'s "secret"'
STEPS = """
import json, psycopg, sys
for login, statement in json.load(sys.stdin):
    try:
        with psycopg.connect(**login, connect_timeout=10) as connection:
            done = connection.execute(statement)
            print(json.dumps(done.fetchone() if done.description else "done"))
    except psycopg.Error as error:
        print(json.dumps(str(error)))
"""


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSql]:
    with PostgreSql(hosts=[HOST, "127.0.0.1"]) as started:
        started.create_login("dbmaster", PASSWORD, "application")
        made = execute(login(started), "CREATE ROLE application LOGIN", "GRANT rds_iam TO application")
        assert made == ["done", "done"]
        yield started


def login(database: PostgreSql, **changed: Any) -> dict[str, Any]:
    return {
        "host": HOST,
        "hostaddr": "127.0.0.1",
        "port": database.port,
        "dbname": "application",
        "user": "dbmaster",
        "password": PASSWORD,
        "sslmode": "verify-full",
        "sslrootcert": str(database.root_certificate),
    } | changed


def execute(as_whom: dict[str, Any], *statements: str) -> list[Any]:
    return outcomes([(as_whom, each) for each in statements])


def outcomes(steps: list[tuple[dict[str, Any], str]]) -> list[Any]:
    """Log in and execute, each step for itself; return the first row, "done", or the error of each."""
    run = subprocess.run([CLIENT, "-c", STEPS], input=json.dumps(steps), stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def token(secret_key: str = "signs", host: str = HOST, user: str = "application") -> str:
    rds = boto3.client("rds", "eu-west-1", aws_access_key_id="known", aws_secret_access_key=secret_key)
    return str(rds.generate_db_auth_token(host, 5432, user))


def test_the_master_user_owns_its_database_and_is_no_superuser(database: PostgreSql) -> None:
    asked = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert execute(login(database), asked, owner) == [[False, True, True], ["dbmaster"]]


def test_d10_nobody_comes_in_without_tls_or_with_a_wrong_idea_of_who_this_is(
    database: PostgreSql, tmp_path: Path
) -> None:
    other = tmp_path / "other.crt"
    other.write_text(Authority("Somebody else").certificate)
    refused = {
        "no encryption": login(database, sslmode="disable"),
        'certificate for "database.example.com"': login(database, host="other.example.com"),
        "certificate verify failed": login(database, sslrootcert=str(other)),
        'password authentication failed for user "dbmaster"': login(database, password="wrong"),
        'password authentication failed for user "rdsadmin"': login(database, user="rdsadmin", dbname="postgres"),
    }
    complaints = outcomes([(each, "SELECT 1") for each in refused.values()])
    for expected, complaint in zip(refused, complaints, strict=True):
        assert expected in complaint
    assert outcomes([(login(database, host="127.0.0.1"), "SELECT 1")]) == [[1]]


def test_d9_a_member_of_rds_iam_comes_in_with_a_token_of_known_credentials_alone(database: PostgreSql) -> None:
    database.accept_tokens_of({"AccessKeyId": "known", "SecretAccessKey": "signs", "SessionToken": "any"})
    presented = {
        "its own": token(),
        "another's signature": token(secret_key="guessed"),
        "for another database": token(host="other.example.com"),
        "of another user": token(user="dbmaster"),
        "a password": PASSWORD,
        "nothing": "",
    }
    steps = [(login(database, user="application", password=each), "SELECT current_user") for each in presented.values()]
    found = dict(zip(presented, outcomes(steps), strict=True))
    assert found.pop("its own") == ["application"]
    for name, complaint in found.items():
        assert "authentication failed" in complaint or "no password supplied" in complaint, name


def test_large_values_pass_both_ways(database: PostgreSql) -> None:
    sent = "x" * 3_000_000
    assert execute(login(database), f"SELECT length('{sent}')", "SELECT repeat('x', 3000000)") == [[3_000_000], [sent]]


@pytest.fixture(scope="module")
def running() -> Iterator[PostgreSql]:
    with PostgreSql(hosts=[HOST, "127.0.0.1"]) as started:
        started.create_login("dbmaster", PASSWORD, "application")
        execute(login(started), "CREATE TABLE orders (number int)")
        yield started


@pytest.fixture
def shop(running: PostgreSql) -> PostgreSql:
    """One that can be lost, without any orders."""
    execute(login(running), "DELETE FROM orders")
    return running


def orders(database: PostgreSql) -> list[int]:
    [[found]] = execute(login(database), "SELECT array_agg(number ORDER BY number) FROM orders")
    return list(found or ())


def order(database: PostgreSql, number: int) -> None:
    assert execute(login(database), f"INSERT INTO orders VALUES ({number})") == ["done"]


def test_d10_what_was_shipped_is_restored_and_what_was_not_is_lost(shop: PostgreSql) -> None:
    port = shop.port
    order(shop, 1)
    moment = datetime.now(UTC)
    order(shop, 2)
    shipped = shop.ship_log()
    assert shop.restorable_until == shipped
    order(shop, 3)
    shop.lose()
    [refused] = execute(login(shop), "SELECT 1")
    assert "connection failed" in refused
    shop.restore(shipped)
    assert shop.port == port, "clients find it where it was"
    assert orders(shop) == [1, 2]
    order(shop, 4)
    shop.ship_log()
    shop.restore(moment)
    assert orders(shop) == [1], "an earlier moment, after another restore"


def test_a_restored_instance_is_restored_again(shop: PostgreSql) -> None:
    for number in (1, 2):
        order(shop, number)
        shop.restore(shop.ship_log())
    assert orders(shop) == [1, 2]


def test_a_restored_instance_gets_another_master_password(shop: PostgreSql) -> None:
    shop.restore(shop.ship_log())
    shop.set_password("dbmaster", "an'other")
    found = outcomes([(login(shop, password="an'other"), "SELECT 1"), (login(shop), "SELECT 1")])
    shop.set_password("dbmaster", PASSWORD)
    assert found[0] == [1]
    assert "password authentication failed" in found[1]


def test_nothing_stays_behind_of_an_instance_that_was_lost() -> None:
    with PostgreSql() as started:
        assert started.restorable_until is None, "its log was never shipped"
        folder = started.root_certificate.parent
        pid = int((folder / "data/postmaster.pid").read_text().splitlines()[0])
        started.lose()
        assert not Path(f"/proc/{pid}").exists()
    assert not folder.exists()


def test_nothing_stays_behind() -> None:
    with PostgreSql() as started:
        folder = started.root_certificate.parent
        pid = int((folder / "data/postmaster.pid").read_text().splitlines()[0])
    assert not folder.exists()
    assert not Path(f"/proc/{pid}").exists()


def test_programs_that_the_server_cannot_reach_are_copied_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root's own folders are closed to the user as whom PostgreSQL then runs. What that user clears away is its own."""
    postgres = programs.program("postgres").resolve()
    package = postgres.parents[2]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for folder in package.parent.glob(f"{package.name}*"):
        if folder.suffix in ("", ".libs"):
            shutil.copytree(folder, closed / folder.name)
    binaries = closed / postgres.parent.relative_to(package.parent)
    monkeypatch.setattr(postgresql, "program", lambda name: binaries / name)
    with PostgreSql() as started:
        folder = started.root_certificate.parent
        assert (folder / "programs").is_dir() == (os.geteuid() == 0)
        assert {path.lstat().st_uid for path in folder.rglob("*")} == {folder.stat().st_uid}
    assert not folder.exists()


def test_nothing_stays_behind_after_its_starter_was_killed() -> None:
    program = (
        "import time\n"
        "from generator.rehearsal.postgresql import PostgreSql\n"
        "with PostgreSql() as started:\n"
        "    print(started.root_certificate.parent, flush=True)\n"
        "    time.sleep(600)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert starter.stdout is not None
    folder = Path(starter.stdout.readline().strip())
    assert folder.is_dir()
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    for _ in range(600):
        if not folder.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{folder} is still there")


def test_a_server_that_does_not_start_is_an_error_with_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgresql.SETTINGS, "no_such_setting", "1")
    with pytest.raises(UserError, match=r"PostgreSQL did not start[\s\S]*no_such_setting"), PostgreSql():
        pass


def test_it_is_used_in_a_with_statement() -> None:
    with pytest.raises(RuntimeError, match="use it in a with statement"):
        _ = PostgreSql().port
