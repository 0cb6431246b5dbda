"""The burnrate service's tables: ledger, counts, marks of counted events, snapshots, outbox."""

from alembic import op
from alembic.util import CommandError

revision = "0002_burnrate"
down_revision = "0001_catalog"
branch_labels = None
depends_on = None

LEDGER = (
    """CREATE TABLE burnrate.shard (
            shard integer PRIMARY KEY,
            epoch bigint NOT NULL,
            cluster_id text,
            owner text NOT NULL,
            updated_at timestamptz NOT NULL DEFAULT now())""",
    """CREATE TABLE burnrate.shard_offset (
            shard integer NOT NULL REFERENCES burnrate.shard,
            topic text NOT NULL,
            next_offset bigint NOT NULL CHECK (next_offset >= 0),
            applied_through timestamptz NOT NULL,
            PRIMARY KEY (shard, topic)) WITH (fillfactor = 50)""",
)

TABLES = (
    """CREATE TABLE burnrate.service (
        service text PRIMARY KEY,
        shard integer NOT NULL,
        slot integer NOT NULL,
        newest_at timestamptz NOT NULL,
        duplicates bigint NOT NULL DEFAULT 0,
        event_id_conflicts bigint NOT NULL DEFAULT 0,
        unidentified bigint NOT NULL DEFAULT 0,
        misrouted bigint NOT NULL DEFAULT 0,
        UNIQUE (shard, slot))""",
    # a row of 24 bytes for each slot: total, bad, longest report. Uncompressed and out of line, so
    # that a history reads the rows of one service alone
    """CREATE TABLE burnrate.count_block (
        shard integer NOT NULL,
        resolution_seconds integer NOT NULL,
        bucket_end timestamptz NOT NULL,
        counts bytea NOT NULL,
        PRIMARY KEY (shard, resolution_seconds, bucket_end)) WITH (fillfactor = 70)""",
    "ALTER TABLE burnrate.count_block ALTER counts SET STORAGE EXTERNAL",
    """CREATE TABLE burnrate.latency (
        resolution_seconds integer NOT NULL,
        service text NOT NULL,
        bucket_end timestamptz NOT NULL,
        bounds double precision[] NOT NULL,
        counts bigint[] NOT NULL,
        PRIMARY KEY (resolution_seconds, service, bucket_end, bounds)) WITH (fillfactor = 70)""",
    # 20 bytes for each counted event: 128 bits of its identity, 32 of its content
    """CREATE TABLE burnrate.mark (
        shard integer NOT NULL,
        hour timestamptz NOT NULL,
        part bigint GENERATED ALWAYS AS IDENTITY,
        marks bytea NOT NULL,
        PRIMARY KEY (shard, hour, part))""",
    "ALTER TABLE burnrate.mark ALTER marks SET STORAGE EXTERNAL",
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

OUTBOX = """CREATE TABLE burnrate.outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        dedup_key text NOT NULL UNIQUE,
        topic text NOT NULL,
        partition integer,
        key bytea,
        value bytea,
        headers jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now())"""


def upgrade() -> None:
    """Create the schema."""
    op.execute("CREATE SCHEMA burnrate")
    for statement in (*LEDGER, *TABLES, OUTBOX):
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
