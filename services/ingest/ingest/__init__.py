"""Accepts events over HTTP and publishes them; simulates some for the demonstration."""
