"""The gate's tables: ledger, decisions with their inputs, changes, outbox.

What users want of the gate stands in schema `catalog`, as all that they want: overrides, policies,
and the audit of both.
"""

import os

from alembic import op
from alembic.util import CommandError

revision = "0004_gate"
down_revision = "0003_forecast"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema."""
    op.execute("CREATE SCHEMA gate")
    for statement in (*LEDGER, *TABLES, OUTBOX):
        op.execute(statement)
    for statement in (OVERRIDES, *OVERRIDE_INDEXES, POLICIES, AUDIT, *AUDIT_PROTECTION):
        op.execute(statement)
    if role := os.environ.get("BURNLINE_AUDIT_ROLE"):
        _may_only_append(role)


def _may_only_append(role: str) -> None:
    """Take from the services' role what would change the audit; the rest it has by other grants.

    For services that connect as another role than the migrations, which own the tables.
    """
    quoted = op.get_bind().dialect.identifier_preparer.quote_identifier(role)
    op.execute(f"REVOKE ALL ON catalog.audit FROM PUBLIC, {quoted}")
    op.execute(f"GRANT SELECT, INSERT ON catalog.audit TO {quoted}")


LEDGER = (
    """CREATE TABLE gate.shard (
            shard integer PRIMARY KEY,
            epoch bigint NOT NULL,
            cluster_id text,
            owner text NOT NULL,
            updated_at timestamptz NOT NULL DEFAULT now())""",
    """CREATE TABLE gate.shard_offset (
            shard integer NOT NULL REFERENCES gate.shard,
            topic text NOT NULL,
            next_offset bigint NOT NULL CHECK (next_offset >= 0),
            applied_through timestamptz NOT NULL,
            PRIMARY KEY (shard, topic)) WITH (fillfactor = 50)""",
)

TABLES = (
    # the canonical text that the hash is of, so that a decision can be made again
    """CREATE TABLE gate.policy (
        hash text PRIMARY KEY,
        name text NOT NULL,
        document jsonb NOT NULL,
        first_used_at timestamptz NOT NULL)""",
    # `decision` is the event as it was first published, `inputs` all that it was made of
    """CREATE TABLE gate.decision (
        decision_id text PRIMARY KEY,
        service text NOT NULL,
        shard integer NOT NULL,
        epoch bigint NOT NULL,
        decided_at timestamptz NOT NULL,
        policy_hash text NOT NULL REFERENCES gate.policy,
        decision jsonb NOT NULL,
        inputs jsonb NOT NULL)""",
    "CREATE INDEX decision_of_service ON gate.decision (service, decision_id DESC)",
    "CREATE INDEX decision_by_age ON gate.decision (decided_at)",
    # the newest decision of each service
    """CREATE TABLE gate.standing (
        service text PRIMARY KEY,
        shard integer NOT NULL,
        epoch bigint NOT NULL,
        decided_at timestamptz NOT NULL,
        decision_id text NOT NULL REFERENCES gate.decision) WITH (fillfactor = 70)""",
    "CREATE INDEX standing_of_shard ON gate.standing (shard)",
    # `identity` is the hash of what names a change; the first content of an identity stays
    """CREATE TABLE gate.changes (
        identity bytea PRIMARY KEY,
        service text NOT NULL,
        at timestamptz NOT NULL,
        kind text NOT NULL,
        version text NOT NULL,
        actor text NOT NULL,
        url text NOT NULL,
        note text NOT NULL,
        source text NOT NULL,
        event_id text NOT NULL,
        appended_at timestamptz NOT NULL)""",
    "CREATE INDEX changes_of_service ON gate.changes (service, at DESC, identity)",
    "CREATE INDEX changes_by_time ON gate.changes (at DESC, identity)",
)

OUTBOX = """CREATE TABLE gate.outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        dedup_key text NOT NULL UNIQUE,
        topic text NOT NULL,
        partition integer,
        key bytea,
        value bytea,
        headers jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now())"""

OVERRIDES = """CREATE TABLE catalog.overrides (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service_name text NOT NULL,
    decision text NOT NULL CHECK (decision IN ('ALLOW', 'WARN', 'BLOCK')),
    actor text NOT NULL,
    reason text NOT NULL CHECK (length(reason) >= 10),
    ticket text,
    version text,
    change_class text CHECK (change_class IN ('feature', 'fix', 'security', 'rollback')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    max_uses integer CHECK (max_uses > 0),
    uses integer NOT NULL DEFAULT 0 CHECK (uses >= 0),
    approver text CHECK (approver <> actor),
    state text NOT NULL CHECK (state IN ('pending', 'active', 'revoked', 'replaced')),
    ended_by text,
    ended_at timestamptz,
    end_reason text,
    idempotency_key text,
    revision bigint NOT NULL DEFAULT nextval('catalog.revision'),
    CHECK (uses <= max_uses),
    CHECK ((ended_at IS NOT NULL) = (state IN ('revoked', 'replaced'))))"""

OVERRIDE_INDEXES = (
    "CREATE INDEX overrides_of_service ON catalog.overrides (service_name, id DESC)",
    """CREATE INDEX overrides_to_end ON catalog.overrides (expires_at)
    WHERE state IN ('pending', 'active')""",
    """CREATE UNIQUE INDEX overrides_idempotency ON catalog.overrides
    (service_name, idempotency_key) WHERE idempotency_key IS NOT NULL""",
)

POLICIES = """CREATE TABLE catalog.policies (
    name text PRIMARY KEY,
    hash text NOT NULL,
    document json NOT NULL,
    revision bigint NOT NULL DEFAULT nextval('catalog.revision'),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz)"""

# type json, not jsonb: the details are kept as the text that the hash was made of
AUDIT = """CREATE TABLE catalog.audit (
    id bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    service_name text,
    details json NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL)"""

AUDIT_PROTECTION = (
    "CREATE INDEX audit_of_service ON catalog.audit (service_name, id DESC)",
    # the newest entry: locked by the one who writes the next, and tells that none is missing
    """CREATE TABLE catalog.audit_head (
        one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
        id bigint NOT NULL,
        hash text NOT NULL)""",
    (
        "INSERT INTO catalog.audit_head (id, hash) VALUES "
        "(0, '0000000000000000000000000000000000000000000000000000000000000000')"
    ),
    """CREATE FUNCTION catalog.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
    END $$""",
    """CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON catalog.audit
    FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change()""",
    """CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON catalog.audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change()""",
)


def downgrade() -> None:
    """Migrations go forward only."""
    raise CommandError("migrations go forward only: restore a backup instead")
