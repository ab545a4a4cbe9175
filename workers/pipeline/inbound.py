"""A record on its way through a batch: as it came, as it was understood, or why it was not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.world.changes import Cause, Outcome, Place
from schemas import instants
from schemas.command import Command
from schemas.envelope import Envelope, Record
from schemas.errors import DeadLetterReason, Undecodable
from schemas.read import read
from schemas.topics import LISTNING_COMMAND


@dataclass(slots=True)
class InboundRecord:
    """One record of a batch. `event` is None where it could not be understood, and `dead_letter_reason` says why."""

    record: Record
    event: Any
    cause: Cause
    dead_letter_reason: DeadLetterReason | None = None
    attempts: int = 1
    outcome: Outcome = Outcome.DEAD
    #: it was handled before its turn, and its outcome logged
    processed_out_of_order: bool = False
    #: it was tried before its turn, which failed
    must_wait_its_turn: bool = False


def decode(topic: str, record: Record) -> InboundRecord:
    """Understands a record of the topic (the contract's name). Never raises."""
    try:
        message = read(topic, record)
    except Undecodable as error:
        return InboundRecord(record, None, _cause(topic, record, None), error.reason)
    cause = _cause(topic, record, message.envelope)
    if topic == LISTNING_COMMAND:  # asking a pydantic class whether this is one of it takes longer than all of this
        cause = _asked(cause, message.data)
    return InboundRecord(record, message.data, cause)


def decodable(batch: Iterable[InboundRecord]) -> list[InboundRecord]:
    """Those of the batch on which something is to be decided."""
    return [inbound for inbound in batch if inbound.dead_letter_reason is None]


def next_offsets(batch: Sequence[InboundRecord]) -> dict[int, int]:
    """The next offset of each partition once the batch is handled."""
    return {inbound.record.partition: inbound.record.offset + 1 for inbound in batch}


def record_time(record: Record) -> datetime:
    """The record's timestamp (T2, S11); 1970-01-01 where it is no instant that counts."""
    return instants.from_record(record.timestamp)


def _cause(topic: str, record: Record, envelope: Envelope | None) -> Cause:
    place = Place(record.partition, record.offset)
    if envelope is None:
        return Cause(topic, f"{record.partition}/{record.offset}", record_time(record), topic=topic, place=place)
    id, source, _, time, correlation_id, traceparent, tracestate = envelope
    at = time or record_time(record)
    return Cause(source, id, at, correlation_id, traceparent, tracestate, topic=topic, place=place)


def _asked(cause: Cause, command: Command) -> Cause:
    """What a command caused carries its correlation id, or its own id where it has none (contract.md)."""
    correlation_id = cause.correlation_id or cause.id
    return cause._replace(correlation_id=correlation_id, actor=command.actor.id, role=command.actor.role)
