"""The gateway's tables as SQLAlchemy sees them, and what their rows mean."""

from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    Integer,
    MetaData,
    Numeric,
    Row,
    Table,
    Text,
)

from api_gateway.catalog.domain import Service, Target
from api_gateway.storage.rows import from_row
from common.events import TargetSpec

metadata = MetaData(schema="catalog")
instant = DateTime(timezone=True)

services = Table(
    "services",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("name", Text),
    Column("tier", Integer),
    Column("owner", Text),
    Column("description", Text),
    Column("revision", BigInteger),
    Column("created_at", instant),
    Column("updated_at", instant),
    Column("retired_at", instant),
)

slo_targets = Table(
    "slo_targets",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("service_id", BigInteger),
    Column("name", Text),
    Column("sli_type", Text),
    Column("objective", Numeric),
    Column("window_days", Integer),
    Column("threshold_seconds", Float),
    Column("max_error_ratio", Numeric),
    Column("min_bad_events", BigInteger),
    Column("revision", BigInteger),
    Column("created_at", instant),
    Column("updated_at", instant),
    Column("retired_at", instant),
)


def columns_of(spec: TargetSpec) -> dict[str, Any]:
    """Return the columns of a target's spec."""
    columns: dict[str, Any] = msgspec.to_builtins(spec, builtin_types=(Decimal,))
    return columns


def service_of(row: Row[Any]) -> Service:
    """Return the service of a row of `services`."""
    return from_row(Service, row)


def target_of(row: Row[Any]) -> Target:
    """Return the target of a row of `slo_targets` with its `service_name`."""
    return from_row(Target, row, spec=from_row(TargetSpec, row))
