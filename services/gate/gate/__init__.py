"""Decides whether a service may be released, and keeps why."""
