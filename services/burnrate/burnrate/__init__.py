"""Counts metric events exactly once and evaluates every objective at each tick."""
