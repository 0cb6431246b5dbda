"""Fixtures and stand-ins that tests share."""
