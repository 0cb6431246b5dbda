"""The alerts service's tables as SQLAlchemy sees them."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(schema="alerts")
_instant = DateTime(timezone=True)

condition = Table(
    "condition",
    metadata,
    Column("service_name", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("shard", Integer, nullable=False),
    Column("memory", JSONB, nullable=False),
)
episode = Table(
    "episode",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("shard", Integer, nullable=False),
    Column("service_name", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("dedup_key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    Column("severity", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("labels", JSONB, nullable=False),
    Column("annotations", JSONB, nullable=False),
    Column("started_at", _instant, nullable=False),
    Column("updated_at", _instant, nullable=False),
    Column("resolved_at", _instant),
    Column("acknowledged_by", Text),
    Column("acknowledged_at", _instant),
    Column("acknowledgement_revision", BigInteger, nullable=False),
    Column("held_by", Text),
    Column("held_back", Integer, nullable=False),
    Column("notified_level", Integer, nullable=False),
    Column("notified_severity", Text),
    Column("notified_at", _instant),
    Column("notices", Integer, nullable=False),
    Column("channels", ARRAY(Text), nullable=False),
)
transition = Table(
    "transition",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("episode_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", _instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
notification = Table(
    "notification",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("notice_key", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("episode_ids", ARRAY(BigInteger), nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("repeat", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", _instant, nullable=False),
    Column("last_error", Text),
    Column("created_at", _instant, nullable=False),
    Column("sent_at", _instant),
)
repeated = Table(
    "repeated",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("at", _instant, nullable=False),
)
attempt = Table(
    "attempt",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("notification_id", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("started_at", _instant, nullable=False),
    Column("ended_at", _instant),
    Column("outcome", Text),
    Column("status_code", Integer),
    Column("error", Text),
)
