"""The relay: publishes what the batches have committed, every shard in sequence and nothing twice (P4).

One process leads, the others stand by. The steps of a leader's term; behind each lies a failpoint `relay:<step>`:

1-locked        the advisory lock is taken
2-initialised   `init_transactions`: every earlier leader is shut out, also one that only slept, and what it left open
                is aborted; cluster, topics and settings are those that the database remembers
3-tail-read     the last sequence in each output partition is read: there it goes on. The cursor in the table is a lower
                bound only, for a tail that retention or compaction took. A transaction of ours that a broker forgot
                to end in a partition is committed
then, round after round:
4-collected     the events that follow, out of the hand-off, or out of the table where the hand-off has a gap
5-sent          all replicas have acknowledged them, inside a transaction; the lock's session still answers
6-committed     the transaction is committed: they are published, whatever happens to this process
and beside the rounds:
7-cleaned       the cursor in the table is moved up, and the rows are deleted, as far as readers see them; every few
                seconds cluster, topics and settings are compared once more

Any error, anywhere, ends the term: the producer is abandoned, the lock let go, and all starts over from step 1. The
relay never aborts or repeats anything by itself: a delayed request must find nothing to tear, and the tail says where
to go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from infra import metrics, timing
from infra.error_kinds import is_transient
from infra.failpoints import hit
from infra.identity import agreed_settings
from infra.kafka.producer import Producer
from infra.logs import log
from infra.postgres.connection import checkout
from infra.postgres.installation import check_identity, read_id
from infra.postgres.leadership import Leadership, acquire_leadership
from infra.settings import Settings
from workers.handoff import Handoff
from workers.health import Health
from workers.relay.positions import read_positions
from workers.relay.term import Term

STEPS = ("1-locked", "2-initialised", "3-tail-read", "4-collected", "5-sent", "6-committed", "7-cleaned")
_COMPONENT = "relay"


class Duty(Protocol):
    """Something that exactly one process does now and then: the relay's leader, beside its rounds."""

    every: float  # seconds between two runs
    component: str  # what readiness calls it

    async def begin(self, engine: AsyncEngine) -> None:
        """A term begins."""

    async def __call__(self, engine: AsyncEngine) -> None:
        """One run. It is cancelled when leadership is lost; an exception starts the relay over."""


class Relay:
    """Publishes the outbox of an installation for as long as its process leads, and stands by until then."""

    def __init__(
        self,
        engine: AsyncEngine,
        settings: Settings,
        handoff: Handoff,
        *,
        duties: Sequence[Duty] = (),
        health: Health | None = None,
    ) -> None:
        """`engine`: up to four connections of its pool are in use while this process leads, and what the duties use;
        one while it stands by. `handoff`: where the batches of this process give what they have committed."""
        self._engine = engine
        self._settings = settings
        self._handoff = handoff
        self._duties = duties
        self._health = health or Health()
        self._progressed = False

    async def run(self) -> NoReturn:
        """For ever, whatever fails; ends only by being cancelled."""
        while True:
            pauses = wait_random_exponential(*timing.RELAY_RETRY)
            async for attempt in AsyncRetrying(retry=retry_if_exception_type(Exception), wait=pauses):
                with attempt:
                    await self._attempt()

    async def _attempt(self) -> None:
        """A term; returns when it failed after having got somewhere, raises when it did not."""
        self._progressed = False
        try:
            await self._run_term()
        except Exception as error:
            causes = "; ".join(dict.fromkeys(_causes(error)))
            log.warning("relay restarting after an error", causes=causes)
            self._health.report(
                _COMPONENT, f"restarting after an error: {causes}", after=timing.RELAY_UNHEALTHY_AFTER_SECONDS
            )
            if not self._progressed:
                raise

    async def _run_term(self) -> None:
        async with checkout(self._engine) as pg:
            installation = await read_id(pg)
        lock = acquire_leadership(self._engine, on_standby=lambda: self._health.forget(_COMPONENT))
        async with lock as leadership, asyncio.TaskGroup() as tasks:
            hit("relay:1-locked")
            tasks.create_task(leadership.heartbeat())
            tasks.create_task(self._publish_as_leader(leadership, installation))

    async def _publish_as_leader(self, leadership: Leadership, installation: UUID) -> None:
        async with Producer(self._settings, installation) as producer:
            hit("relay:2-initialised")
            await self._check_identity(producer)
            positions = await read_positions(self._engine, self._settings, installation, producer.reader, producer.id)
            if left_open := [position.partition for position in positions if position.tail.open]:
                where = [f"{tp.topic}/{tp.partition}" for tp in left_open]
                log.warning("transactions left open by a broker", partitions=where)
                async with asyncio.timeout(timing.RELAY_TRANSACTION_SECONDS):
                    await producer.close_open_transactions(left_open)
            hit("relay:3-tail-read")
            term = Term(self._engine, leadership, producer, self._handoff, positions, self._health, self._progress)
            with self._handoff_open(), term.reporting():
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(term.publish())
                    tasks.create_task(term.clean())
                    tasks.create_task(self._watch_identity(producer))
                    for duty in self._duties:
                        tasks.create_task(self._do(duty))

    async def _check_identity(self, producer: Producer) -> None:
        cluster = await producer.cluster(self._settings)
        async with checkout(self._engine) as pg:
            await check_identity(pg, agreed_settings(self._settings), cluster)

    async def _watch_identity(self, producer: Producer) -> NoReturn:
        """A topic that is made anew would be written on, and its readers would not know that all before is missing."""
        while True:
            await asyncio.sleep(timing.IDENTITY_SECONDS)
            try:
                await self._check_identity(producer)
            except Exception as error:
                if not is_transient(error):
                    raise

    async def _do(self, duty: Duty) -> NoReturn:
        try:
            await duty.begin(self._engine)
            while True:
                await duty(self._engine)
                await asyncio.sleep(max(duty.every, timing.DUTY_SHORTEST_PAUSE_SECONDS))
        finally:
            self._health.forget(duty.component)

    @contextmanager
    def _handoff_open(self) -> Iterator[None]:
        self._handoff.open()
        self._report_leadership(True)
        try:
            yield
        finally:
            self._report_leadership(False)
            self._handoff.close()

    def _report_leadership(self, leading: bool) -> None:
        metrics.relay_leader.set(leading)
        log.info("relay leads" if leading else "relay stopped leading")

    def _progress(self) -> None:
        self._progressed = True
        self._health.report(_COMPONENT, None)
        self._health.progress(_COMPONENT)


def _causes(error: BaseException) -> Iterator[str]:
    """Classes and texts of what went wrong, out of all groups; nothing that goes through here carries a payload."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    else:
        yield f"{type(error).__name__}: {str(error).splitlines()[0]}" if str(error) else type(error).__name__
