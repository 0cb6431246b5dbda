"""Rules, silences, channels and acknowledgements as SQLAlchemy sees them, and their rows."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Row, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from api_gateway.alerts.domain import Channel, Silence, StoredRule
from api_gateway.catalog.tables import metadata
from api_gateway.storage.rows import from_row

instant = DateTime(timezone=True)

alert_rules = Table(
    "alert_rules",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("name", Text),
    Column("document", JSONB),
    Column("revision", BigInteger),
    Column("created_at", instant),
    Column("updated_at", instant),
    Column("retired_at", instant),
)
silences = Table(
    "silences",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("matchers", JSONB),
    Column("starts_at", instant),
    Column("ends_at", instant),
    Column("created_by", Text),
    Column("comment", Text),
    Column("revision", BigInteger),
    Column("created_at", instant),
    Column("expired_by", Text),
)
channels = Table(
    "channels",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("name", Text),
    Column("kind", Text),
    Column("secrets", JSONB),
    Column("enabled", Boolean),
    Column("revision", BigInteger),
    Column("created_at", instant),
    Column("updated_at", instant),
    Column("retired_at", instant),
)


def rule_of(row: Row[Any]) -> StoredRule:
    """Return the rule of a row of `alert_rules`."""
    return from_row(StoredRule, row)


def silence_of(row: Row[Any]) -> Silence:
    """Return the silence of a row of `silences`."""
    return from_row(Silence, row)


def channel_of(row: Row[Any]) -> Channel:
    """Return the channel of a row of `channels`."""
    return from_row(Channel, row)
