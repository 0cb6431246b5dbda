"""Alerts, rules, silences and channels."""
