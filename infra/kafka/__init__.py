"""Kafka: how clients reach the cluster, and what its topics must be like."""
