"""From the outbox to Kafka, and the duties that exactly one process has."""
