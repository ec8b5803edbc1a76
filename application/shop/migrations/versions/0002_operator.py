"""The login of operators, who come from the bastion with a token of their role, and may look at the products."""

from alembic import op

revision = "0002"
down_revision = "0001"

# A login belongs to the server and may be there from an earlier life of the database.
LOGIN = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'operator') THEN
        CREATE ROLE operator LOGIN;
    END IF;
END $$
"""


def upgrade() -> None:
    op.execute(LOGIN)
    op.execute("GRANT rds_iam TO operator")
    op.execute("GRANT SELECT ON products TO operator")
