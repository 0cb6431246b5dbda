"""Transactions, the audit's rows and the shared cache."""
