"""What users have made milder: why, by whom, from what to what, and for how long it is shown."""

from alembic import op
from alembic.util import CommandError

revision = "0017_loosenings"
down_revision = "0016_indicators"
branch_labels = None
depends_on = None

# `before` and `after` are the object as data, to be put back or, once approved, into place
LOOSENINGS = """CREATE TABLE catalog.loosenings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject text NOT NULL,
    title text NOT NULL,
    services text[] NOT NULL,
    loosened jsonb NOT NULL,
    before jsonb,
    after jsonb,
    actor text NOT NULL,
    credential text NOT NULL,
    on_behalf_of text,
    reason text NOT NULL,
    loosened_at timestamptz NOT NULL,
    until timestamptz NOT NULL CHECK (until > loosened_at),
    approver text,
    approved_on_behalf_of text,
    state text NOT NULL CHECK (state IN ('pending', 'standing', 'ended', 'withdrawn')),
    ended_by text,
    ended_on_behalf_of text,
    ended_at timestamptz,
    end_reason text,
    revision bigint NOT NULL DEFAULT nextval('catalog.revision'),
    CHECK ((ended_at IS NOT NULL) = (state IN ('ended', 'withdrawn'))))"""

INDEXES = (
    "CREATE INDEX loosenings_by_subject ON catalog.loosenings (subject, id DESC)",
    "CREATE INDEX loosenings_of_service ON catalog.loosenings USING gin (services)",
)


def upgrade() -> None:
    """Create the table."""
    for statement in (LOOSENINGS, *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
