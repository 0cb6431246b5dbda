"""Which credential asked for an override: another one has to approve it."""

from alembic import op
from alembic.util import CommandError

revision = "0011_credentials_of_overrides"
down_revision = "0010_imported_dedup_keys"
branch_labels = None
depends_on = None

OVERRIDES = "ALTER TABLE catalog.overrides ADD COLUMN credential text NOT NULL DEFAULT ''"


def upgrade() -> None:
    """Add the column."""
    op.execute(OVERRIDES)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
