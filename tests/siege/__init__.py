"""Hostile senders of every kind beside honest ones, on a whole stack of this machine."""
