"""Which instants count: those that Python, PostgreSQL and the readers of our events all can hold (T2, contract.md)."""

from __future__ import annotations

from datetime import UTC, datetime

FIRST_YEAR, LAST_YEAR = 1970, 2999

#: stands in for a record's timestamp that is out of range
EARLIEST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
_PAST_LATEST = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp() * 1000


def in_range(at: datetime) -> bool:
    """Whether an instant in UTC lies in the years 1970 to 2999; Go's and .NET's zero times do not."""
    return FIRST_YEAR <= at.year <= LAST_YEAR


def from_record(timestamp_ms: int) -> datetime:
    """The instant of a record's timestamp, milliseconds since 1970; `EARLIEST` where it is out of range (-1, or micro-
    or nanoseconds)."""
    if not 0 <= timestamp_ms < _PAST_LATEST:
        return EARLIEST
    seconds, ms = divmod(timestamp_ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=ms * 1000)
