"""Sliding windows as running sums in rings. Pure."""
