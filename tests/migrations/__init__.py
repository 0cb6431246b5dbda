"""Migrations go forward, from the first schema on, and what is released never changes."""
