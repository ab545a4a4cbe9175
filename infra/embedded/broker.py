"""A Kafka broker out of the confluent-kafka wheel: librdkafka's mock cluster, inside this process.

It is for showing and trying, not for keeping: one member a group, 5 MiB a partition (the oldest goes), transactions are
accepted but without effect, no admin calls, no lookup by time. A topic is made when a client asks for it with the right
to make it, always with `PARTITIONS` partitions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confluent_kafka import Producer

from infra import timing

#: what librdkafka gives every topic that is made by asking
PARTITIONS = 4

_ERRORS_ONLY = 3  # syslog's number; else it tells on stderr that it mocks


class Broker:
    """One broker on a port of its own on loopback, from `start` to `stop`; what it held is gone then."""

    def __init__(self) -> None:
        self._client: Any = None
        self.bootstrap = ""

    def start(self) -> None:
        """Returns once it answers; `bootstrap` says where. Raises KafkaException where it does not."""
        self._client = Producer({"test.mock.num.brokers": 1, "log_level": _ERRORS_ONLY})
        brokers = self._client.list_topics(timeout=timing.EMBEDDED_BROKER_SECONDS).brokers.values()
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def make_topics(self, names: Iterable[str]) -> None:
        """Makes the topics that are not there yet."""
        for name in names:
            self._client.list_topics(name, timeout=timing.EMBEDDED_BROKER_SECONDS)

    def stop(self) -> None:
        """Closes the port. The cluster lives as long as the client does."""
        self._client = None
        self.bootstrap = ""
