"""The records of a partition that wait for the batch in hand, and when more are taken in."""

from __future__ import annotations

from schemas.topics import LISTNING_COMMAND
from tests.workers.pipeline.command_records import file, resume
from workers.pipeline.inbound import decode
from workers.pipeline.partition_queue import PartitionQueue


def test_a_queue_is_open_while_a_file_waits_or_is_in_hand() -> None:
    queue = PartitionQueue()
    queue.add(decode(LISTNING_COMMAND, record) for record in (resume(0), resume(1), file(2), file(3)))
    assert queue.open
    assert ([read.record.offset for read in queue.next()], queue.open) == ([0, 1], True)
    queue.add([decode(LISTNING_COMMAND, resume(4))])
    assert ([read.record.offset for read in queue.next()], queue.open) == ([2, 3], True)
    assert ([read.record.offset for read in queue.next()], queue.open) == ([4], False)
    assert (queue.next(), queue.open) == ([], False)


def test_a_queue_does_not_take_in_without_end() -> None:
    queue = PartitionQueue()
    queue.add(decode(LISTNING_COMMAND, record) for record in (file(0), *(resume(n) for n in range(1, 500))))
    assert not queue.open
    queue.next()
    assert queue.open
