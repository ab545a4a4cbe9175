"""What a process knows of its partitions for as long as it has them."""

from __future__ import annotations

from infra.postgres.offsets import Position
from workers.pipeline.assignment import Assignment
from workers.pipeline.in_flight import InFlight


async def test_a_commit_of_a_partition_that_was_given_up_meanwhile_moves_the_others_on() -> None:
    """What raised here would be taken for a failure of the records, which are committed."""
    assignment = Assignment("t", 1, {0: Position(1, 5), 1: Position(1, 5)}, InFlight(1))
    assignment.fence(0)
    assignment.advance({0: 9, 1: 9})
    assert assignment.positions == {1: Position(1, 9)}


async def test_a_position_never_goes_back() -> None:
    assignment = Assignment("t", 1, {0: Position(1, 5)}, InFlight(1))
    assignment.advance({0: 4})
    assert assignment.positions == {0: Position(1, 5)}


def assigned(next_offset: int, untaken: int, reached: int) -> Assignment:
    assignment = Assignment("t", 1, {0: Position(1, next_offset)}, InFlight(1), untaken={0: 0})
    assignment.take({0: untaken}, {0: reached})
    return assignment


async def test_an_offset_moves_past_markers_once_all_that_was_taken_is_handled() -> None:
    assert assigned(next_offset=5, untaken=5, reached=7).behind_markers() == {0: 7}
    assert assigned(next_offset=6, untaken=5, reached=7).behind_markers() == {0: 7}


async def test_an_offset_does_not_move_past_records_that_are_on_their_way() -> None:
    assert assigned(next_offset=4, untaken=5, reached=7).behind_markers() == {}


async def test_an_offset_stays_where_the_client_has_passed_nothing() -> None:
    assert assigned(next_offset=5, untaken=5, reached=5).behind_markers() == {}


async def test_an_offset_of_a_partition_that_was_given_up_stays() -> None:
    given_up = assigned(next_offset=5, untaken=5, reached=7)
    given_up.stop(0)
    assert given_up.behind_markers() == {}
