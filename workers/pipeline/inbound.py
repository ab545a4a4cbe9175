"""A record on its way through a batch: as it came, as it was understood, or why it was not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.world.changes import Cause, Outcome
from schemas.command import Command
from schemas.envelope import Envelope, Record
from schemas.errors import Unreadable
from schemas.read import read
from schemas.topics import LISTNING_COMMAND

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(slots=True)
class Read:
    """One record of a batch. `event` is None where it could not be read, and `dead` then says why."""

    record: Record
    event: Any
    cause: Cause
    dead: Unreadable | None = None
    attempts: int = 1
    outcome: Outcome = field(default=Outcome.DEAD)
    #: whether it was handled before its turn, and its outcome told
    ahead: bool = False
    #: whether it was tried before its turn, which failed
    in_turn: bool = False


def reading(topic: str, record: Record) -> Read:
    """Reads a record of the topic (the contract's name). Never raises."""
    try:
        message = read(topic, record)
    except Unreadable as error:
        return Read(record, None, _cause(topic, record, None), error)
    cause = _cause(topic, record, message.envelope)
    if topic == LISTNING_COMMAND:  # asking a pydantic class whether this is one of it takes longer than all of this
        cause = _asked(cause, message.data)
    return Read(record, message.data, cause)


def record_time(record: Record) -> datetime:
    """The record's timestamp (T2, S11)."""
    return _EPOCH + timedelta(milliseconds=max(record.timestamp, 0))


def _cause(topic: str, record: Record, envelope: Envelope | None) -> Cause:
    if envelope is None:
        return Cause(topic, f"{record.partition}/{record.offset}", record_time(record))
    id, source, _, time, *carried = envelope
    return Cause(source, id, time or record_time(record), *carried)


def _asked(cause: Cause, command: Command) -> Cause:
    """What a command caused carries its correlation id, or its own id where it has none (contract.md)."""
    correlation_id = cause.correlation_id or cause.id
    return cause._replace(correlation_id=correlation_id, actor=command.actor.id, role=command.actor.role)
