"""Dead letters that can be read and sent again, in the schemas of those who found them."""

from alembic import op
from alembic.util import CommandError

from common.storage.dead_letter_store import dead_letter_ddl

revision = "0007_dead_letters"
down_revision = "0006_api_keys"
branch_labels = None
depends_on = None

# what users have done about a letter: the first time counts
REPLAY = """CREATE TABLE catalog.dead_letter_replay (
    letter_id text PRIMARY KEY,
    replayed_at timestamptz NOT NULL,
    replayed_by text NOT NULL,
    corrected boolean NOT NULL)"""


def upgrade() -> None:
    """Create the letters' tables, and that of their replays."""
    for schema in ("burnrate", "gate"):
        for statement in dead_letter_ddl(schema):
            op.execute(statement)
    op.execute(REPLAY)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
