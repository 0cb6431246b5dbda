"""The alerts service's tables: ledger, episodes, notifications, outbox."""

from alembic import op

from common.ledger_store import tables_ddl

revision = "0005_alerts"
down_revision = "0004_gate"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema."""
    op.execute("CREATE SCHEMA alerts")
    for statement in tables_ddl("alerts"):
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise RuntimeError("restore a backup instead of migrating down")
