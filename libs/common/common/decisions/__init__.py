"""What is decided on figures: whether a service may be released, and what alert rules read."""
