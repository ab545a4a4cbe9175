"""What 1177 knows, held against the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.postgres.published import LINK_COLUMNS, LinkRow, Published


@dataclass(frozen=True)
class Event:
    """The newest record of a key of 1177's topic. `data` is None where 1177 is to forget the key."""

    key: str
    revision: int
    data: dict[str, Any] | None = field(repr=False)


@dataclass(frozen=True)
class Difference:
    """One patient key on which 1177 and the database disagree. `what` holds no personnummer."""

    key: str
    what: str


def differences(newest: Mapping[str, Event], database: Published) -> list[Difference]:
    """Every key whose newest record is not what the database says it must be; the records' order does not matter."""
    return list(_differences(newest, database))


def _differences(newest: Mapping[str, Event], database: Published) -> Iterable[Difference]:
    for key in sorted(newest.keys() | database.revisions.keys()):
        event, revision = newest.get(key), database.revisions.get(key)
        if event is None:
            yield Difference(key, f"1177 has heard nothing, the database has told revision {revision}")
        elif event.revision != revision:
            yield Difference(key, f"1177 has revision {event.revision}, the database {revision}")
        else:
            columns = zip(LINK_COLUMNS, _link(event.data), database.links.get(key, _NONE), strict=True)
            for name, published, stored in columns:
                if published != stored:
                    yield Difference(key, f"{name}: 1177 has {published}, the database {stored}")


_NONE: LinkRow = (None,) * len(LINK_COLUMNS)


def _link(data: Mapping[str, Any] | None) -> LinkRow:
    """The link that a record tells of, in the order of LINK_COLUMNS."""
    if data is None or data["status"] != "active":
        return _NONE
    unit, doctor = data["unit"], data["doctor"]
    return tuple(map(str, (unit["hsa_id"], unit["name"], doctor["hsa_id"], doctor["name"], data["start"])))
