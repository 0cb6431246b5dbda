"""Input that nobody would write, by the thousand: requests and events."""
