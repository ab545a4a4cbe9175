"""A record as a Kafka client gives it to the product."""

from __future__ import annotations

from dataclasses import dataclass, field

NOON_MS = 1_779_796_800_000  # 2026-05-26T12:00:00Z


@dataclass(frozen=True)
class ConsumerRecord:
    """A record as a Kafka client gives it."""

    topic: str
    partition: int
    offset: int
    value: bytes | None = None
    key: bytes | None = b"k"
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    timestamp: int = NOON_MS
