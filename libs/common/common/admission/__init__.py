"""Decides what counts: decoding, checks and identity of events."""
