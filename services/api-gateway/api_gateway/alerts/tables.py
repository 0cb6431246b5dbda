"""Rules, silences, channels and acknowledgements as SQLAlchemy sees them, and their rows."""

from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Row, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from api_gateway.alerts.domain import Channel, Silence, StoredRule
from api_gateway.catalog.tables import metadata
from common.alerting.silences import Matcher

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
    return StoredRule(
        name=row.name,
        document=row.document,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        retired=row.retired_at is not None,
    )


def silence_of(row: Row[Any]) -> Silence:
    """Return the silence of a row of `silences`."""
    return Silence(
        id=row.id,
        matchers=msgspec.convert(row.matchers, tuple[Matcher, ...]),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        created_by=row.created_by,
        comment=row.comment,
        revision=row.revision,
        created_at=row.created_at,
        expired_by=row.expired_by,
    )


def channel_of(row: Row[Any]) -> Channel:
    """Return the channel of a row of `channels`."""
    return Channel(
        id=row.id,
        name=row.name,
        kind=row.kind,
        secrets=row.secrets,
        enabled=row.enabled,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        retired=row.retired_at is not None,
    )
