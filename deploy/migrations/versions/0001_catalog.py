"""Schema `catalog`: what the users want. Written by the API gateway only."""

from alembic import op
from alembic.util import CommandError

revision = "0001_catalog"
down_revision = None
branch_labels = None
depends_on = None

SERVICES = """CREATE TABLE catalog.services (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    tier smallint NOT NULL CHECK (tier BETWEEN 1 AND 3),
    owner text NOT NULL,
    description text,
    revision bigint NOT NULL DEFAULT nextval('catalog.revision'),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz)"""

TARGETS = """CREATE TABLE catalog.slo_targets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service_id bigint NOT NULL REFERENCES catalog.services (id),
    name text NOT NULL,
    sli_type text NOT NULL CHECK (sli_type IN ('availability', 'latency', 'error_rate')),
    objective numeric NOT NULL CHECK (objective > 0 AND objective < 1),
    window_days integer NOT NULL CHECK (window_days > 0),
    threshold_seconds double precision CHECK (threshold_seconds > 0),
    max_error_ratio numeric,
    min_bad_events bigint NOT NULL DEFAULT 1 CHECK (min_bad_events >= 0),
    revision bigint NOT NULL DEFAULT nextval('catalog.revision'),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    CHECK ((sli_type = 'latency') = (threshold_seconds IS NOT NULL)),
    CHECK ((sli_type = 'error_rate') = (max_error_ratio IS NOT NULL)))"""

NAME_IN_USE = """CREATE UNIQUE INDEX services_name_in_use ON catalog.services (name)
    WHERE retired_at IS NULL"""

# the history of a name: whether it was ever known, and its newest revision
NAME_REVISION = """CREATE INDEX services_name_revision
    ON catalog.services (name, revision DESC)"""

TARGET_NAME_IN_USE = """CREATE UNIQUE INDEX slo_targets_name_in_use
    ON catalog.slo_targets (service_id, name) WHERE retired_at IS NULL"""

TARGET_DEFINITION_IN_USE = """CREATE UNIQUE INDEX slo_targets_definition_in_use
    ON catalog.slo_targets
    (service_id, sli_type, objective, window_days, coalesce(threshold_seconds, 0))
    WHERE retired_at IS NULL"""

OUTBOX = """CREATE TABLE catalog.outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        dedup_key text NOT NULL UNIQUE,
        topic text NOT NULL,
        partition integer,
        key bytea,
        value bytea,
        headers jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now())"""

INDEXES = (NAME_IN_USE, NAME_REVISION, TARGET_NAME_IN_USE, TARGET_DEFINITION_IN_USE)


def upgrade() -> None:
    """Create the schema, the two tables, one revision sequence for both, and the outbox."""
    op.execute("CREATE SCHEMA catalog")
    op.execute("CREATE SEQUENCE catalog.revision")
    for statement in (SERVICES, TARGETS, *INDEXES, OUTBOX):
        op.execute(statement)


def downgrade() -> None:
    """Refuse: it would drop what users declared."""
    raise CommandError("migrations go forward only: restore a backup instead")
