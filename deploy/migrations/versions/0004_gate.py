"""The gate's tables: ledger, decisions with their inputs, changes, outbox."""

from alembic import op

from common.ledger_store import tables_ddl

revision = "0004_gate"
down_revision = "0003_forecast"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema."""
    op.execute("CREATE SCHEMA gate")
    for statement in tables_ddl("gate"):
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise RuntimeError("restore a backup instead of migrating down")
