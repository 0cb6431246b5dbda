"""Which credential a change was taken from."""

from alembic import op
from alembic.util import CommandError

revision = "0015_senders_of_changes"
down_revision = "0014_answers_of_the_gate"
branch_labels = None
depends_on = None

CHANGES = "ALTER TABLE gate.changes ADD COLUMN sender text NOT NULL DEFAULT ''"


def upgrade() -> None:
    """Add the column."""
    op.execute(CHANGES)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
