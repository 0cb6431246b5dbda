"""What every HTTP service shares: bounds, headers, problems, probes."""
