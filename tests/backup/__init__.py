"""PostgreSQL is dumped, lost and restored; Kafka brings what came after the dump."""
