"""Rules, episodes and notifications. Pure."""
