"""The burnrate service's tables: ledger, counts, marks of counted events, snapshots, outbox."""

from alembic import op

from common.ledger_store import tables_ddl
from common.outbox import table_ddl

revision = "0002_burnrate"
down_revision = "0001_catalog"
branch_labels = None
depends_on = None

TABLES = (
    """CREATE TABLE burnrate.service (
        service text PRIMARY KEY,
        shard integer NOT NULL,
        newest_at timestamptz NOT NULL,
        duplicates bigint NOT NULL DEFAULT 0,
        event_id_conflicts bigint NOT NULL DEFAULT 0,
        unidentified bigint NOT NULL DEFAULT 0,
        misrouted bigint NOT NULL DEFAULT 0)""",
    "CREATE INDEX service_shard ON burnrate.service (shard)",
    """CREATE TABLE burnrate.count (
        resolution_seconds integer NOT NULL,
        service text NOT NULL,
        bucket_end timestamptz NOT NULL,
        total bigint NOT NULL,
        bad bigint NOT NULL,
        window_seconds integer NOT NULL,
        PRIMARY KEY (resolution_seconds, service, bucket_end)) WITH (fillfactor = 70)""",
    """CREATE TABLE burnrate.latency (
        resolution_seconds integer NOT NULL,
        service text NOT NULL,
        bucket_end timestamptz NOT NULL,
        bounds double precision[] NOT NULL,
        counts bigint[] NOT NULL,
        PRIMARY KEY (resolution_seconds, service, bucket_end, bounds)) WITH (fillfactor = 70)""",
    """CREATE TABLE burnrate.mark (
        shard integer NOT NULL,
        identity bytea NOT NULL,
        content bytea NOT NULL,
        hour timestamptz NOT NULL,
        PRIMARY KEY (shard, identity))""",
    "CREATE INDEX mark_hour ON burnrate.mark (shard, hour)",
    """CREATE TABLE burnrate.import_line (
        shard integer NOT NULL,
        import_id text NOT NULL,
        lane text NOT NULL,
        line bigint NOT NULL,
        PRIMARY KEY (shard, import_id, lane))""",
    """CREATE TABLE burnrate.snapshot (
        service text PRIMARY KEY,
        shard integer NOT NULL,
        epoch bigint NOT NULL,
        evaluated_at timestamptz NOT NULL,
        payload jsonb NOT NULL)""",
)


def upgrade() -> None:
    """Create the schema."""
    op.execute("CREATE SCHEMA burnrate")
    for statement in (*tables_ddl("burnrate"), *TABLES, table_ddl("burnrate")):
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise RuntimeError("restore a backup instead of migrating down")
