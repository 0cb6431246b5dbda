"""Faults on real servers, and an oracle that compares every row with a model."""
