"""Gate policies and overrides."""
