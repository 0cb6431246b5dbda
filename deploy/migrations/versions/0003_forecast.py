"""The forecast service's tables: who holds a shard, and the newest forecasts."""

from alembic import op
from alembic.util import CommandError

from common.ledger.store import tables_ddl

revision = "0003_forecast"
down_revision = "0002_burnrate"
branch_labels = None
depends_on = None

FORECAST = """CREATE TABLE forecast.forecast (
    service text PRIMARY KEY,
    shard integer NOT NULL,
    epoch bigint NOT NULL,
    evaluated_at timestamptz NOT NULL,
    payload jsonb NOT NULL)"""


def upgrade() -> None:
    """Create the schema."""
    op.execute("CREATE SCHEMA forecast")
    for statement in (*tables_ddl("forecast"), FORECAST):
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
