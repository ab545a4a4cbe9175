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
