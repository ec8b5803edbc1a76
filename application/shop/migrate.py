"""Bring database and images up to date: schema, login, products, pictures. Several servers may do so at once.

Exit codes: 0 everything is there, 1 the database does not answer (yet): then it is to be tried again.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from shop.catalogue import PRODUCTS
from shop.database import master_engine
from shop.product_pictures import picture
from shop.settings import Settings
from shop.telemetry import log_to_stdout

LOCK = 7_205_311  # any number, as long as nobody else takes it for an advisory lock of this database
HERE = Path(__file__).parent

log = logging.getLogger("shop.migrate")


def main() -> int:
    log_to_stdout()
    settings = Settings.read()
    products = json.loads((HERE / "products.json").read_text(encoding="utf-8"))
    draw(settings.product_images, products)
    try:
        migrate(master_engine(settings), products)
    except (BotoCoreError, ClientError, OperationalError) as error:
        log.warning("the database does not answer", extra={"error": f"{type(error).__name__}: {error}"})
        return 1
    log.info("schema, products and pictures are up to date")
    return 0


def migrate(engine: Engine, products: list[dict[str, Any]]) -> None:
    """Migrate and seed in one transaction, under a lock that ends with it."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(HERE / "migrations"))
        command.upgrade(config, "head")
        seed(connection, products)


def seed(connection: Connection, products: list[dict[str, Any]]) -> None:
    """Add the products that are missing; what somebody has changed stays as it is."""
    rows = [{column.name: product[column.name] for column in PRODUCTS.columns} for product in products]
    connection.execute(insert(PRODUCTS).on_conflict_do_nothing(), rows)


def draw(folder: Path, products: list[dict[str, Any]]) -> None:
    """Add the pictures that are missing. Each appears whole or not at all, whoever else writes it."""
    for product in products:
        file = folder / product["image"]
        if not file.exists():
            part = file.with_name(f".{file.name}.{os.uname().nodename}.{os.getpid()}")
            part.write_text(picture(product), encoding="utf-8")
            part.replace(file)


if __name__ == "__main__":
    raise SystemExit(main())
