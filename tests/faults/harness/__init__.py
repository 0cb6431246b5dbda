"""Members, model and servers that the fault tests hurt."""
