"""Ends the sessions of processes that sleep on a lock others wait for (architecture.md: a sleeper must not keep its
locks).

The server's own `idle_in_transaction_session_timeout` sees only who fell asleep between two statements. In the middle
of one it waits for the rest without end: for the values of a statement that is prepared, for the rows of a COPY, which
not even PostgreSQL's other timeouts reach (tried with 18). So the processes look for themselves (record 0026).
"""

from __future__ import annotations

from typing import NamedTuple

import asyncpg

#: as long as the server waits for those between two statements (infra/postgres/connection.py)
SLEPT_SECONDS = 30.0

# `state_change` is when the transaction's last statement began, or ended. Only sessions of our own role may be ended.
# MATERIALIZED: nobody is ended before all conditions have been looked at.
_END = """
WITH asleep AS MATERIALIZED (
    SELECT pid, extract(epoch FROM clock_timestamp() - state_change)::float8 AS slept
    FROM pg_stat_activity
    WHERE pid IN (SELECT unnest(pg_blocking_pids(waiting.pid)) FROM pg_stat_activity AS waiting
                  WHERE waiting.datname = current_database() AND waiting.wait_event_type = 'Lock')
      AND wait_event_type = 'Client' AND clock_timestamp() - state_change >= make_interval(secs => $1)
      AND usename = current_user AND application_name LIKE 'fastlakare%'
)
SELECT pid, slept FROM asleep WHERE pg_terminate_backend(pid)
"""


class Ended(NamedTuple):
    """A session that was ended; it had `slept` for so many seconds."""

    pid: int
    slept: float


async def end_sleepers(pg: asyncpg.Connection, after: float = SLEPT_SECONDS) -> list[Ended]:
    """Ends every session of ours in this database that others wait for while it itself has waited for its process for
    `after` seconds. What it had begun is rolled back, and the process, once it wakes, finds its connection gone."""
    return [Ended(*row) for row in await pg.fetch(_END, after)]
