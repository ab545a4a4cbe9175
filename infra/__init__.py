"""The outside world: PostgreSQL, Kafka clients, settings, logs, metrics."""
