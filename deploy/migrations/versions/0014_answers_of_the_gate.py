"""What tells what the gate answered: when overrides were used up, and decisions not confirmed."""

from alembic import op
from alembic.util import CommandError

revision = "0014_answers_of_the_gate"
down_revision = "0013_credentials_act"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE catalog.overrides ADD COLUMN last_used_at timestamptz",
    """UPDATE catalog.overrides AS o SET last_used_at = a.at
    FROM (SELECT subject, max(at) AS at FROM catalog.audit
        WHERE action = 'override.used' GROUP BY subject) AS a
    WHERE a.subject = 'override/' || o.id""",
    # when the decision before this one had expired; null where it held until this one
    "ALTER TABLE gate.decision ADD COLUMN previous_until timestamptz",
    # when all decisions of the shard were last published
    "ALTER TABLE gate.shard ADD COLUMN published_at timestamptz",
)


def upgrade() -> None:
    """Add the columns."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
