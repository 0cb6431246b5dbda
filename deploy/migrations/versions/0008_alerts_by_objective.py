"""An alert belongs to a service, a rule and an objective; it knows the figures of its firing."""

from alembic import op
from alembic.util import CommandError

revision = "0008_alerts_by_objective"
down_revision = "0007_dead_letters"
branch_labels = None
depends_on = None

STATEMENTS = (
    # NULL is the service as a whole; a process of the version before writes no other
    """ALTER TABLE alerts.episode ADD COLUMN slo text, ADD COLUMN figures_at_firing jsonb,
        ADD COLUMN explained_level text, ADD COLUMN notified_burn_rate double precision""",
    "UPDATE alerts.episode SET slo = annotations ->> 'slo' WHERE annotations ? 'slo'",
    "DROP INDEX alerts.episode_open",
    """CREATE UNIQUE INDEX episode_open ON alerts.episode (service_name, rule, coalesce(slo, ''))
        WHERE resolved_at IS NULL""",
)


def upgrade() -> None:
    """Add the columns, and allow one open episode for each objective."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
