"""Delivers rows of `alerts.notification` to their channels, each at least once, in order."""
