"""Who writes is the credential; a name that was typed stands beside it.

Rows from before keep the typed name where the credential stands now, and nothing beside it: the
credential of those is in the details of their audit entries, which nobody can write anew.
"""

from alembic import op
from alembic.util import CommandError

revision = "0013_credentials_act"
down_revision = "0012_counts_of_keys"
branch_labels = None
depends_on = None

COLUMNS = (
    "ALTER TABLE catalog.audit ADD COLUMN credential text, ADD COLUMN on_behalf_of text",
    """ALTER TABLE catalog.overrides
        ADD COLUMN on_behalf_of text,
        ADD COLUMN approved_on_behalf_of text,
        ADD COLUMN ended_on_behalf_of text""",
    """ALTER TABLE catalog.silences
        ADD COLUMN on_behalf_of text,
        ADD COLUMN expired_on_behalf_of text""",
    "ALTER TABLE catalog.acknowledgements ADD COLUMN on_behalf_of text",
    "ALTER TABLE catalog.dead_letter_replay ADD COLUMN replayed_on_behalf_of text",
    "ALTER TABLE alerts.episode ADD COLUMN acknowledged_on_behalf_of text",
    "ALTER TABLE alerts.transition ADD COLUMN on_behalf_of text",
)


def upgrade() -> None:
    """Add the columns."""
    for statement in COLUMNS:
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
