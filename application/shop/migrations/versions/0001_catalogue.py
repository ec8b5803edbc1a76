"""The catalogue, and the login of the application, which may read the products and change nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# A login belongs to the server and may be there from an earlier life of the database.
LOGIN = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'application') THEN
        CREATE ROLE application LOGIN;
    END IF;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "products",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("price_cents", sa.Integer, sa.CheckConstraint("price_cents > 0"), nullable=False),
        sa.Column("image", sa.Text, nullable=False),
    )
    op.execute(LOGIN)
    op.execute("GRANT rds_iam TO application")
    op.execute("GRANT SELECT ON products TO application")
