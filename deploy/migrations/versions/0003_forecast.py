"""The forecast service's tables: who holds a shard, and the newest forecasts."""

from alembic import op
from alembic.util import CommandError

revision = "0003_forecast"
down_revision = "0002_burnrate"
branch_labels = None
depends_on = None

LEDGER = (
    """CREATE TABLE forecast.shard (
            shard integer PRIMARY KEY,
            epoch bigint NOT NULL,
            cluster_id text,
            owner text NOT NULL,
            updated_at timestamptz NOT NULL DEFAULT now())""",
    """CREATE TABLE forecast.shard_offset (
            shard integer NOT NULL REFERENCES forecast.shard,
            topic text NOT NULL,
            next_offset bigint NOT NULL CHECK (next_offset >= 0),
            applied_through timestamptz NOT NULL,
            PRIMARY KEY (shard, topic)) WITH (fillfactor = 50)""",
)

FORECAST = """CREATE TABLE forecast.forecast (
    service text PRIMARY KEY,
    shard integer NOT NULL,
    epoch bigint NOT NULL,
    evaluated_at timestamptz NOT NULL,
    payload jsonb NOT NULL)"""


def upgrade() -> None:
    """Create the schema."""
    op.execute("CREATE SCHEMA forecast")
    for statement in (*LEDGER, FORECAST):
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
