"""The products, in PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, Row, Table, Text, select

METADATA = MetaData()
PRODUCTS = Table(
    "products",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("price_cents", Integer, nullable=False),
    Column("image", Text, nullable=False),
)


def products(connection: Connection) -> list[dict[str, Any]]:
    return [_public(row) for row in connection.execute(select(PRODUCTS).order_by(PRODUCTS.c.id))]


def product(connection: Connection, product_id: int) -> dict[str, Any] | None:
    row = connection.execute(select(PRODUCTS).where(PRODUCTS.c.id == product_id)).one_or_none()
    return _public(row) if row else None


def _public(row: Row[Any]) -> dict[str, Any]:
    return {**row._mapping, "image": f"/product-images/{row.image}"}
