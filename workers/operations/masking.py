"""What an operator sees of a record that may hold personnummer: fields in clear where the schema's types name their
form and the value has it, all else as type and size (O8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import from_json

from handlers.redaction import contains_patient_id
from schemas.clear import Clear, Form
from schemas.envelope import Record, by_name, is_structured
from schemas.errors import Undecodable
from schemas.ids import holds_patient_id, normal_hsa_id
from schemas.topics import TOPICS

Shown = Any

_CODE = re.compile(r"(?!.*[0-9]{7})[A-Z0-9]{1,8}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_LONG_NUMBER = re.compile(r"\d{10}")
#: so many digits may be a personnummer, with or without its century
_PERSONAL_DIGITS = range(10, 13)
_LONGEST_ATTRIBUTE = 512
#: what is shown of an envelope, by the attribute's name in structured mode
_ATTRIBUTES = ("specversion", "id", "source", "type", "time", "correlationid")


@dataclass(frozen=True)
class Clearance:
    """What may be shown at one place of a message: values of `forms`, the `words` of a choice, and inside it `fields`
    of an object or `items` of a list."""

    forms: frozenset[Form] = frozenset()
    words: frozenset[str] = frozenset()
    fields: Mapping[str, Clearance] = field(default_factory=dict)
    items: Clearance | None = None

    def __or__(self, other: Clearance) -> Clearance:
        items = self.items if other.items is None else other.items
        fields = {**self.fields, **other.fields}
        return Clearance(self.forms | other.forms, self.words | other.words, fields, items)


NOTHING = Clearance()
_MODELS = {(topic.name, name): model for topic in TOPICS for name, model in topic.messages.items()}


@cache
def clearance(topic: str, type: str) -> Clearance:
    """What may be shown of a message of the topic (the contract's name) and `ce_type`: nothing of one that the contract
    does not have."""
    model = _MODELS.get((topic, type))
    return NOTHING if model is None else _of_type(model)


def show_record(topic: str, record: Record) -> dict[str, Shown]:
    """Envelope, key, value and the number of other headers of a record of the topic, masked."""
    headers = by_name(record.headers)
    document = _parsed(record.value)
    structured = isinstance(document, dict) and "data" in document and _is_structured(headers)
    if structured:
        attributes = {name: document[name] for name in _ATTRIBUTES if name in document}
    else:
        attributes = {name: headers[f"ce_{name}"] for name in _ATTRIBUTES if f"ce_{name}" in headers}
    envelope = {name: _show_attribute(value) for name, value in attributes.items()}
    type = attributes.get("type")
    allowed = clearance(topic, _text(type) or "")
    own = sum(f"ce_{name}" in headers for name in _ATTRIBUTES) + ("content-type" in headers)
    return {
        "envelope": envelope,
        "other_headers": len(record.headers) - own,
        "key": _show_key(record.key),
        "value": _show_value(record.value, document, structured=structured, allowed=allowed),
    }


def show(value: Any, allowed: Clearance) -> Shown:
    """A part of a parsed message: what is allowed in clear, null as null, all else as type and size."""
    match value:
        case None:
            return None
        case dict() if allowed.fields:
            return _show_fields(value, allowed.fields)
        case list() if allowed.items is not None:
            return [show(item, allowed.items) for item in value]
        case str() if value in allowed.words or any(has_form(value, form) for form in allowed.forms):
            return value
        case int() if not isinstance(value, bool) and any(has_form(value, form) for form in allowed.forms):
            return value
    return masked(value)


def masked(value: Any) -> str:
    """Type and size of a value."""
    match value:
        case None:
            return "<null>"
        case bool():
            return "<true or false>"
        case int():
            return f"<number, {len(str(abs(value)))} digits>" if value.bit_length() <= 64 else "<number, over 64 bits>"
        case float():
            return "<number>"
        case str():
            return f"<text, {len(value)} characters>"
        case bytes():
            return f"<{len(value)} bytes>"
        case list() | tuple():
            return f"<list, {len(value)} items>"
        case dict():
            return f"<object, {len(value)} fields>"
    return f"<{type(value).__name__}>"


def has_form(value: str | int, form: Form) -> bool:
    """Whether the value looks as its form does; what could be a personnummer never does."""
    match form, value:
        case Form.VERSION, int():
            digits = str(abs(value)) if value.bit_length() <= 64 else ""
            return digits != "" and len(digits) not in _PERSONAL_DIGITS
        case Form.HSA_ID, str():
            normal = normal_hsa_id(value)
            return normal is not None and not any(contains_patient_id(part) for part in normal.split("-"))
        case Form.DAY, str():
            return _DAY.fullmatch(value) is not None
        case Form.CODE, str():
            return _CODE.fullmatch(value) is not None
    return False


def _show_fields(value: Mapping[str, Any], fields: Mapping[str, Clearance]) -> dict[str, Shown]:
    known = {name: show(value[name], allowed) for name, allowed in fields.items() if name in value}
    others = [masked(part) for name, part in value.items() if name not in fields]
    return known | {f"unknown field {number}": part for number, part in enumerate(others, start=1)}


def _show_value(raw: bytes | None, document: Any, *, structured: bool, allowed: Clearance) -> Shown:
    if raw is None:
        return None
    if document is _NOT_JSON:
        return f"<{len(raw)} bytes, not JSON>"
    return show(document["data"], allowed) if structured else show(document, allowed)


def _show_key(key: bytes | None) -> str | None:
    text = None if key is None else _text(key)
    if text is None:
        return None if key is None else masked(key)
    return text if has_form(text, Form.HSA_ID) else masked(text)


def _show_attribute(value: Any) -> str:
    text = _text(value)
    if text is None:
        return masked(value)
    plain = len(text) <= _LONGEST_ATTRIBUTE and text.isprintable() and not _LONG_NUMBER.search(text)
    return text if plain and not holds_patient_id(text) else masked(text)


def _is_structured(headers: Mapping[str, bytes | None]) -> bool:
    try:
        return is_structured(headers)
    except Undecodable:
        return False


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    return value if isinstance(value, str) else None


_NOT_JSON = object()


def _parsed(raw: bytes | None) -> Any:
    try:
        return _NOT_JSON if raw is None else from_json(raw, allow_inf_nan=False)
    except ValueError:
        return _NOT_JSON


def _of_type(annotation: Any, metadata: Iterable[Any] = ()) -> Clearance:
    """What a field's type allows, by walking it."""
    forms = frozenset(mark.form for mark in metadata if isinstance(mark, Clear))
    origin, arguments = get_origin(annotation), get_args(annotation)
    allowed = Clearance(forms)
    if origin is Annotated:
        allowed |= _of_type(arguments[0], arguments[1:])
    elif origin is Literal:
        allowed |= Clearance(words=frozenset(word for word in arguments if isinstance(word, str)))
    elif origin in (Union, UnionType):
        for argument in arguments:
            allowed |= _of_type(argument)
    elif origin is tuple:
        allowed |= Clearance(items=_of_type(arguments[0]))
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        allowed |= Clearance(fields={name: _of_type(one.annotation, one.metadata) for name, one in fields.items()})
    return allowed
