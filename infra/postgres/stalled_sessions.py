"""Terminates the sessions of processes that sleep on a lock others wait for: a process asleep must not keep its locks.

The server's own `idle_in_transaction_session_timeout` sees only who fell asleep between two statements. In the middle
of one it waits for the rest without end: for the values of a statement that is prepared, for the rows of a COPY, which
not even PostgreSQL's other timeouts reach (tried with 18). So the processes look for themselves (record 0026).
"""

from __future__ import annotations

from typing import NamedTuple

import asyncpg

from infra import timing

# `state_change` is when the transaction's last statement began, or ended. Only sessions of our own role may be ended.
# MATERIALIZED: nobody is ended before all conditions have been looked at.
_TERMINATE = """
WITH stalled AS MATERIALIZED (
    SELECT pid, extract(epoch FROM clock_timestamp() - state_change)::float8 AS seconds
    FROM pg_stat_activity
    WHERE pid IN (SELECT unnest(pg_blocking_pids(waiting.pid)) FROM pg_stat_activity AS waiting
                  WHERE waiting.datname = current_database() AND waiting.wait_event_type = 'Lock')
      AND wait_event_type = 'Client' AND clock_timestamp() - state_change >= make_interval(secs => $1)
      AND usename = current_user AND application_name LIKE 'fastlakare%'
)
SELECT pid, seconds FROM stalled WHERE pg_terminate_backend(pid)
"""


class StalledSession(NamedTuple):
    """A session that was terminated."""

    pid: int
    stalled_seconds: float


async def terminate_stalled_sessions(
    pg: asyncpg.Connection, after: float = timing.STALLED_SESSION_SECONDS
) -> list[StalledSession]:
    """Terminates every session of ours in this database that others wait for while it itself has waited for its process
    for `after` seconds. What it had begun is rolled back, and the process, once it wakes, finds its connection gone."""
    return [StalledSession(*row) for row in await pg.fetch(_TERMINATE, after)]
