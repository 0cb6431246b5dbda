"""Release decisions and their history."""
