"""The SQL of the alerts service."""
