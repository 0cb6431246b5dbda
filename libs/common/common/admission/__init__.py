"""Decode, validate and identify events from outside."""
