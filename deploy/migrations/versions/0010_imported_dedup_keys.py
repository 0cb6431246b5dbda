"""Dedup keys of imported events stay as long as events of that age may be imported."""

from alembic import op
from alembic.util import CommandError

revision = "0010_imported_dedup_keys"
down_revision = "0009_places"
branch_labels = None
depends_on = None

# a process of the version before writes and reads the keys of what may come again live
STATEMENTS = ("ALTER TABLE burnrate.mark ADD COLUMN imported boolean NOT NULL DEFAULT false",)


def upgrade() -> None:
    """Add the column."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
