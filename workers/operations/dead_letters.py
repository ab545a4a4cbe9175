"""What operators do with dead letters: look at them in groups or one by one, discard, restore and export them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import orjson

from infra.postgres import chosen_letters, migrations, operations, release_guards
from infra.postgres.chosen_letters import DISCARDED, OPEN, Choice, Frozen, Group, LetterPlace, State, StoredLetter
from infra.postgres.connection import connect
from infra.postgres.operations import Concerned
from infra.postgres.release_guards import ReleaseGuard
from infra.provenance import Provenance
from infra.settings import Settings
from schemas import instants
from schemas.envelope import instant
from schemas.errors import FastlakareError
from schemas.record_lines import to_line
from schemas.topics import TOPICS
from workers.operations.masking import show_record

#: letters that one transaction changes: nobody waits for it
_CHUNK = 1_000
#: letters that are held at a time, and their bytes: memory stays flat whatever is exported
_PAGE_LETTERS, _PAGE_BYTES = 1_000, 8 << 20
#: records that may be shown in clear at once (O8)
MOST_REVEALED = 100
_ID = re.compile(r"([A-Za-z0-9._-]{1,249})/([0-9]{1,9})/([0-9]{1,18})")
#: the topics that letters come from, by the contract's names
INPUTS = tuple(topic.name for topic in TOPICS if topic.direction == "in")

#: how many letters of a group would today end how; None where nothing is judged
Grouped = tuple[Group, Mapping[str, int] | None]
Judge = Callable[[Group], Awaitable[Mapping[str, int] | None]]
#: is told how many letters are done
Progress = Callable[[int], None]


class NoSuchLetter(FastlakareError):
    """An id that is none, or of no letter; the text does not repeat it (O8)."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of chosen letters: `not_included` came, or were opened again, after they were looked at."""

    changed: int
    not_included: int


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection for one command. Raises what connecting does, and WrongSchema."""
    pg = await connect(settings.database_url.get_secret_value(), application_name="fastlakare dlq")
    try:
        await migrations.check(pg)
        yield pg
    finally:
        await pg.close()


def letter_id(place: LetterPlace) -> str:
    """`<source topic>/<partition>/<offset>`."""
    return f"{place.topic}/{place.partition}/{place.offset}"


def read_id(text: str, prefix: str = "") -> LetterPlace:
    """The place that an id names; the topic may have the installation's prefix. Raises NoSuchLetter."""
    match = _ID.fullmatch(text)
    if match is None or (topic := match[1].removeprefix(prefix)) not in INPUTS:
        raise NoSuchLetter("the id of a letter should be <source topic>/<partition>/<offset>")
    return LetterPlace(topic, int(match[2]), int(match[3]))


async def grouped(pg: asyncpg.Connection, choice: Choice, judge: Judge | None = None) -> list[Grouped]:
    """The groups of the choice, each with what `judge` says of it."""
    groups = await chosen_letters.groups(pg, choice)
    return [(group, None if judge is None else await judge(group)) for group in groups]


def group_as_json(group: Group, now: Mapping[str, int] | None, kept: timedelta) -> dict[str, Any]:
    """For scripts; `expires` is when the oldest is deleted."""
    return {
        "topic": group.topic,
        "code": group.code,
        "fingerprint": group.fingerprint,
        "detail": group.detail,
        "count": group.count,
        "open": group.open,
        "first": instant(group.oldest),
        "last": instant(group.last),
        "releases": list(group.releases),
        "expires": instant(group.oldest + kept),
        "now": None if now is None else dict(now),
    }


async def found(pg: asyncpg.Connection, places: Sequence[LetterPlace]) -> list[StoredLetter]:
    """The letters with these places, in their order. Raises NoSuchLetter where one is not there."""
    frozen = await chosen_letters.freeze(pg, Choice(places))
    letters = {letter.place: letter async for page in _pages(pg, frozen) for letter in page}
    require_all(places, letters)
    return [letters[place] for place in places]


def require_all(places: Iterable[LetterPlace], known: Iterable[LetterPlace]) -> None:
    """Raises NoSuchLetter where one is not known."""
    there = set(known)
    missing = [str(number) for number, place in enumerate(places, start=1) if place not in there]
    if missing:
        more = f" and {len(missing) - 10} others" if len(missing) > 10 else ""
        raise NoSuchLetter(f"no such letter: number {', '.join(missing[:10])}{more} of the ids given")


def described(choice: Choice) -> str:
    """What was chosen, in a line for the audit trail."""
    if choice.places is not None:
        return "ids"
    given = [
        f"{name} {value}"
        for name in ("topic", "code", "fingerprint", "release", "state")
        if (value := getattr(choice, name))
    ]
    if choice.since is not None:
        given.append(f"since {instant(choice.since)}")
    return ", ".join(given) or "all"


