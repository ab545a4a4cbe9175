"""One record read as the contract says: a message, a tombstone, or dead with a code."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.harness.records import LISTING, PREFIX, STAFF, UNIT, Record, header
from tests.model import ids, payloads

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MIB = 1024 * 1024
TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Message:
    """`name` is the type without region and version, `tombstone` for a null value; `time` as rules T2."""

    topic: str
    name: str
    id: str
    source: str
    time: datetime
    correlation: str | None
    data: Any


@dataclass(frozen=True)
class Dead:
    """Cannot be read: the contract's code."""

    code: str


def read(record: Record) -> Message | Dead:
    """What the record says."""
    if record.value is None:
        return tombstone(record)
    if len(record.value) > MIB:
        return Dead("too_large")
    try:
        value = json.loads(record.value)
    except (ValueError, RecursionError):
        return Dead("invalid_json")
    envelope = attributes(record, value)
    if envelope is None:
        return Dead("invalid_envelope")
    name = envelope["type"].removeprefix(PREFIX).removesuffix(".v1")
    if name not in payloads.SHAPES[record.topic] or envelope["type"] != f"{PREFIX}{name}.v1":
        return Dead("unknown_type")
    if not payloads.sound(record.topic, name, envelope["data"]):
        return Dead("invalid_data")
    if record.topic in (STAFF, UNIT) and (record.key or "").upper() != envelope["data"]["hsa_id"].upper():
        return Dead("invalid_data")
    time = moment(envelope["time"]) if envelope["time"] else None
    if time is None or not 1970 <= time.year < 3000:
        time = stamp(record)
    return Message(
        record.topic, name, envelope["id"], envelope["source"], time, envelope["correlation"], envelope["data"]
    )


def tombstone(record: Record) -> Message | Dead:
    """A null value: removal of a person or unit (S11), nothing for a listing, unreadable elsewhere."""
    if record.topic == LISTING:
        return Message(LISTING, "tombstone", "", "", stamp(record), None, None)
    if record.topic not in (STAFF, UNIT):
        return Dead("invalid_json")
    hsa_id = ids.hsa_id(record.key or "")
    if hsa_id is None:
        return Dead("invalid_data")
    return Message(record.topic, "tombstone", "", "", stamp(record), None, {"hsa_id": hsa_id})


def attributes(record: Record, value: Any) -> dict[str, Any] | None:
    """The envelope from headers or value, or None when it is malformed."""
    mode = header(record.headers, "content-type")
    binary = mode is not None and mode.split(";")[0].strip() == "application/json"
    if binary:
        found: dict[str, Any] = {
            name: header(record.headers, f"ce_{name}") for name in ("id", "source", "type", "time")
        }
        found |= {"specversion": header(record.headers, "ce_specversion"), "data": value}
        found["correlation"] = header(record.headers, "ce_correlationid")
    elif mode is None or mode.split(";")[0].strip() == "application/cloudevents+json":
        if not isinstance(value, dict):
            return None
        found = {name: value.get(name) for name in ("specversion", "id", "source", "type", "time", "data")}
        found["correlation"] = value.get("correlationid")
    else:
        return None
    if found["correlation"] and (len(found["correlation"].encode()) > 512 or ids.stands_in(found["correlation"])):
        found["correlation"] = None
    named = all(isinstance(found[name], str) and 0 < len(found[name]) <= 512 for name in ("id", "source", "type"))
    named = named and not any(ids.stands_in(found[name]) for name in ("id", "source"))
    timed = found["time"] is None or (isinstance(found["time"], str) and moment(found["time"]) is not None)
    return found if named and timed and found["specversion"] == "1.0" else None


def moment(text: str) -> datetime | None:
    """An RFC 3339 instant."""
    if not TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def stamp(record: Record) -> datetime:
    """The record's own timestamp; 1970-01-01 where it is outside the years 1970 to 2999."""
    try:
        time = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    except (ValueError, OverflowError):
        time = EARLIEST
    return time if 1970 <= time.year < 3000 else EARLIEST
