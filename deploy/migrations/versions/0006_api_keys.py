"""API keys: who may do what over HTTP."""

from alembic import op
from alembic.util import CommandError

revision = "0006_api_keys"
down_revision = "0005_alerts"
branch_labels = None
depends_on = None

STATEMENTS = (
    # `secrets` holds hashes only; a list of one or two, each with its times
    """CREATE TABLE catalog.api_keys (
        id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{12}$'),
        name text NOT NULL,
        scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
        secrets jsonb NOT NULL CHECK (jsonb_array_length(secrets) <= 2),
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz,
        revoked_at timestamptz,
        revoked_by text,
        revision bigint NOT NULL DEFAULT nextval('catalog.revision'),
        CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)))""",
    """CREATE UNIQUE INDEX api_keys_name_in_use ON catalog.api_keys (name)
        WHERE revoked_at IS NULL""",
)


def upgrade() -> None:
    """Create the table."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
