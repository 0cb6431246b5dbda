"""Consume by shard, with effects and offsets in one PostgreSQL transaction."""
