"""The burnrate service's tables, as the statements in `repository.py` name them.

Counts are kept in buckets (start, end] of 10 s, 1 min and 1 h, each row with its end; latency
histograms likewise, with the bounds they came with.
"""

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, Float, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

metadata = MetaData(schema="burnrate")
_instant = DateTime(timezone=True)

service = Table(
    "service",
    metadata,
    Column("service", Text, primary_key=True),
    Column("shard", Integer, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("newest_at", _instant, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("event_id_conflicts", BigInteger, nullable=False),
    Column("unidentified", BigInteger, nullable=False),
    Column("misrouted", BigInteger, nullable=False),
)
count_block = Table(
    "count_block",
    metadata,
    Column("shard", Integer, primary_key=True),
    Column("resolution_seconds", Integer, primary_key=True),
    Column("bucket_end", _instant, primary_key=True),
    Column("counts", BYTEA, nullable=False),
)
latency = Table(
    "latency",
    metadata,
    Column("resolution_seconds", Integer, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("bucket_end", _instant, primary_key=True),
    Column("bounds", ARRAY(Float), primary_key=True),
    Column("counts", ARRAY(BigInteger), nullable=False),
)
mark = Table(
    "mark",
    metadata,
    Column("shard", Integer, primary_key=True),
    Column("hour", _instant, primary_key=True),
    Column("part", BigInteger, primary_key=True),
    Column("marks", BYTEA, nullable=False),
)
import_line = Table(
    "import_line",
    metadata,
    Column("shard", Integer, primary_key=True),
    Column("import_id", Text, primary_key=True),
    Column("lane", Text, primary_key=True),
    Column("line", BigInteger, nullable=False),
)
snapshot = Table(
    "snapshot",
    metadata,
    Column("service", Text, primary_key=True),
    Column("shard", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("evaluated_at", _instant, nullable=False),
    Column("payload", JSONB, nullable=False),
)
