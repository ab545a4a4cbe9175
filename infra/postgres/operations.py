"""The audit rows of what an operator does (D4): one for the operation, and one for each record that it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from infra.provenance import Provenance
from infra.version import version

_WRITE = """
INSERT INTO audit (at, what, reason, rule, source, message_id, topic, partition, record_offset, release, run, run_actor,
    run_reason)
SELECT now(), $1, about.reason, $2, coalesce(about.topic, 'fastlakare'),
    coalesce(about.partition || '/' || about.record_offset, $3), about.topic, about.partition, about.record_offset,
    $4, $3, $5, $6
FROM unnest($7::text[], $8::text[], $9::int[], $10::bigint[]) AS about(reason, topic, partition, record_offset)
"""


class Concerned(NamedTuple):
    """A record of a topic (the contract's name), or a whole partition where `offset` is None, and why it is concerned,
    for instance its `dlq_code`."""

    topic: str
    partition: int
    offset: int | None
    reason: str


async def begin(pg: asyncpg.Connection, what: str, rule: str, by: Provenance, about: str) -> None:
    """The row of an operation, before it does or shows anything; `about` says what was chosen."""
    await pg.execute(_WRITE, what, rule, by.run, version(), by.actor, by.reason, [about], [None], [None], [None])


async def concern(pg: asyncpg.Connection, what: str, rule: str, by: Provenance, records: Sequence[Concerned]) -> None:
    """A row for each record, in the transaction that does it, or before it is shown. It names the record's place, never
    what its envelope says of itself, which may be anything (D1)."""
    topics, partitions, offsets, reasons = (list(column) for column in zip(*records, strict=True))
    await pg.execute(_WRITE, what, rule, by.run, version(), by.actor, by.reason, reasons, topics, partitions, offsets)
