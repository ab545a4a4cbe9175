"""Records that could not be understood or handled, on their way to their topic's DLQ (contract.md, Dead letters)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from handlers.world.changes import Outcome
from infra.errors import DeadLetterLimitExceeded
from infra.events import EventBuilder
from infra.outbox_event import Headers
from infra.patient_keys import partition_of
from infra.postgres.outbox import Event
from infra.version import version
from schemas.envelope import Record, instant
from schemas.errors import DeadLetterReason
from schemas.topics import dlq
from workers.pipeline.inbound import InboundRecord

#: a record up to this size is copied whole; Kafka's own limit for a record of ours is 2 MiB (`fastlakare topics`)
_MOST_BYTES = 1_500_000
#: so many records of the last `_WINDOW` may be dead-lettered for a failure of ours before the worker stops instead
_WINDOW = 1_000
_MOST_FAILED = 20


class DeadLetterLimit:
    """Counts what fails in the handler among the last records of a worker."""

    def __init__(self) -> None:
        self._last: deque[bool] = deque(maxlen=_WINDOW)

    def handled(self, records: int) -> None:
        """So many records went well."""
        self._last.extend([False] * min(records, _WINDOW))

    def failed(self) -> None:
        """One more record fails. Raises DeadLetterLimitExceeded when that is too many."""
        self._last.append(True)
        if sum(self._last) > _MOST_FAILED:
            raise DeadLetterLimitExceeded(
                f"more than {_MOST_FAILED} of the last {_WINDOW} records failed in the handler"
            )


def dead_letters(topic: str, batch: Iterable[InboundRecord], events: EventBuilder) -> Iterator[Event]:
    """The dead letters of a batch, to be published in its transaction; notes the outcome of each."""
    for inbound in batch:
        if inbound.dead_letter_reason is not None:
            inbound.outcome = Outcome.DEAD
            yield dead_letter(
                topic,
                inbound.record,
                inbound.dead_letter_reason,
                at=datetime.now(UTC),
                attempts=inbound.attempts,
                partitions=events.partitions(dlq(topic)),
            )


def dead_letter(
    topic: str, record: Record, reason: DeadLetterReason, *, at: datetime, attempts: int, partitions: int
) -> Event:
    """The record as it came, with headers that say where it stood and which field broke which rule, never a value."""
    place = {
        "dlq_topic": record.topic,
        "dlq_partition": str(record.partition),
        "dlq_offset": str(record.offset),
        "dlq_code": str(reason.code),
        "dlq_detail": reason.detail,
        "dlq_at": instant(at),
        "dlq_attempts": str(attempts),
        "dlq_timestamp": str(record.timestamp),
        "dlq_release": version(),
    }
    if reason.fingerprint is not None:
        place["dlq_fingerprint"] = reason.fingerprint
    headers: Headers = list(record.headers)
    value = record.value
    if _size(record) > _MOST_BYTES:
        value = None
        place["dlq_detail"] += "; too large to copy, it stands in the source topic"
    if _size(record) - len(record.value or b"") > _MOST_BYTES:
        headers = []
    headers += [(name, text.encode()) for name, text in place.items()]
    key = record.key
    partition = record.partition % partitions if key is None else partition_of(key, partitions)
    return Event(dlq(topic), partition, key, value, headers)


def _size(record: Record) -> int:
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers
