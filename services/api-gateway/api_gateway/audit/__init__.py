"""The audit, as it is read: who changed what, from which value to which."""
