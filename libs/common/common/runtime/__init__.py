"""What every process needs to run: loops, retries, failpoints."""
