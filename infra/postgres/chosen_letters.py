"""The dead letters that an operator chose: looked at in groups or one by one, discarded and restored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from handlers.world.changes import Place
from infra.postgres.dead_letters import DeadLetter
from infra.postgres.outbox import unpack

State = str
OPEN, HANDLED, DISCARDED = "open", "handled", "discarded"
STATES = (OPEN, HANDLED, DISCARDED)


class LetterPlace(NamedTuple):
    """Which letter: where its record stands, `topic` by the contract's name."""

    topic: str
    partition: int
    offset: int


class Choice(NamedTuple):
    """Which letters: those of all that is given; nothing given is all of them. `since`: failed last then or later."""

    places: Sequence[LetterPlace] | None = None
    topic: str | None = None
    code: str | None = None
    fingerprint: str | None = None
    release: str | None = None
    since: datetime | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Letters that are dead for one reason: `detail` is the newest, `attempts` the most of any, `oldest` is when the
    first was dead-lettered that is still kept."""

    topic: str
    code: str
    fingerprint: str | None
    detail: str
    count: int
    open: int
    oldest: datetime
    last: datetime
    attempts: int
    releases: Sequence[str]


class StoredLetter(NamedTuple):
    """A letter as it is kept; `last_at` is when it failed last."""

    letter: DeadLetter
    state: State
    last_at: datetime

    @property
    def place(self) -> LetterPlace:
        """Where its record stands."""
        return LetterPlace(self.letter.topic, self.letter.partition, self.letter.offset)


class Frozen(NamedTuple):
    """A choice as it was when it was looked at: how many letters it had in each state, and `ends`, the last offset of
    each partition: what comes later is no part of it."""

    choice: Choice
    counts: Mapping[State, int]
    ends: Mapping[tuple[str, int], int]

    @property
    def letters(self) -> int:
        """How many it has."""
        return sum(self.counts.values())


# $1 to $9: see `_parameters`
_CHOSEN = """
    ($1::text IS NULL OR letter.topic = $1) AND ($2::text IS NULL OR code = $2)
    AND ($3::text IS NULL OR fingerprint = $3) AND ($4::text IS NULL OR release = $4)
    AND ($5::timestamptz IS NULL OR last_at >= $5) AND ($6::text IS NULL OR state = $6)
    AND ($7::text[] IS NULL OR (letter.topic, letter.partition, record_offset) IN (
        SELECT * FROM unnest($7::text[], $8::int[], $9::bigint[])))
