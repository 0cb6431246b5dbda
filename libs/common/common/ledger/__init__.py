"""Consumes by shard: effects and offsets in one PostgreSQL transaction."""
