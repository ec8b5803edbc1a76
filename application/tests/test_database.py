"""Migrations, the rights of the application's login, and a database that comes late or goes for a moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from surroundings import Platform, Server, prepared, with_database

from generator.rehearsal.certificates import Authority
from generator.rehearsal.emulator import Emulator

PATIENCE_SECONDS = 60


@pytest.fixture
def unmigrated(emulator: Emulator, archive: Path, tmp_path: Path) -> Iterator[Platform]:
    with with_database(prepared(emulator, archive, tmp_path)) as made:
        yield made


def test_servers_may_migrate_all_at_once_and_again(unmigrated: Platform) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: unmigrated.migrate(), range(2)))
    assert [each.returncode for each in runs] == [0, 0], runs
    assert unmigrated.sql("SELECT count(*) FROM products") == "[(6,)]"
    assert sorted(each.suffix for each in unmigrated.images.iterdir()) == [".svg"] * 6
    unmigrated.sql("UPDATE products SET name = 'Renamed' WHERE id = 1")
    (unmigrated.images / "dune-bowl.svg").write_text("<svg/>")
    assert unmigrated.migrate().returncode == 0
    assert unmigrated.sql("SELECT name FROM products WHERE id = 1") == "[('Renamed',)]"
    assert (unmigrated.images / "dune-bowl.svg").read_text() == "<svg/>"


def test_a_server_serves_as_soon_as_somebody_has_migrated(unmigrated: Platform) -> None:
    with unmigrated.server() as server:
        assert server.ask("GET", "/api/products").status == 503
        assert unmigrated.migrate().returncode == 0
        _wait_for_products(server)


def test_connections_that_the_database_has_closed_are_no_error(platform: Platform, server: Server) -> None:
    assert server.ask("GET", "/api/products").status == 200
    closed = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'application'"
    assert platform.sql(closed) != "[(0,)]"
    assert server.ask("GET", "/api/products").status == 200


def test_d9_the_login_of_the_application_reads_products_and_no_more(platform: Platform) -> None:
    rights = platform.sql(
        "SELECT privilege_type FROM information_schema.role_table_grants"
        " WHERE grantee = 'application' AND table_schema = 'public'"
    )
    assert rights == "[('SELECT',)]"
    attributes = "rolsuper, rolcreaterole, rolcreatedb, rolpassword IS NULL"
    assert platform.sql(f"SELECT {attributes} FROM pg_roles WHERE rolname = 'application'").startswith(
        "[(False, False, False"
    )


def test_d9_operators_have_a_login_that_reads_products_and_no_more(platform: Platform) -> None:
    rights = platform.sql(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
        " WHERE grantee = 'operator' AND table_schema = 'public'"
    )
    assert rights == "[('products', 'SELECT')]"
    attributes = "rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolpassword IS NULL"
    login = platform.sql(f"SELECT {attributes} FROM pg_roles WHERE rolname = 'operator'")
    assert login.startswith("[(True, False, False, False")


def test_d9_without_a_token_of_iam_the_login_is_refused(platform: Platform) -> None:
    with platform.server(AWS_SECRET_ACCESS_KEY="another") as server:
        assert server.ask("GET", "/api/products").status == 503
        assert "PAM authentication failed" in server.log.read_text()


def test_d10_a_database_with_another_certificate_is_not_trusted(platform: Platform, tmp_path: Path) -> None:
    other = tmp_path / "other.crt"
    other.write_text(Authority("Somebody else").certificate)
    run = platform.migrate(PGSSLROOTCERT=str(other))
    assert run.returncode == 1
    assert "certificate verify failed" in run.stdout


def test_a_database_that_is_away_fails_the_migration_in_words(
    emulator: Emulator, archive: Path, tmp_path: Path
) -> None:
    run = prepared(emulator, archive, tmp_path).migrate()
    assert run.returncode == 1
    assert "the database does not answer" in run.stdout


@pytest.mark.parametrize("missing", ["SESSION_TABLE", "PARAMETER_PATH", "PRODUCT_IMAGES"])
def test_a_missing_variable_is_named(platform: Platform, missing: str) -> None:
    without = Platform(platform.emulator, platform.archive, platform.images, platform.folder)
    without.variables = {name: value for name, value in platform.variables.items() if name != missing}
    run = without.migrate()
    assert run.returncode != 0
    assert f"The environment variable {missing} is missing." in run.stderr


def _wait_for_products(server: Server) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while server.ask("GET", "/api/products").status != 200:
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.1)
