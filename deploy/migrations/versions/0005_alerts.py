"""The alerts service's tables, and what users want of it: rules, silences, channels."""

from alembic import op

from common.ledger_store import tables_ddl
from common.outbox import table_ddl

revision = "0005_alerts"
down_revision = "0004_gate"
branch_labels = None
depends_on = None

INTENT = (
    """CREATE TABLE catalog.alert_rules (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL,
        document jsonb NOT NULL,
        revision bigint NOT NULL DEFAULT nextval('catalog.revision'),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        retired_at timestamptz)""",
    """CREATE UNIQUE INDEX alert_rules_name_in_use ON catalog.alert_rules (name)
        WHERE retired_at IS NULL""",
    """CREATE TABLE catalog.silences (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        matchers jsonb NOT NULL,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        created_by text NOT NULL,
        comment text NOT NULL,
        revision bigint NOT NULL DEFAULT nextval('catalog.revision'),
        created_at timestamptz NOT NULL DEFAULT now(),
        expired_by text,
        CHECK (starts_at <= ends_at))""",
    # what is in `secrets` is never in an event, an answer or a log
    """CREATE TABLE catalog.channels (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL,
        kind text NOT NULL,
        secrets jsonb NOT NULL DEFAULT '{}',
        enabled boolean NOT NULL DEFAULT true,
        revision bigint NOT NULL DEFAULT nextval('catalog.revision'),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        retired_at timestamptz)""",
    """CREATE UNIQUE INDEX channels_name_in_use ON catalog.channels (name)
        WHERE retired_at IS NULL""",
    "INSERT INTO catalog.channels (name, kind) VALUES ('simulated', 'simulated')",
    """CREATE TABLE catalog.acknowledgements (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        episode_id bigint NOT NULL,
        version integer NOT NULL,
        actor text NOT NULL,
        comment text NOT NULL,
        revision bigint NOT NULL DEFAULT nextval('catalog.revision'),
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (episode_id, version))""",
)

RESULTS = (
    # what a rule remembers of a service between evaluations; a row only while there is something
    """CREATE TABLE alerts.condition (
        service_name text NOT NULL,
        rule text NOT NULL,
        shard integer NOT NULL,
        memory jsonb NOT NULL,
        PRIMARY KEY (service_name, rule)) WITH (fillfactor = 70)""",
    """CREATE TABLE alerts.episode (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        shard integer NOT NULL,
        service_name text NOT NULL,
        rule text NOT NULL,
        dedup_key text NOT NULL UNIQUE,
        state text NOT NULL CHECK (state IN ('firing', 'acknowledged', 'resolved')),
        version integer NOT NULL CHECK (version > 0),
        level integer NOT NULL CHECK (level > 0),
        severity text NOT NULL CHECK (severity IN ('page', 'ticket', 'info')),
        message text NOT NULL,
        labels jsonb NOT NULL,
        annotations jsonb NOT NULL,
        started_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        resolved_at timestamptz,
        acknowledged_by text,
        acknowledged_at timestamptz,
        acknowledgement_revision bigint NOT NULL DEFAULT 0,
        held_by text CHECK (held_by IN ('inhibited', 'silenced', 'cooldown')),
        held_back integer NOT NULL DEFAULT 0,
        notified_level integer NOT NULL DEFAULT 0,
        notified_severity text,
        notified_at timestamptz,
        notices integer NOT NULL DEFAULT 0,
        channels text[] NOT NULL DEFAULT '{}',
        CHECK ((state = 'resolved') = (resolved_at IS NOT NULL))) WITH (fillfactor = 70)""",
    # whatever goes wrong elsewhere, there is never a second open episode to page for
    """CREATE UNIQUE INDEX episode_open ON alerts.episode (service_name, rule)
        WHERE resolved_at IS NULL""",
    "CREATE INDEX episode_of_shard ON alerts.episode (shard, notified_at)",
    "CREATE INDEX episode_of_service ON alerts.episode (service_name, id DESC)",
    """CREATE TABLE alerts.transition (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        episode_id bigint NOT NULL REFERENCES alerts.episode ON DELETE CASCADE,
        version integer NOT NULL,
        kind text NOT NULL,
        at timestamptz NOT NULL,
        actor text NOT NULL,
        reason text NOT NULL)""",
    "CREATE INDEX transition_of_episode ON alerts.transition (episode_id, id)",
    # one row is one delivery to one channel; `notice_key` names it however often it is written
    """CREATE TABLE alerts.notification (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        notice_key text NOT NULL UNIQUE,
        channel text NOT NULL,
        group_key text NOT NULL,
        episode_ids bigint[] NOT NULL,
        payload jsonb NOT NULL,
        repeat boolean NOT NULL DEFAULT false,
        state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'dead')),
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL DEFAULT now(),
        last_error text,
        created_at timestamptz NOT NULL DEFAULT now(),
        sent_at timestamptz) WITH (fillfactor = 70)""",
    """CREATE INDEX notification_pending ON alerts.notification (channel, id)
        WHERE state = 'pending'""",
    "CREATE INDEX notification_newest ON alerts.notification (state, id DESC)",
    "CREATE INDEX notification_of_episode ON alerts.notification USING gin (episode_ids)",
    # when a channel that wants repeats was last told of all open episodes again
    "CREATE TABLE alerts.repeated (channel text PRIMARY KEY, at timestamptz NOT NULL)",
    # recorded before the request goes out, so that a kill never hides that it may have
    """CREATE TABLE alerts.attempt (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        notification_id bigint NOT NULL REFERENCES alerts.notification ON DELETE CASCADE,
        number integer NOT NULL,
        started_at timestamptz NOT NULL,
        ended_at timestamptz,
        outcome text,
        status_code integer,
        error text,
        UNIQUE (notification_id, number))""",
)


def upgrade() -> None:
    """Create the schema and the intent tables."""
    op.execute("CREATE SCHEMA alerts")
    for statement in (*INTENT, *tables_ddl("alerts"), *RESULTS, table_ddl("alerts")):
        op.execute(statement)


def downgrade() -> None:
    """Migrations go forward only."""
    raise RuntimeError("restore a backup instead of migrating down")
