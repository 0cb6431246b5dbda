"""The gate's tables, as the statements in `repository.py` name them."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

metadata = MetaData(schema="gate")
_instant = DateTime(timezone=True)

policy = Table(
    "policy",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("first_used_at", _instant, nullable=False),
)
decision = Table(
    "decision",
    metadata,
    Column("decision_id", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("shard", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("decided_at", _instant, nullable=False),
    Column("policy_hash", Text, nullable=False),
    Column("decision", JSONB, nullable=False),
    Column("inputs", JSONB, nullable=False),
)
standing = Table(
    "standing",
    metadata,
    Column("service", Text, primary_key=True),
    Column("shard", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("decided_at", _instant, nullable=False),
    Column("decision_id", Text, nullable=False),
)
changes = Table(
    "changes",
    metadata,
    Column("identity", BYTEA, primary_key=True),
    Column("service", Text, nullable=False),
    Column("at", _instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("appended_at", _instant, nullable=False),
)
