"""A gateway on PostgreSQL without a broker, and what is stored for it and asked of it."""
