"""The overview of all services."""
