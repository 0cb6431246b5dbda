"""A gateway without servers, and rows of what it answers."""
