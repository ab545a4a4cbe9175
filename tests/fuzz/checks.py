"""What must hold of everything that comes out, whatever went in (contract.md, D1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infra.postgres.outbox import Event
from schemas.errors import Undecodable
from schemas.read import read
from schemas.topics import FAST_LAKARKONTAKT, LISTNING_DOCTOR, LISTNING_REPLY
from tests.fuzz.world import EVERYBODY, OUT_OF_SCOPE
from tests.harness.consumer_record import ConsumerRecord
from tests.harness.published import require_promised

#: names of at most 200 characters and an envelope of at most 512, each character in at most six bytes of JSON
_MOST_BYTES = {FAST_LAKARKONTAKT: 16_384, LISTNING_DOCTOR: 16_384}
_REPLY_BYTES, _REPLY_BYTES_A_ROW = 16_384, 220
#: what a dead letter has beside the record: its own headers
_ABOUT_BYTES = 4_096

_shape = re.compile(rb"(?<![0-9])(?:[0-9]{2})?([0-9]{6})(?:(?<=[0-9]{8})|[-+])([0-9]{4})(?![0-9])")
_KNOWN = {one[2:].encode() for one in (*EVERYBODY, OUT_OF_SCOPE[0])}


def holds_patient(text: bytes) -> bool:
    """Whether an id of the small world stands in it: twelve digits, or ten or twelve with a sign (D1)."""
    return any(born + last in _KNOWN for born, last in _shape.findall(text))


def faults(event: Event, came_in: int, rows: int = 0) -> Iterator[str]:
    """What is wrong with one event; `came_in`: bytes of the record that caused it, `rows`: of a file."""
    yield from _size_faults(event, came_in, rows)
    try:
        require_promised(event.topic, event.value, event.headers)
    except AssertionError as unlike:
        yield f"not as promised: {str(unlike)[:160]}"
    if event.topic.endswith(".dlq"):
        own = [value or b"" for name, value in event.headers if name.startswith("dlq_")]
        if any(map(holds_patient, own)):
            yield "a personnummer in a dead letter's own headers"
        return
    outside = [event.key or b"", *(name.encode() + b"=" + (value or b"") for name, value in event.headers)]
    if event.topic == LISTNING_REPLY:
        outside.append(event.value or b"")
    if any(map(holds_patient, outside)):
        yield f"a personnummer outside the data on {event.topic}"
    try:
        read(event.topic, ConsumerRecord(event.topic, 0, 0, event.value, event.key, event.headers))
    except Undecodable as error:
        # the id of a reply is put together out of two that may be as long as an id may be
        if event.topic != LISTNING_REPLY or "at most" not in error.reason.detail:
            yield f"what is published cannot be read: {error}"


def _size_faults(event: Event, came_in: int, rows: int) -> Iterator[str]:
    size = len(event.key or b"") + len(event.value or b"") + sum(len(n) + len(v or b"") for n, v in event.headers)
    most = _MOST_BYTES.get(event.topic, came_in + _ABOUT_BYTES)
    if event.topic == LISTNING_REPLY:
        most = _REPLY_BYTES + _REPLY_BYTES_A_ROW * rows
    if size > most:
        yield f"an event on {event.topic} is too large"
