"""Gate policies: their model, their documents, and which one is in force."""
