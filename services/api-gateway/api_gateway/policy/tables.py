"""Overrides, policies and the audit as SQLAlchemy sees them, and what their rows mean."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Integer, Row, Table, Text

from api_gateway.catalog.tables import metadata
from api_gateway.policy.domain import Override, StoredPolicy
from api_gateway.storage.rows import from_row

instant = DateTime(timezone=True)

overrides = Table(
    "overrides",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("service_name", Text),
    Column("decision", Text),
    Column("actor", Text),
    Column("reason", Text),
    Column("ticket", Text),
    Column("version", Text),
    Column("change_class", Text),
    Column("created_at", instant),
    Column("expires_at", instant),
    Column("max_uses", Integer),
    Column("uses", Integer),
    Column("approver", Text),
    Column("state", Text),
    Column("ended_by", Text),
    Column("ended_at", instant),
    Column("end_reason", Text),
    Column("idempotency_key", Text),
    Column("revision", BigInteger),
)

policies = Table(
    "policies",
    metadata,
    Column("name", Text, primary_key=True),
    Column("hash", Text),
    Column("document", JSON),
    Column("revision", BigInteger),
    Column("created_at", instant),
    Column("updated_at", instant),
    Column("retired_at", instant),
)


def override_of(row: Row[Any]) -> Override:
    """Return the override of a row of `overrides`."""
    return from_row(Override, row)


def policy_of(row: Row[Any]) -> StoredPolicy:
    """Return the policy of a row of `policies`."""
    return from_row(StoredPolicy, row)
