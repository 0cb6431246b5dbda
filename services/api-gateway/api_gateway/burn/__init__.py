"""Burn rates: status, history and previews."""
