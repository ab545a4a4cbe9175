"""Records that could not be understood or handled, on their way to their topic's DLQ (contract.md, Dead letters)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from handlers.world.changes import Outcome
from infra.errors import DeadLetterLimitExceeded
from infra.patient_keys import partition_of
from infra.postgres import dead_letters
from infra.postgres.dead_letters import DeadLetter
from infra.postgres.outbox import Event
from infra.postgres.release_guards import count_failure
from infra.version import version
from schemas.envelope import instant
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
    at, letters = datetime.now(UTC), []
    for inbound in batch:
        if inbound.dead_letter_reason is not None:
            inbound.outcome = Outcome.DEAD
            letters.append(dead_letter(topic, inbound, inbound.dead_letter_reason, at))
    if not letters:
        return
    await dead_letters.add(tx.pg, letters)
    most = min(_MOST_BYTES, runtime.max_record_bytes[dlq(topic)] - _PLACE_BYTES)
    source, partitions = runtime.settings.topic(topic), runtime.events.partitions(dlq(topic))
    tx.events += [dead_letter_event(letter, source, partitions=partitions, most_bytes=most) for letter in letters]
    for letter in letters:
        if letter.fingerprint is not None:
            failed = await count_failure(tx.pg, topic, letter.release)
            if failed > MOST_FAILED:
                raise DeadLetterLimitExceeded(
                    f"more than {MOST_FAILED} records of {topic} failed in release {letter.release}, last:"
                    f" {letter.detail}"
                )


def dead_letter(topic: str, inbound: InboundRecord, reason: DeadLetterReason, at: datetime) -> DeadLetter:
    """The letter that a record of the topic (the contract's name) becomes."""
    record = inbound.record
    return DeadLetter(
        topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        list(record.headers),
        str(reason.code),
        reason.detail,
        reason.fingerprint,
        version(),
        inbound.attempts,
        at,
    )


def dead_letter_event(letter: DeadLetter, source: str, *, partitions: int, most_bytes: int = _MOST_BYTES) -> Event:
    """The letter in its topic, which has so many partitions: the record as it came, with headers that say where it
    stands in `source`, its topic by the name on the cluster, and which field broke which rule, never a value. Of one
    with more than `most_bytes` the value is left out, and the headers too where they are as many."""
    place = {
        "dlq_topic": source,
        "dlq_partition": str(letter.partition),
        "dlq_offset": str(letter.offset),
        "dlq_code": letter.code,
        "dlq_detail": letter.detail,
        "dlq_at": instant(letter.dead_at),
        "dlq_attempts": str(letter.attempts),
        "dlq_timestamp": str(letter.timestamp),
        "dlq_release": letter.release,
    }
    if letter.fingerprint is not None:
        place["dlq_fingerprint"] = letter.fingerprint
    key, value, headers = letter.key, letter.value, list(letter.headers)
    if record_bytes(key, value, headers) > most_bytes:
        value = None
        place["dlq_detail"] += "; too large to copy, it stands in the source topic"
    if record_bytes(key, None, headers) > most_bytes:
        headers = []
    headers += [(name, text.encode()) for name, text in place.items()]
    partition = letter.partition % partitions if key is None else partition_of(key, partitions)
    return Event(dlq(letter.topic), partition, key, value, headers)
