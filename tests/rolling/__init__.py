"""Restarts of every service under load, one process after the other, as an orchestrator does."""
