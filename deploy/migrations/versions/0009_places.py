"""Who brought the name of a service, who has given its place back, and dead letters in sums."""

from alembic import op
from alembic.util import CommandError

revision = "0009_places"
down_revision = "0008_alerts_by_objective"
branch_labels = None
depends_on = None

SERVICE = """ALTER TABLE burnrate.service
    ADD COLUMN source text NOT NULL DEFAULT '',
    ADD COLUMN sender text NOT NULL DEFAULT '',
    ADD COLUMN released boolean NOT NULL DEFAULT false"""

# what is refused beyond the letters that are kept of one cause, by the hour
SUMS = """CREATE TABLE {schema}.dead_letter_sum (
    topic text NOT NULL,
    code text NOT NULL,
    sender text NOT NULL,
    hour timestamptz NOT NULL,
    records bigint NOT NULL,
    newest_at timestamptz NOT NULL,
    detail text NOT NULL,
    PRIMARY KEY (topic, code, sender, hour))"""


def upgrade() -> None:
    """Add the columns and the tables."""
    op.execute(SERVICE)
    for schema in ("burnrate", "gate"):
        op.execute(SUMS.format(schema=schema))


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
