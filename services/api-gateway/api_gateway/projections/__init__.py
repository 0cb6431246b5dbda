"""What the gateway follows from Kafka, in memory."""