def masked(stored: StoredLetter, kept: timedelta) -> dict[str, Any]:
    """A letter as an operator sees it (O8)."""
    letter = stored.letter
    in_range = instants.from_record(letter.timestamp) != instants.EARLIEST or letter.timestamp == 0
    return {
        "id": letter_id(stored.place),
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "state": stored.state,
        "code": letter.code,
        "detail": letter.detail,
        "fingerprint": letter.fingerprint,
        "release": letter.release,
        "attempts": letter.attempts,
        "timestamp": instant(instants.from_record(letter.timestamp)) if in_range else "<out of range>",
        "first": instant(letter.dead_at),
        "last": instant(stored.last_at),
        "expires": instant(letter.dead_at + kept),
        **show_record(letter.topic, letter),
    }


def revealed(stored: StoredLetter) -> dict[str, Any]:
    """The record as it came: key, headers and value as texts, or base64 where they are none."""
    record: dict[str, Any] = orjson.loads(to_line(stored.letter))
    return record


async def reveal(pg: asyncpg.Connection, letters: Sequence[StoredLetter], by: Provenance) -> None:
    """Writes into the audit trail who is about to see these letters: before anything is shown (O8)."""
    async with pg.transaction():
        await operations.begin(pg, "dlq show", "O8", by, "ids")
        await operations.concern(pg, "dlq show", "O8", by, [_concerned(letter) for letter in letters])


async def change(pg: asyncpg.Connection, frozen: Frozen, state: State, by: Provenance, report: Progress) -> Changed:
    """Discards (`state` discarded) or restores (open) the letters of a frozen choice, in transactions of at most so
    many, each with its audit rows; letters in another state than the one it changes are left as they are."""
    what, before = ("dlq discard", OPEN) if state == DISCARDED else ("dlq restore", DISCARDED)
    eligible = frozen._replace(choice=frozen.choice._replace(state=before))
    done, after = 0, None
    await operations.begin(pg, what, "O1", by, described(frozen.choice))
    while True:
        async with pg.transaction():
            changed = await chosen_letters.change(pg, eligible, after, state, letters=_CHUNK)
            if changed:
                await operations.concern(pg, what, "O1", by, [Concerned(*place, code) for place, code in changed])
        if not changed:
            break
        after, done = changed[-1][0], done + len(changed)
        report(done)
    return Changed(done, await chosen_letters.count(pg, eligible.choice))


async def export(
    pg: asyncpg.Connection, frozen: Frozen, by: Provenance | None, kept: timedelta, report: Progress
) -> AsyncIterator[bytes]:
    """The letters of a frozen choice as lines of JSON, page by page: byte for byte where `by` says who exports them and
    why, which is in the audit trail before a page is handed out (O8); else masked."""
    done = 0
    if by is not None:
        await operations.begin(pg, "dlq export", "O8", by, described(frozen.choice))
    async for page in _pages(pg, frozen):
        if by is None:
            lines = [orjson.dumps(masked(letter, kept), option=orjson.OPT_APPEND_NEWLINE) for letter in page]
        else:
            await operations.concern(pg, "dlq export", "O8", by, [_concerned(letter) for letter in page])
            lines = [to_line(letter.letter) for letter in page]
        yield b"".join(lines)
        done += len(page)
        report(done)


async def lift_guards(pg: asyncpg.Connection, guards: Sequence[ReleaseGuard], by: Provenance) -> None:
    """Lets the releases go on where they were stopped, with a row for each partition in the audit trail."""
    async with pg.transaction():
        await operations.begin(pg, "dlq release-guard", "O1", by, "guards")
        about = [
            Concerned(guard.topic, partition, None, f"release {guard.release}")
            for guard in guards
            for partition in guard.partitions
        ]
        await operations.concern(pg, "dlq release-guard", "O1", by, about)
        await release_guards.lift(pg, guards)


def guard_as_json(guard: ReleaseGuard) -> dict[str, Any]:
    """For scripts."""
    return {
        "topic": guard.topic,
        "release": guard.release,
        "records": guard.records,
        "partitions": list(guard.partitions),
        "why": guard.why,
        "stopped": instant(guard.stopped_at),
    }


async def freeze(pg: asyncpg.Connection, choice: Choice) -> Frozen:
    """The choice as it is now. Raises NoSuchLetter where one of its ids is not there."""
    frozen = await chosen_letters.freeze(pg, choice)
    if choice.places is not None and frozen.letters < len(choice.places):
        await found(pg, choice.places)
    return frozen


async def guards(pg: asyncpg.Connection, topic: str | None) -> list[ReleaseGuard]:
    """Every release that is stopped, on that topic (the contract's name) or on any."""
    return await release_guards.guards(pg, topic)


def kept_for(settings: Settings) -> timedelta:
    """How long letters are kept."""
    return timedelta(days=settings.dlq_retention_days)


async def _pages(pg: asyncpg.Connection, frozen: Frozen) -> AsyncIterator[list[StoredLetter]]:
    after = None
    while page := await chosen_letters.read(pg, frozen, after, letters=_PAGE_LETTERS, size=_PAGE_BYTES):
        yield page
        after = page[-1].place


def _concerned(stored: StoredLetter) -> Concerned:
    return Concerned(*stored.place, stored.letter.code)
