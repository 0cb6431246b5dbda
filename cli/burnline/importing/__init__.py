"""Imports a file of older events into the history, every line exactly once."""
