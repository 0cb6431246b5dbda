"""A shard in memory, the figures of its objectives, and the snapshots made of them. Pure."""
