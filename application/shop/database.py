"""Connections to PostgreSQL on RDS, which may come later than we do, and go away for a while.

Where the database is, and what its master secret is, stands in SSM. The application logs in with a token of IAM, so
that it has no password; migrations log in as the master user. TLS is asked for by libpq's own variables (PGSSLMODE).
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine, event

from shop import aws
from shop.settings import Settings

APPLICATION_USER = "application"
CONNECT_TIMEOUT_SECONDS = 3
POOL_TIMEOUT_SECONDS = 3
RECYCLE_SECONDS = 1800
LONGEST_PAUSE_SECONDS = 8.0

Login = Callable[[], dict[str, Any]]


class UnavailableError(Exception):
    """The database does not answer, and was not asked again: too little time has passed."""


class Pauses:
    """Pauses between attempts to connect that double, so that a database in trouble is not stormed by its clients."""

    def __init__(self) -> None:
        self._pause = 0.0
        self._next_attempt = 0.0

    def check(self) -> None:
        if time.monotonic() < self._next_attempt:
            raise UnavailableError("The database did not answer a moment ago.")

    def failed(self) -> None:
        self._pause = min(LONGEST_PAUSE_SECONDS, self._pause * 2 or 0.5)
        self._next_attempt = time.monotonic() + self._pause

    def succeeded(self) -> None:
        self._pause = 0.0


def application_engine(settings: Settings) -> Engine:
    """Return the pool of the running application. It connects when first asked to, and has new tokens signed."""
    rds = aws.client("rds", settings.region)

    def login() -> dict[str, Any]:
        host = _parameter(settings, "endpoint")
        token = rds.generate_db_auth_token(host, settings.database_port, APPLICATION_USER, Region=settings.region)
        return {"host": host, "user": APPLICATION_USER, "password": token}

    return _engine(settings, login)


def master_engine(settings: Settings) -> Engine:
    """Return the pool of the master user, whose password RDS changes every week."""

    def login() -> dict[str, Any]:
        secrets = aws.client("secretsmanager", settings.region)
        secret = secrets.get_secret_value(SecretId=_parameter(settings, "secret"))["SecretString"]
        user = {"user": json.loads(secret)["username"], "password": json.loads(secret)["password"]}
        return {"host": _parameter(settings, "endpoint"), **user}

    return _engine(settings, login)


def _engine(settings: Settings, login: Login) -> Engine:
    engine = create_engine(
        "postgresql+psycopg://",
        pool_pre_ping=True,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_recycle=RECYCLE_SECONDS,
        connect_args={
            "dbname": settings.database_name,
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": f"shop-{settings.environment_name}",
        },
    )
    pauses = Pauses()

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
        pauses.check()
        try:
            connection = dialect.connect(*arguments, **parameters, **login())
        except Exception:
            pauses.failed()
            raise
        pauses.succeeded()
        return connection

    return engine


def _parameter(settings: Settings, name: str) -> str:
    ssm = aws.client("ssm", settings.region)
    return str(ssm.get_parameter(Name=f"{settings.parameter_path}/database/{name}")["Parameter"]["Value"])