"""
# The newest detail without sorting: the largest of those that begin with their time, in digits of one length.
_GROUPS = f"""
SELECT topic, code, fingerprint,
    substr(max(to_char(last_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS') || detail COLLATE "C"), 21), count(*),
    count(*) FILTER (WHERE state = 'open'), min(dead_at), max(last_at), max(attempts),
    array_agg(DISTINCT release ORDER BY release)
FROM dead_letter AS letter WHERE {_CHOSEN}
GROUP BY topic, code, fingerprint ORDER BY count(*) DESC, topic, code, fingerprint
"""
_FREEZE = f"""
SELECT topic, partition, state, count(*), max(record_offset) FROM dead_letter AS letter WHERE {_CHOSEN}
GROUP BY topic, partition, state
"""
_COUNT = f"SELECT count(*) FROM dead_letter AS letter WHERE {_CHOSEN}"
_COUNT_PART = f"""
SELECT count(*) FROM dead_letter AS letter
WHERE topic = $10 AND partition = $11 AND record_offset > $12 AND record_offset <= $13 AND {_CHOSEN}
"""
_NEWEST = f"""
SELECT topic, partition, record_offset FROM dead_letter AS letter
WHERE {_CHOSEN} AND fingerprint IS NOT DISTINCT FROM $3 ORDER BY last_at DESC, record_offset DESC LIMIT $10
"""
# Of one partition at a time, so that the primary key leads from page to page.
_PAGE = f"""
FROM dead_letter AS letter
WHERE topic = $10 AND partition = $11 AND record_offset > $12 AND record_offset <= $13 AND {_CHOSEN}
ORDER BY record_offset LIMIT $14
"""
# octet_length reads no value; the running sum stops before there is too much to hold, behind one letter at the earliest
_READ = f"""
SELECT topic, partition, record_offset, record_timestamp, key, value, headers, code, detail, fingerprint, release,
    attempts, dead_at, state, last_at
FROM (
    SELECT page.*, sum(bytes) OVER (ORDER BY record_offset ROWS UNBOUNDED PRECEDING) - bytes AS bytes_before
    FROM (SELECT letter.*, coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) + octet_length(headers)
        AS bytes {_PAGE}) AS page
) AS page
WHERE bytes_before < $15 ORDER BY record_offset
"""
_LOCK = f"SELECT record_offset, code {_PAGE} FOR NO KEY UPDATE"
_ANY = f"SELECT record_offset {_PAGE}"
_CLAIM = """
SELECT partition, record_offset FROM dead_letter
WHERE topic = $1 AND state = 'open' AND (partition, record_offset) IN (SELECT * FROM unnest($2::int[], $3::bigint[]))
ORDER BY partition, record_offset FOR UPDATE
"""
_CHANGE = "UPDATE dead_letter SET state = $4 WHERE topic = $1 AND partition = $2 AND record_offset = ANY($3::bigint[])"
_BEFORE_ALL = -1


async def groups(pg: asyncpg.Connection, choice: Choice) -> list[Group]:
    """The chosen letters by topic, code and fingerprint, the largest group first."""
    return [Group(*row) for row in await pg.fetch(_GROUPS, *_parameters(choice))]


async def freeze(pg: asyncpg.Connection, choice: Choice) -> Frozen:
    """The choice as it is now."""
    counts, ends = dict.fromkeys(STATES, 0), dict[tuple[str, int], int]()
    for topic, partition, state, letters, last in await pg.fetch(_FREEZE, *_parameters(choice)):
        counts[state] += letters
        ends[topic, partition] = max(last, ends.get((topic, partition), last))
    return Frozen(choice, counts, ends)


async def newest(pg: asyncpg.Connection, choice: Choice, group: Group, letters: int) -> list[LetterPlace]:
    """Those of the group's open letters that the choice has and that failed last, at most so many."""
    of_group = choice._replace(topic=group.topic, code=group.code, fingerprint=group.fingerprint, state=OPEN)
    return [LetterPlace(*row) for row in await pg.fetch(_NEWEST, *_parameters(of_group), letters)]


async def count(pg: asyncpg.Connection, choice: Choice) -> int:
    """How many letters it has now."""
    return int(await pg.fetchval(_COUNT, *_parameters(choice)))


async def count_behind(pg: asyncpg.Connection, now: Frozen, ends: Mapping[tuple[str, int], int]) -> int:
    """How many letters of the choice stand behind these ends."""
    behind = 0
    for (topic, partition), end in now.ends.items():
        after = ends.get((topic, partition), _BEFORE_ALL)
        behind += await pg.fetchval(_COUNT_PART, *_parameters(now.choice), topic, partition, after, end)
    return behind


async def read(
    pg: asyncpg.Connection, frozen: Frozen, after: LetterPlace | None, *, letters: int, size: int
) -> list[StoredLetter]:
    """The letters that follow in the order of their places, at most `letters`, and no more once they have `size`
    bytes. Page by page, and not with a cursor: that would keep a transaction open for as long as somebody reads."""
    for page in _rest(frozen, after):
        if rows := await pg.fetch(_READ, *_parameters(frozen.choice), *page, letters, size):
            return [_stored(*row) for row in rows]
    return []


async def change(
    pg: asyncpg.Connection, frozen: Frozen, after: LetterPlace | None, state: State, *, letters: int
) -> list[tuple[LetterPlace, str]]:
    """Puts the letters that follow, at most so many, into the state, in the caller's transaction; returns their places
    and codes. Only letters in the state of the choice are touched, and of those only that column."""
    for topic, partition, begin, end in _rest(frozen, after):
        page = *_parameters(frozen.choice), topic, partition, begin, end
        # Whoever held the page's rows may have changed all of them; more may stand behind it.
        while await pg.fetchval(_ANY, *page, 1) is not None:
            if rows := await pg.fetch(_LOCK, *page, letters):
                await pg.execute(_CHANGE, topic, partition, [offset for offset, _ in rows], state)
                return [(LetterPlace(topic, partition, offset), code) for offset, code in rows]
    return []


async def claim(pg: asyncpg.Connection, topic: str, places: Sequence[Place]) -> set[Place]:
    """Locks those of these letters that are still open, so that nobody else handles them; returns which they are."""
    rows = await pg.fetch(_CLAIM, topic, [place.partition for place in places], [place.offset for place in places])
    return {Place(*row) for row in rows}


def _rest(frozen: Frozen, after: LetterPlace | None) -> Iterator[tuple[str, int, int, int]]:
    """Of each partition that is not done: topic, partition, the offset behind which it goes on, and its end."""
    for (topic, partition), end in sorted(frozen.ends.items()):
        if after is None or (topic, partition) > after[:2]:
            yield topic, partition, _BEFORE_ALL, end
        elif (topic, partition) == after[:2]:
            yield topic, partition, after.offset, end


def _stored(*row: Any) -> StoredLetter:
    return StoredLetter(DeadLetter._make([*row[:6], unpack(row[6]), *row[7:13]]), *row[13:])


def _parameters(choice: Choice) -> tuple[object, ...]:
    places = choice.places
    columns: Sequence[object] = (None, None, None)
    if places is not None:
        columns = [[place[column] for place in places] for column in range(3)]
    return choice.topic, choice.code, choice.fingerprint, choice.release, choice.since, choice.state, *columns
