"""The PostgreSQL servers behind the emulator's RDS: one for each environment, as RDS has an instance for each.

A server is started when the first application asks for it. Its master user and password are those that the emulator's
RDS put into Secrets Manager, its name the endpoint that the stack published. What RDS does to an instance happens to
its server: it is lost with its disk, and made anew from its backups (`emulator_database_instances`).
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_database_instances import Gone, Restored, announced, write_restorable
from generator.rehearsal.emulator_sessions import Session
from generator.rehearsal.postgresql import PostgreSql
from generator.rehearsal.running_programs import HOST

DATABASE = "application"
"""The database that the instance is made with (stack `database`)."""

Place = tuple[str, str]
"""An account, and the path of the parameters of its environment."""


class DatabaseServers:
    """Running servers, each known by its account and the path of its environment's parameters.

    A server stands where the endpoint of its environment's database leads, whichever instance has that name just now.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._servers: dict[Place, PostgreSql] = {}
        self._regions: dict[Place, str] = {}
        self._with_login: set[Place] = set()
        self._instances: dict[str, Place] = {}
        """Where each instance's server is, by the instance's resource id; also of instances that are gone."""
        self._running: set[str] = set()
        self._position = 0
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()

    def variables(self, parameter_path: str, session: Session) -> Mapping[str, str]:
        """Return what leads libpq to an environment's database; a role's session may log in with its tokens."""
        with self._lock:
            place = (session.account_id, parameter_path)
            server = self._servers.get(place)
            if server is None:
                endpoint = self._published(place, session.region, "endpoint")
                server = self._stack.enter_context(PostgreSql(sorted({"localhost", HOST, endpoint or HOST})))
                self._servers[place] = server
                self._regions[place] = session.region
            self._create_login(place, session.region, server)
            server.accept_tokens_of(session.credentials)
            return _libpq(server)

    def catch_up(self) -> None:
        """Give servers that clients asked for before there was an instance its name and its master user."""
        with self._lock:
            for place, server in self._servers.items():
                if place not in self._with_login:
                    self._create_login(place, self._regions[place], server)

    def master(self, account_id: str, region: str, parameter_path: str) -> Mapping[str, str]:
        """Return what leads libpq to an environment's database as its master user, as its operators reach it."""
        place = (account_id, parameter_path)
        with self._lock:
            user, password = self._master(place, region)
            login = {"PGUSER": user, "PGPASSWORD": password, "PGDATABASE": DATABASE}
            host = {"PGHOST": str(self._published(place, region, "endpoint"))}
            return {**_libpq(self._servers[place]), **host, **login}

    def ship_logs(self) -> None:
        """Let RDS ship the logs of all databases, as it does every five minutes."""
        with self._lock:
            for resource_id in self._running:
                self._servers[self._instances[resource_id]].ship_log()
            self._tell()

    def follow(self) -> None:
        """Let happen to servers what the emulator's RDS did to their instances meanwhile.

        Raises `UserError` where a server does not recover; its instance is then never available.
        """
        for event, position in list(announced(self._emulator.directory, self._position)):
            self._position = position
            with self._lock:
                if isinstance(event, Gone):
                    self._gone(event)
                else:
                    self._restored(event)
                self._tell()

    def stop(self) -> None:
        """End all servers; nothing of them is kept."""
        self._stack.close()

    def _gone(self, event: Gone) -> None:
        place = self._instances.get(event.resource_id)
        if place is None or event.resource_id not in self._running:
            return
        if not event.is_lost:
            # It runs on under its other name, where nobody looks for it; RDS goes on to ship its log.
            self._servers[place].ship_log()
        self._servers[place].lose()
        self._running.discard(event.resource_id)

    def _restored(self, event: Restored) -> None:
        place = self._instances[event.source_id]
        server = self._servers[place]
        server.restore(datetime.fromtimestamp(event.until, UTC))
        server.set_password(*self._master_of(place, event.region, event.resource_id))
        self._instances[event.resource_id] = place
        self._running.add(event.resource_id)

    def _tell(self) -> None:
        """Tell the emulator until when each instance can be restored, those included that are gone."""
        moments = {each: self._servers[place].restorable_until for each, place in self._instances.items()}
        write_restorable(self._emulator.directory, moments)

    def _create_login(self, place: Place, region: str, server: PostgreSql) -> None:
        """Make the master user, as soon as the emulator has an instance and a secret for it."""
        if place in self._with_login or self._published(place, region, "secret") is None:
            return
        server.answer_to(str(self._published(place, region, "endpoint")))
        server.create_login(*self._master(place, region), DATABASE)
        self._with_login.add(place)
        instance = self._instance(place, region)
        if instance is not None:
            self._instances[instance["DbiResourceId"]] = place
            self._running.add(instance["DbiResourceId"])
            self._tell()

    def _instance(self, place: Place, region: str) -> Mapping[str, Any] | None:
        """Return the instance to which an environment's endpoint leads."""
        endpoint = self._published(place, region, "endpoint")
        found = self._client("rds", place, region).describe_db_instances()["DBInstances"]
        return next((each for each in found if each["Endpoint"]["Address"] == endpoint), None)

    def _master(self, place: Place, region: str) -> tuple[str, str]:
        return self._login_in(place, region, self._published(place, region, "secret"))

    def _master_of(self, place: Place, region: str, resource_id: str) -> tuple[str, str]:
        """Return the master user and password of an instance: its own managed ones, or those of its environment."""
        found = self._client("rds", place, region).describe_db_instances()["DBInstances"]
        [instance] = [each for each in found if each["DbiResourceId"] == resource_id]
        managed = instance.get("MasterUserSecret", {}).get("SecretArn")
        return self._login_in(place, region, managed or self._published(place, region, "secret"))

    def _login_in(self, place: Place, region: str, secret_arn: str | None) -> tuple[str, str]:
        found = self._client("secretsmanager", place, region).get_secret_value(SecretId=secret_arn)
        master = json.loads(found["SecretString"])
        return master["username"], master["password"]

    def _published(self, place: Place, region: str, name: str) -> str | None:
        """Return what the database stack published under a name, or nothing where it has not come that far."""
        ssm = self._client("ssm", place, region)
        try:
            return str(ssm.get_parameter(Name=f"{place[1]}/database/{name}")["Parameter"]["Value"])
        except ssm.exceptions.ParameterNotFound:
            return None

    def _client(self, service: str, place: Place, region: str) -> Any:
        return self._emulator.client(service, place[0], region)


def _libpq(server: PostgreSql) -> dict[str, str]:
    return {
        "PGHOSTADDR": HOST,
        "PGPORT": str(server.port),
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(server.root_certificate),
    }
