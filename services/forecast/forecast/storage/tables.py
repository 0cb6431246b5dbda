"""The forecast service's table: the newest forecast of each service, as it was published."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(schema="forecast")

forecast = Table(
    "forecast",
    metadata,
    Column("service", Text, primary_key=True),
    Column("shard", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("evaluated_at", DateTime(timezone=True), nullable=False),
    Column("payload", JSONB, nullable=False),
)
