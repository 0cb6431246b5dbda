"""The gateway's tables as SQLAlchemy sees them, and what their rows mean."""

from typing import Any

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

from api_gateway.catalog.domain import Definition, Service, Target
from common.slo.vocabulary import SliType

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


def columns_of(definition: Definition) -> dict[str, Any]:
    """Return the columns of a definition."""
    return {
        "name": definition.name,
        "sli_type": definition.sli_type.value,
        "objective": definition.objective,
        "window_days": definition.window_days,
        "threshold_seconds": definition.threshold_seconds,
        "max_error_ratio": definition.max_error_ratio,
        "min_bad_events": definition.min_bad_events,
    }


def service_of(row: Row[Any]) -> Service:
    """Return the service of a row of `services`."""
    return Service(
        id=row.id,
        name=row.name,
        tier=row.tier,
        owner=row.owner,
        description=row.description,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        retired=row.retired_at is not None,
    )


def target_of(row: Row[Any]) -> Target:
    """Return the target of a row of `slo_targets` with its `service_name`."""
    definition = Definition(
        name=row.name,
        sli_type=SliType(row.sli_type),
        objective=row.objective,
        window_days=row.window_days,
        threshold_seconds=row.threshold_seconds,
        max_error_ratio=row.max_error_ratio,
        min_bad_events=row.min_bad_events,
    )
    return Target(
        id=row.id,
        service_name=row.service_name,
        definition=definition,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        retired=row.retired_at is not None,
    )
