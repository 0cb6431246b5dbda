"""The SQL of the burnrate service."""
