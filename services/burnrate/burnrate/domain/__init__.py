"""Objectives, services and the state of a shard. Pure."""
