"""An event on its way from the table `outbox` to Kafka."""

from __future__ import annotations

from typing import NamedTuple

Headers = list[tuple[str, bytes | None]]


class OutboxEvent(NamedTuple):
    """One event of a shard (= output topic and partition); `seq` counts from 1 and leaves no gaps within the shard."""

    shard: int
    seq: int
    key: bytes | None
    value: bytes | None
    headers: Headers
