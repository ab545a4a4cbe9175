"""From Kafka to the commit: what a record meets before it is saved."""
