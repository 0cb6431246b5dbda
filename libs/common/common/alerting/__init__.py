"""Alert rules, silences and channels: models and validation."""
