"""Delivery: rows of `alerts.notification` go to their channels, each at least once, in order."""
