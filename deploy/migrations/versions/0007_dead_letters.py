"""Dead letters that can be read and sent again, in the schemas of those who found them."""

from alembic import op
from alembic.util import CommandError

revision = "0007_dead_letters"
down_revision = "0006_api_keys"
branch_labels = None
depends_on = None

LETTERS = (
    """CREATE TABLE {schema}.dead_letter (
            id text PRIMARY KEY,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            code text NOT NULL,
            field text NOT NULL,
            detail text NOT NULL,
            topic text NOT NULL,
            partition integer NOT NULL,
            record_offset bigint NOT NULL,
            appended_at timestamptz NOT NULL,
            key bytea,
            value bytea,
            value_bytes bigint,
            correlation_id text)""",
    "CREATE INDEX dead_letter_newest ON {schema}.dead_letter (recorded_at DESC, id DESC)",
)

# what users have done about a letter: the first time counts
REPLAY = """CREATE TABLE catalog.dead_letter_replay (
    letter_id text PRIMARY KEY,
    replayed_at timestamptz NOT NULL,
    replayed_by text NOT NULL,
    corrected boolean NOT NULL)"""


def upgrade() -> None:
    """Create the letters' tables, and that of their replays."""
    for schema in ("burnrate", "gate"):
        for statement in LETTERS:
            op.execute(statement.format(schema=schema))
    op.execute(REPLAY)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
