"""Records that could not be understood or handled, on their way to their topic's DLQ (contract.md, Dead letters)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from handlers.world.changes import Outcome
from infra.errors import DeadLetterLimitExceeded
from infra.outbox_event import Headers
from infra.patient_keys import partition_of
from infra.postgres.handler_failures import count_failure
from infra.postgres.outbox import Event
from infra.version import version
from schemas.envelope import Record, instant
from schemas.errors import DeadLetterReason
from schemas.topics import dlq, record_bytes
from workers.pipeline.inbound import InboundRecord
from workers.pipeline.transaction import Transaction
from workers.runtime import Runtime

#: a record up to this size is copied whole; Kafka's own limit for a record of ours is 2 MiB (`fastlakare topics`)
_MOST_BYTES = 1_500_000
#: what the headers that we add take at most
_PLACE_BYTES = 16 << 10
#: so many records of a topic may be dead-lettered because a release fails on them; at the next one its partition stops
MOST_FAILED = 20


async def add_dead_letters(tx: Transaction, topic: str, batch: Iterable[InboundRecord], runtime: Runtime) -> None:
    """Adds the dead letters of a batch to what its transaction publishes, and notes the outcome of each.

    Those that the handler failed on are counted in the database, so across restarts and processes. Raises
    DeadLetterLimitExceeded where they would be too many of this release.
    """
    most = min(_MOST_BYTES, runtime.max_record_bytes[dlq(topic)] - _PLACE_BYTES)
    for inbound in batch:
        reason = inbound.dead_letter_reason
        if reason is None:
            continue
        inbound.outcome = Outcome.DEAD
        tx.events.append(
            dead_letter(
                topic,
                inbound.record,
                reason,
                at=datetime.now(UTC),
                attempts=inbound.attempts,
                partitions=runtime.events.partitions(dlq(topic)),
                most_bytes=most,
            )
        )
        if reason.fingerprint is not None:
            failed = await count_failure(tx.pg, topic, version(), reason.fingerprint)
            if failed > MOST_FAILED:
                raise DeadLetterLimitExceeded(
                    f"more than {MOST_FAILED} records of {topic} failed in release {version()}, last: {reason.detail}"
                )


def dead_letter(
    topic: str,
    record: Record,
    reason: DeadLetterReason,
    *,
    at: datetime,
    attempts: int,
    partitions: int,
    most_bytes: int = _MOST_BYTES,
) -> Event:
    """The record as it came, with headers that say where it stood and which field broke which rule, never a value. Of
    one with more than `most_bytes` the value is left out, and the headers too where they are as many."""
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
    if record_bytes(record.key, value, headers) > most_bytes:
        value = None
        place["dlq_detail"] += "; too large to copy, it stands in the source topic"
    if record_bytes(record.key, None, headers) > most_bytes:
        headers = []
    headers += [(name, text.encode()) for name, text in place.items()]
    key = record.key
    partition = record.partition % partitions if key is None else partition_of(key, partitions)
    return Event(dlq(topic), partition, key, value, headers)
