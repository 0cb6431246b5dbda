"""The vocabulary and arithmetic of service level objectives. Pure."""
