"""Dead letters and consumer lag."""
