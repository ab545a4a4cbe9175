"""Events come out of the hand-off in sequence, or not at all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infra.outbox_event import OutboxEvent
from workers.handoff import Handoff


@given(st.data())
def test_the_handoff_gives_each_shard_in_sequence_up_to_the_first_gap(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=8))
    batches, last = [], {0: 0, 1: 0}
    for size in sizes:
        rows = []
        for shard in (0, 1):
            rows += [OutboxEvent(shard, last[shard] + n, None, b"v", []) for n in range(1, size + 1)]
            last[shard] += size
        batches.append(rows)
    committed = data.draw(st.permutations([rows for rows in batches if data.draw(st.booleans())]))
    given_seqs = {row.seq for rows in committed for row in rows if row.shard == 0}
    handoff = Handoff()
    handoff.open()
    for rows in committed:
        handoff.put(rows)
    for shard in (0, 1):
        at = 0
        while run := handoff.take(shard, at):
            assert [row.seq for row in run] == list(range(at + 1, at + 1 + len(run)))
            assert all(row.shard == shard for row in run)
            at = run[-1].seq
        assert at + 1 not in given_seqs


def rows(*seqs: int, value: bytes = b"v") -> list[OutboxEvent]:
    return [OutboxEvent(0, seq, None, value, []) for seq in seqs]


def test_a_closed_handoff_takes_nothing_in() -> None:
    handoff = Handoff()
    handoff.put(rows(1))
    assert (handoff.committed(), handoff.take(0, 0)) == ({}, [])
    handoff.open()
    handoff.put(rows(1))
    handoff.close()
    assert (handoff.committed(), handoff.take(0, 0)) == ({}, [])


def test_a_full_handoff_still_tells_how_far_the_table_reaches() -> None:
    handoff = Handoff(max_events=2)
    handoff.open()
    handoff.put(rows(1, 2))
    handoff.put(rows(3))
    assert handoff.committed() == {0: 3}
    assert handoff.committed() == {}
    assert handoff.take(0, 0) == rows(1, 2)
    assert handoff.take(0, 2) == []
    handoff.put(rows(4))
    assert handoff.take(0, 3) == rows(4)


def test_what_the_relay_took_from_the_table_is_dropped() -> None:
    handoff = Handoff()
    handoff.open()
    handoff.put(rows(1, 2, 3))
    assert handoff.take(0, 2) == rows(3)
    assert handoff.take(0, 0) == []
