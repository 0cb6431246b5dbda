"""Settings from the environment, and the clock."""
