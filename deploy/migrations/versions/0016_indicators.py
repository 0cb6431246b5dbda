"""Which of a service's indicators a target is held against."""

from alembic import op
from alembic.util import CommandError

revision = "0016_indicators"
down_revision = "0015_senders_of_changes"
branch_labels = None
depends_on = None

TARGETS = "ALTER TABLE catalog.slo_targets ADD COLUMN indicator text NOT NULL DEFAULT 'default'"

# the same may be promised of several indicators
DROP_DEFINITION_IN_USE = "DROP INDEX catalog.slo_targets_definition_in_use"
DEFINITION_IN_USE = """CREATE UNIQUE INDEX slo_targets_definition_in_use
    ON catalog.slo_targets
    (service_id, indicator, sli_type, objective, window_days, coalesce(threshold_seconds, 0))
    WHERE retired_at IS NULL"""


def upgrade() -> None:
    """Add the column, and make it part of what a target measures."""
    for statement in (TARGETS, DROP_DEFINITION_IN_USE, DEFINITION_IN_USE):
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
