"""The PostgreSQL servers behind the emulator's RDS: one for each environment, as RDS has an instance for each.

A server is started when the first application asks for it. Its master user and password are those that the emulator's
RDS put into Secrets Manager, its name the endpoint that the stack published.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Mapping
from typing import Any

from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_sessions import Session
from generator.rehearsal.postgresql import PostgreSql
from generator.rehearsal.running_programs import HOST

DATABASE = "application"
"""The database that the instance is made with (stack `database`)."""


class DatabaseServers:
    """Running servers, each known by its account and the path of its environment's parameters."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._servers: dict[tuple[str, str], PostgreSql] = {}
        self._with_login: set[tuple[str, str]] = set()
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()

    def variables(self, parameter_path: str, session: Session) -> Mapping[str, str]:
        """Return what leads libpq to an environment's database; a role's session may log in with its tokens."""
        with self._lock:
            key = (session.account_id, parameter_path)
            server = self._servers.get(key)
            if server is None:
                endpoint = self._published(key, session.region, "endpoint")
                server = self._stack.enter_context(PostgreSql(sorted({"localhost", HOST, endpoint or HOST})))
                self._servers[key] = server
            self._create_login(key, session.region, server)
            server.accept_tokens_of(session.credentials)
            return {
                "PGHOSTADDR": HOST,
                "PGPORT": str(server.port),
                "PGSSLMODE": "verify-full",
                "PGSSLROOTCERT": str(server.root_certificate),
            }

    def stop(self) -> None:
        """End all servers; nothing of them is kept."""
        self._stack.close()

    def _create_login(self, key: tuple[str, str], region: str, server: PostgreSql) -> None:
        """Make the master user, as soon as the emulator has an instance and a secret for it."""
        secret_arn = self._published(key, region, "secret")
        if key in self._with_login or secret_arn is None:
            return
        found = self._client("secretsmanager", key, region).get_secret_value(SecretId=secret_arn)
        master = json.loads(found["SecretString"])
        server.create_login(master["username"], master["password"], DATABASE)
        self._with_login.add(key)

    def _published(self, key: tuple[str, str], region: str, name: str) -> str | None:
        """Return what the database stack published under a name, or nothing where it has not come that far."""
        ssm = self._client("ssm", key, region)
        try:
            return str(ssm.get_parameter(Name=f"{key[1]}/database/{name}")["Parameter"]["Value"])
        except ssm.exceptions.ParameterNotFound:
            return None

    def _client(self, service: str, key: tuple[str, str], region: str) -> Any:
        return self._emulator.client(service, key[0], region)
