"""Whole flows on real servers."""
