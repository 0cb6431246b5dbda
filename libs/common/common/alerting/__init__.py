"""Alert rules, silences and channels, as every part understands them."""
