"""What 1177 was told of a patient, held against what the database says: one way of comparing, for `verify` and for the
demo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from infra.postgres.verification import Held, LinkTold

_LINK = ("unit", "unit_name", "doctor", "doctor_name", "start")


class Told(NamedTuple):
    """A record of 1177's topic: `active`, `ended`, `withdrawn`, or `unreadable`, and the link where it is active."""

    revision: int
    status: str
    link: LinkTold | None = None


def told_by(value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> Told:
    """What a record says. One that nobody of ours wrote may say anything."""
    try:
        if value is None:
            return Told(revision_in(headers), "withdrawn")
        data = orjson.loads(value)
        revision, status = int(data["revision"]), str(data["status"])
        return Told(revision, status, _link(data) if status == "active" else None)
    except (ValueError, LookupError, TypeError, AttributeError):
        return Told(0, "unreadable")


def revision_in(headers: Sequence[tuple[str, bytes | None]]) -> int:
    """The revision behind the key in `ce_id` (contract.md); ValueError where there is none."""
    return int((dict(headers).get("ce_id") or b"").decode().rpartition("/")[2])


def differences(told: Told | None, held: Held | None, *, may_be_gone: bool = False) -> Iterator[str]:
    """Each respect in which they differ, in words. `may_be_gone`: compaction has taken records of the partition, as it
    takes null values after a time."""
    if told is None:
        if held is not None and not (held.status == "withdrawn" and may_be_gone):
            yield f"1177 has heard nothing, the database has told revision {held.revision}: {held.status}"
    elif told.status == "unreadable":
        yield f"1177 has a record that cannot be read, the database revision {0 if held is None else held.revision}"
    elif held is None:
        yield f"1177 has revision {told.revision}, the database has told nothing"
    elif told.revision != held.revision:
        yield f"1177 has revision {told.revision}, the database {held.revision}"
    elif told.status != held.status:
        yield f"status: 1177 has {told.status}, the database {held.status}"
    elif told.link is not None and held.link is not None:
        for name, theirs, ours in zip(_LINK, told.link, held.link, strict=True):
            if theirs != ours:
                yield f"{name}: 1177 has {theirs}, the database {ours}"


def _link(data: Mapping[str, Any]) -> LinkTold:
    unit, doctor = data["unit"], data["doctor"]
    return unit["hsa_id"], unit["name"], doctor["hsa_id"], doctor["name"], data["start"]
