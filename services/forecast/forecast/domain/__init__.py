"""From counts to a forecast and its words. Pure."""
