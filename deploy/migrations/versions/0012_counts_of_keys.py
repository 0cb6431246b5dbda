"""How much one report that a key sends may count; null: as ingest's own setting says."""

from alembic import op
from alembic.util import CommandError

revision = "0012_counts_of_keys"
down_revision = "0011_credentials_of_overrides"
branch_labels = None
depends_on = None

API_KEYS = """ALTER TABLE catalog.api_keys ADD COLUMN max_count_per_report bigint
    CHECK (max_count_per_report > 0)"""


def upgrade() -> None:
    """Add the column."""
    op.execute(API_KEYS)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
