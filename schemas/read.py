"""From a Kafka record to a message, or to the reason why it is a dead letter (contract.md, The envelope)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError, create_model
from pydantic_core import from_json

from schemas.envelope import Envelope, Record, binary, by_name, is_structured, structured
from schemas.errors import DeadLetterCode, Undecodable
from schemas.fields import Wire
from schemas.ids import normal_hsa_id
from schemas.topics import (
    FAST_LAKARKONTAKT,
    KIV_STAFF,
    KIV_UNIT,
    LISTNING_DOCTOR,
    MAX_VALUE_BYTES,
    TOPICS,
    VARDVAL_LISTING,
)

Validator = Callable[[bytes], Any]

#: so many faults of a record are told
_MOST_FAULTS = 5
_BACKSLASH, _N, _I = b"\\NI"

#: topics whose key is the data's `hsa_id`
_KEYED = frozenset({KIV_STAFF, KIV_UNIT})

#: topic -> ce_type -> what validates a value: the data alone, or the data inside its envelope
_BINARY: dict[str, dict[str, Validator]] = {
    topic.name: {name: model.__pydantic_validator__.validate_json for name, model in topic.messages.items()}
    for topic in TOPICS
}
_STRUCTURED: dict[str, dict[str, Validator]] = {
    topic.name: {
        name: create_model(model.__name__, __base__=Wire, data=(model, ...)).__pydantic_validator__.validate_json
        for name, model in topic.messages.items()
    }
    for topic in TOPICS
}


@dataclass(slots=True, frozen=True)
class Tombstone:
    """A null value: the person or unit with this id is removed (S11); None on a topic where the key says nothing."""

    hsa_id: str | None


class Message(NamedTuple):
    """A record understood: the model of its `ce_type`, or a tombstone, which has no envelope."""

    envelope: Envelope | None
    data: Any


def read(topic: str, record: Record) -> Message:
    """The message in a record of the topic (name without prefix). Raises Undecodable, and nothing else."""
    value = record.value
    if value is None:
        return Message(None, _tombstone(topic, record.key))
    if len(value) > MAX_VALUE_BYTES:
        raise Undecodable(DeadLetterCode.TOO_LARGE, "value: should have at most 1048576 bytes")
    headers = by_name(record.headers)
    try:
        if is_structured(headers):
            return _structured(topic, record.key, value, headers)
        envelope = binary(headers)
        validator = _BINARY[topic].get(envelope.type)
        if validator is None:
            raise _unknown_type("ce_type")
    except Undecodable:
        _require_json(value)
        raise
    data = _data(validator, value)
    if topic in _KEYED:
        _require_key(record.key, data.hsa_id)
    return Message(envelope, data)


def _structured(topic: str, key: bytes | None, value: bytes, headers: Mapping[str, bytes | None]) -> Message:
    document = _require_json(value)
    if not isinstance(document, dict):
        raise Undecodable(DeadLetterCode.INVALID_ENVELOPE, "value: should be an object")
    envelope = structured(document, headers)
    validator = _STRUCTURED[topic].get(envelope.type)
    if validator is None:
        raise _unknown_type("type")
    data = _data(validator, value).data
    if topic in _KEYED:
        _require_key(key, data.hsa_id)
    return Message(envelope, data)


def _require_key(key: bytes | None, hsa_id: str) -> None:
    """Compaction keeps the newest record of each key, so a key that names somebody else would lose one of the two."""
    if key is None or key.decode(errors="replace").upper() != hsa_id:
        raise Undecodable(DeadLetterCode.INVALID_DATA, "key: differs from hsa_id")


def _tombstone(topic: str, key: bytes | None) -> Tombstone:
    if topic in _KEYED:
        hsa_id = None if key is None else normal_hsa_id(key.decode(errors="replace"))
        if hsa_id is None:
            raise Undecodable(DeadLetterCode.INVALID_DATA, "key: should be an HSA-id where the value is null")
        return Tombstone(hsa_id)
    if topic in (VARDVAL_LISTING, LISTNING_DOCTOR, FAST_LAKARKONTAKT):
        return Tombstone(None)
    raise Undecodable(DeadLetterCode.INVALID_JSON, "value: should not be null")


def _data(validator: Validator, value: bytes) -> Any:
    try:
        data = validator(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_FAULTS]
        # the message of a rule never holds the input, and of its path only what our own models name
        detail = "; ".join(f"{_path(fault['loc'])}: {fault['msg']}" for fault in faults)
    else:
        # one byte is found much faster than a word, and most values hold none of these
        if _BACKSLASH in value or _N in value or _I in value:
            _require_sound(value, data)
        return data
    _require_json(value)
    raise Undecodable(DeadLetterCode.INVALID_DATA, detail)


def _require_sound(value: bytes, data: Any) -> None:
    """Refuses what the parser lets pass: NaN in fields that nobody reads, and NUL, which PostgreSQL cannot hold."""
    if b"NaN" in value or b"Infinity" in value:
        _require_json(value)
    if b"\\u0000" in value and (path := _nul(data)) is not None:
        raise Undecodable(DeadLetterCode.INVALID_DATA, f"{_path(path)}: Input should not hold a NUL character")


def _require_json(value: bytes) -> Any:
    try:
        return from_json(value, allow_inf_nan=False)
    except ValueError:
        pass
    raise Undecodable(DeadLetterCode.INVALID_JSON, "value: should be JSON in UTF-8")


def _unknown_type(attribute: str) -> Undecodable:
    return Undecodable(DeadLetterCode.UNKNOWN_TYPE, f"{attribute}: should be a type of this topic")


def _path(loc: tuple[int | str, ...]) -> str:
    return ".".join(map(str, loc)) or "data"


def _nul(part: Any) -> tuple[int | str, ...] | None:
    """The path to the first text with a NUL character among what is kept."""
    if isinstance(part, str):
        return () if "\0" in part else None
    fields: Any = ()
    if isinstance(part, BaseModel):
        fields = part.__dict__.items()
    elif isinstance(part, tuple):
        fields = enumerate(part)
    for name, inner in fields:
        if (path := _nul(inner)) is not None:
            return (name, *path)
    return None
