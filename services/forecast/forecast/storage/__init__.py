"""The SQL of the forecast service."""
