"""Looks ahead: when each error budget is spent, and when it comes back."""
