"""Reads a running stack: where its servers are, and what they answer."""
