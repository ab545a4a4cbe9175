"""What is noted of records that were read and changed nothing."""

from __future__ import annotations

from collections.abc import Iterable

from handlers.world.changes import Outcome
from infra.postgres import outcomes
from workers.pipeline.inbound import InboundRecord
from workers.pipeline.transaction import Transaction

#: what an operator can choose records by (`fastlakare replay --outcome`); the dead have letters
NOTED = frozenset({Outcome.STALE, Outcome.REFUSED, Outcome.SKIPPED})


async def note_outcomes(tx: Transaction, topic: str, batch: Iterable[InboundRecord]) -> None:
    """Notes them in the batch's transaction."""
    noted = [(one.cause.place, str(one.outcome)) for one in batch if one.outcome in NOTED]
    if found := [(place, outcome) for place, outcome in noted if place is not None]:
        await outcomes.note(tx.pg, topic, found)
