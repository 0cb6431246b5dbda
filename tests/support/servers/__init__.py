"""PostgreSQL, Kafka, Redis and whole stacks, started for tests."""
