"""The command line of Burnline and its local stack."""
