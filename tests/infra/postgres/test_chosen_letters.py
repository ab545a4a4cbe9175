"""Dead letters in groups, page by page, discarded and restored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from infra.postgres import chosen_letters, dead_letters, operations
from infra.postgres.chosen_letters import Choice, LetterPlace, StoredLetter
from infra.postgres.connection import connect
from infra.postgres.dead_letters import DeadLetter
from infra.postgres.operations import Concerned
from infra.provenance import Provenance

NOON = datetime(2026, 5, 26, 12, tzinfo=UTC)
STAFF, LISTING = "kiv.staff.v1", "vardval.listing.v1"
BY = Provenance("k3jx2qpa", "anna@host", "a test")


def letter(offset: int, **changed: object) -> DeadLetter:
    """A letter of the listing topic."""
    made = DeadLetter(
        LISTING, 0, offset, 1, b"k", b"\x00\xff", [("a", None), ("a", b"\xfe")], "invalid_data", "sequence: x", None,
        "1.0", 1, NOON + timedelta(minutes=offset),
    )  # fmt: skip
    return made._replace(**changed)  # type: ignore[arg-type]


@pytest.fixture
async def pg(migrated_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(migrated_url)
    yield connection
    await connection.close()


async def all_of(
    pg: asyncpg.Connection, choice: Choice, *, letters: int = 2, size: int = 1 << 20
) -> list[StoredLetter]:
    """Every chosen letter, page by page."""
    frozen, found = await chosen_letters.freeze(pg, choice), list[StoredLetter]()
    while page := await chosen_letters.read(pg, frozen, found[-1].place if found else None, letters=letters, size=size):
        found += page
    return found


async def test_letters_are_grouped_by_topic_code_and_fingerprint_with_the_newest_detail(pg: asyncpg.Connection) -> None:
    failed = {"code": "handler_failed", "fingerprint": "RuntimeError in handlers.listing.decide"}
    await dead_letters.add(
        pg,
        [
            letter(1, detail="zz: older"),
            letter(3, detail="aa: newest", release="1.1"),
            letter(2, detail="mm: between"),
            letter(4, **failed, attempts=2),
            letter(5, topic=STAFF),
        ],
    )
    await pg.execute("UPDATE dead_letter SET state = 'discarded' WHERE record_offset = 2")

    first, *others = await chosen_letters.groups(pg, Choice())

    assert (first.topic, first.code, first.fingerprint, first.detail) == (LISTING, "invalid_data", None, "aa: newest")
    assert (first.count, first.open, first.releases, first.attempts) == (3, 2, ["1.0", "1.1"], 1)
    assert (first.oldest, first.last) == (NOON + timedelta(minutes=1), NOON + timedelta(minutes=3))
    assert [(one.topic, one.fingerprint, one.attempts) for one in others] == [
        (STAFF, None, 1),
        (LISTING, failed["fingerprint"], 2),
    ]


@pytest.mark.parametrize(
    ("choice", "offsets"),
    [
        (Choice(), [5, 1, 2, 3, 4]),
        (Choice(topic=LISTING), [1, 2, 3, 4]),
        (Choice(code="invalid_json"), [2]),
        (Choice(fingerprint="f"), [3]),
        (Choice(release="2"), [4]),
        (Choice(since=NOON + timedelta(minutes=4)), [5, 4]),
        (Choice(state="open"), [5, 1, 2, 3, 4]),
        (Choice(state="handled"), []),
        (Choice(places=[LetterPlace(LISTING, 0, 1), LetterPlace(STAFF, 0, 5), LetterPlace(STAFF, 1, 2)]), [5, 1]),
        (Choice(places=[]), []),
        (Choice(topic=STAFF, release="2"), []),
    ],
)
async def test_letters_are_chosen_by_all_that_is_given_and_come_in_the_order_of_their_places(
    pg: asyncpg.Connection, choice: Choice, offsets: list[int]
) -> None:
    await dead_letters.add(
        pg,
        [
            letter(1),
            letter(2, code="invalid_json"),
            letter(3, fingerprint="f"),
            letter(4, release="2"),
            letter(5, topic=STAFF),
        ],
    )
    found = await all_of(pg, choice)
    assert [one.letter.offset for one in found] == offsets
    assert await chosen_letters.count(pg, choice) == len(offsets)


async def test_a_letter_is_read_as_it_came_and_a_page_holds_no_more_than_fits(pg: asyncpg.Connection) -> None:
    large = [letter(offset, value=bytes(1_000), headers=[]) for offset in range(5)]
    await dead_letters.add(pg, [*large, letter(9)])
    frozen = await chosen_letters.freeze(pg, Choice())
    page = await chosen_letters.read(pg, frozen, None, letters=100, size=1_500)
    assert [one.letter for one in page] == large[:2]
    assert (await all_of(pg, Choice(), letters=100, size=1))[-1] == StoredLetter(
        letter(9), "open", NOON + timedelta(minutes=9)
    )


async def test_what_comes_after_a_choice_was_looked_at_is_no_part_of_it(pg: asyncpg.Connection) -> None:
    await dead_letters.add(pg, [letter(1), letter(2)])
    frozen = await chosen_letters.freeze(pg, Choice(state="open"))
    await dead_letters.add(pg, [letter(3), letter(4, partition=1)])

    changed = await chosen_letters.change(pg, frozen, None, "discarded", letters=10)

    assert changed == [(LetterPlace(LISTING, 0, 1), "invalid_data"), (LetterPlace(LISTING, 0, 2), "invalid_data")]
    assert await chosen_letters.count(pg, Choice(state="open")) == 2


async def test_only_the_state_of_letters_in_the_chosen_state_changes_and_page_by_page(pg: asyncpg.Connection) -> None:
    await dead_letters.add(pg, [letter(offset) for offset in range(5)])
    await pg.execute("UPDATE dead_letter SET state = 'handled' WHERE record_offset = 2")
    before = await pg.fetch("SELECT * FROM dead_letter ORDER BY record_offset")
    frozen, after = await chosen_letters.freeze(pg, Choice(state="open")), None
    pages: list[list[int]] = []
    while page := await chosen_letters.change(pg, frozen, after, "discarded", letters=3):
        after, pages = page[-1][0], [*pages, [place.offset for place, _ in page]]
    assert pages == [[0, 1, 3], [4]]
    states = ["handled" if row["record_offset"] == 2 else "discarded" for row in before]
    expected = [dict(row) | {"state": state} for row, state in zip(before, states, strict=True)]
    assert [dict(row) for row in await pg.fetch("SELECT * FROM dead_letter ORDER BY record_offset")] == expected


async def test_two_operators_at_once_change_each_letter_once(pg: asyncpg.Connection, migrated_url: str) -> None:
    """The one who waits goes on behind what the other did."""
    await dead_letters.add(pg, [letter(offset) for offset in range(6)])
    frozen = await chosen_letters.freeze(pg, Choice(state="open"))
    other = await connect(migrated_url)
    try:
        first = pg.transaction()
        await first.start()
        assert len(await chosen_letters.change(pg, frozen, None, "discarded", letters=3)) == 3
        waiting = asyncio.create_task(chosen_letters.change(other, frozen, None, "discarded", letters=3))
        await asyncio.wait([waiting], timeout=0.2)
        assert not waiting.done()
        await first.commit()
        assert [place.offset for place, _ in await waiting] == [3, 4, 5]
    finally:
        await other.close()


async def test_an_operation_leaves_a_row_in_the_audit_trail_and_one_for_each_record(pg: asyncpg.Connection) -> None:
    await operations.begin(pg, "dlq discard", "O1", BY, "all")
    await operations.concern(pg, "dlq discard", "O1", BY, [Concerned(LISTING, 0, 7, "invalid_data")])
    columns = "what, reason, rule, source, message_id, topic, partition, record_offset, run, run_actor, run_reason"
    assert [tuple(row) for row in await pg.fetch(f"SELECT {columns} FROM audit ORDER BY id")] == [
        ("dlq discard", "all", "O1", "fastlakare", BY.run, None, None, None, *BY),
        ("dlq discard", "invalid_data", "O1", LISTING, "0/7", LISTING, 0, 7, *BY),
    ]
