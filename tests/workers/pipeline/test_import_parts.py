"""A file's parts in batches: each import is judged with its own, and answered whenever one comes again (C11)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.harness.consumer_record import ConsumerRecord
from tests.workers.fixtures import Rig, Worker, worker
from tests.workers.pipeline.command_records import UNIT, command, replies

CHIEF = {"id": "annsv4", "role": "VC-chef", "unit_hsa_id": UNIT}


async def commands(rig: Rig) -> Worker:
    return await worker(rig, "command")


def part_of(offset: int, number: int, *, of: int, **more: Any) -> ConsumerRecord:
    """A part of a file, from one who may send it."""
    fields = {"import_id": "f", "part": number, "parts": of, "rows": [], "actor": CHIEF, **more}
    return command(offset, UNIT, "import-links", 0, None, **fields)


async def test_a_real_import_is_not_judged_with_parts_of_a_trial(rig: Rig) -> None:
    """The trial's last part and the real import's first come in one batch, which forgets the one, keeps the other."""
    assigned, pg = await commands(rig), rig.pg
    for batch in (
        [part_of(0, 1, of=3, dry_run=True), part_of(1, 2, of=3, dry_run=True)],
        [part_of(2, 3, of=3, dry_run=True), part_of(3, 1, of=3)],
        [part_of(4, 3, of=3)],
    ):
        await assigned.handle(batch)
        await assigned.drained()
    held_parts = [row[0] for row in await pg.fetch("SELECT part FROM import_part ORDER BY part")]
    assert (await replies(pg), held_parts) == (1, [1, 3])


async def test_a_part_after_the_answer_is_answered_whenever_it_comes_again(rig: Rig) -> None:
    assigned, pg = await commands(rig), rig.pg
    late = part_of(1, 1, of=1)
    for offset, record in enumerate((part_of(0, 1, of=1), late, late, late)):
        await assigned.handle([replace(record, offset=offset)])
        await assigned.drained()
        assert await replies(pg) == offset + 1
