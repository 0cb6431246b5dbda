"""Topics, clients and positions in Apache Kafka."""
