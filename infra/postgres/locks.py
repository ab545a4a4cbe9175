"""Every advisory lock, and the order in which all locks are taken.

A transaction takes what it needs of these in this order, each in the order of its keys, so that two transactions wait
for each other instead of deadlocking:

1.  REFERENCE_DATA (day and units): share by every batch; exclusive by unit facts and by the beginning of a day
2.  rows of `consumer_offset` by partition: the fence; an operator's run has its rows of `run` and `run_partition`
    instead, and a replay of dead letters takes those of 8 that it judges here already
3.  PARTITION_OWNER by partition: share by records that are processed out of order (which take no row of 2), exclusive
    by whoever takes the partition over or repeats such an attempt in its turn
4.  rows of `command` by name: the inbox
5.  rows of `doctor` by HSA-id; whoever holds a doctor's row has all of the doctor's roster entries
6.  rows of `patient` by personnummer; whoever holds a patient's row has the patient's link; then `forgotten` by key
7.  rows of `import`, by unit and id
8.  rows of `dead_letter` by place; then a row of `release_guard`: only where a record stands alone that is
    dead-lettered, which takes nothing of 4 to 7
9.  rows of `outbox_shard` by shard, last of all: a sequence that is given is committed at once

Two operators who have the same records judged at once, one by their letters and one by their topic, may meet in 8 in
another order than in 6: PostgreSQL ends one of the two, which is tried again.

A decision that finds out late that it needs something of 5 or 6 that comes before what is locked already raises
LockOrderViolation, and the transaction begins again with all of it. What is not there cannot be locked: see
`infra/postgres/save.py` for two transactions that make the same row.

LEADER is held by a session, not by a transaction, and taken by a session that does nothing else. INSTALLATION and
MIGRATION are taken alone, at a process's start and by `fastlakare migrate`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

import asyncpg


class Lock(IntEnum):
    """The first key of the two that PostgreSQL's advisory locks have; the second is 0, or a partition."""

    REFERENCE_DATA = 7_311_201
    PARTITION_OWNER = 7_311_202
    LEADER = 7_311_203
    INSTALLATION = 7_311_204
    MIGRATION = 7_311_205


#: for the synchronous connection that migrations run on
LOCK_MIGRATION = f"SELECT pg_advisory_xact_lock({Lock.MIGRATION:d}, 0)"

_SHARE = "SELECT pg_advisory_xact_lock_shared($1, $2)"
_EXCLUSIVE = "SELECT pg_advisory_xact_lock($1, $2)"
_EXCLUSIVE_EACH = "SELECT pg_advisory_xact_lock($1, partition) FROM unnest($2::int[]) AS partition"
_TRY_SESSION = "SELECT pg_try_advisory_lock($1, 0)"


async def lock_reference_data(pg: asyncpg.Connection, *, exclusive: bool) -> None:
    """Neither a unit nor the day changes until the transaction ends; with `exclusive`, nobody else decides
    meanwhile."""
    await pg.execute(_EXCLUSIVE if exclusive else _SHARE, Lock.REFERENCE_DATA, 0)


async def lock_partition_owners(pg: asyncpg.Connection, partitions: Iterable[int]) -> None:
    """Waits until nobody processes commands of these partitions out of order, and lets nobody begin to."""
    await pg.execute(_EXCLUSIVE_EACH, Lock.PARTITION_OWNER, sorted(partitions))


async def share_partition_owner(pg: asyncpg.Connection, partition: int) -> None:
    """Nobody takes the partition of commands over until the transaction ends."""
    await pg.execute(_SHARE, Lock.PARTITION_OWNER, partition)


async def lock_installation(pg: asyncpg.Connection) -> None:
    """One process at a time registers topics."""
    await pg.execute(_EXCLUSIVE, Lock.INSTALLATION, 0)


async def try_lead(pg: asyncpg.Connection) -> bool:
    """Whether the session is the leader's now, which it then stays for as long as it lives."""
    return bool(await pg.fetchval(_TRY_SESSION, Lock.LEADER))
