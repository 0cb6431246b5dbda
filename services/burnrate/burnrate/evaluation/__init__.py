"""Evaluates objectives at each tick, and publishes what changed."""
