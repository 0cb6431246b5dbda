"""PostgreSQL: connections, the outbox, the audit chain and dead letters."""
