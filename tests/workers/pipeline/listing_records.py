"""Listings as the worker gets them, handlers that fail on one, and what became of them in the database."""

from __future__ import annotations

from datetime import date
from typing import Any

import asyncpg

from handlers import listing as listing_handler
from handlers.world import Choice, Needs, World
from handlers.world.changes import Cause, LinkChange, Outcome
from infra.postgres.outbox import pack, unpack
from schemas.listing import ListingState
from schemas.topics import LISTNING_CLOCK, VARDVAL_LISTING
from tests.harness.consumer_record import ConsumerRecord
from tests.workers.fixtures import Rig, Worker, message, worker

POISON = 666


class Breaking:
    """Decides like the real handler, but fails on the sequence POISON: in itself, or so that the database refuses, or
    so that no event can be made."""

    def __init__(self, where: str = "deciding") -> None:
        self._where = where

    def needs(self, event: ListingState, world: World, cause: Cause) -> Needs:
        return listing_handler.needs(event, world, cause)

    def decide(self, event: ListingState, world: World, cause: Cause) -> Outcome:
        outcome = listing_handler.decide(event, world, cause)
        if event.sequence == POISON:
            patient = world.patients[int(event.patient_id)]
            if self._where == "deciding":
                raise RuntimeError(event.patient_id)
            if self._where == "saving":
                patient.current = Choice("\0", date.max)  # a failing constraint would name the patient in the log
            else:
                value = {"said": object() if self._where == "telling" else "x" * 2_000_000}
                about = (patient.id, patient.key, patient.partition, 1)
                world.changes.record(LinkChange(*about, "assigned", "linked_by_unit", None, None, value, cause))
        return outcome


async def listings(rig: Rig, handler: Any = None) -> Worker:
    if handler is None:
        return await worker(rig, "listing", in_flight=1)
    return await worker(rig, "listing", in_flight=1, handlers={ListingState: handler})


def listing(offset: int, sequence: int = 1, *, partition: int = 0) -> ConsumerRecord:
    data = {"patient_id": "199006022397", "sequence": sequence}
    return message(VARDVAL_LISTING, offset, "se.vgregion.vardval.listing.v1", data, partition=partition)


def day(offset: int) -> ConsumerRecord:
    return message(LISTNING_CLOCK, offset, "se.vgregion.listning.day-began.v1", {"day": "2026-05-27"})


#: what both say of a dead letter, by the headers' names, and the columns that are called otherwise
_TOLD = ("topic", "partition", "offset", "timestamp", "code", "detail", "fingerprint", "release", "attempts")
_COLUMNS = {"offset": "record_offset", "timestamp": "record_timestamp"}


async def dead(pg: asyncpg.Connection) -> list[tuple[str, str, str]]:
    """Offset, code and attempts of every dead letter, which its topic and the database tell alike."""
    found, published = [], set()
    for key, value, packed in await pg.fetch("SELECT key, value, headers FROM outbox ORDER BY shard, seq"):
        headers = unpack(packed)
        told = {name: (text or b"").decode() for name, text in headers if name.startswith("dlq_")}
        found.append((told["dlq_offset"], told["dlq_code"], told["dlq_attempts"]))
        own = pack([header for header in headers if not header[0].startswith("dlq_")])
        published.add((*(told.get(f"dlq_{name}") for name in _TOLD), key, value, own))
    columns = ", ".join(f"{_COLUMNS.get(name, name)}::text" for name in _TOLD)
    stored = await pg.fetch(f"SELECT {columns}, key, value, headers FROM dead_letter")
    assert {tuple(row) for row in stored} == published
    return found


async def stored_offset(pg: asyncpg.Connection, partition: int = 0) -> int:
    offset: int = await pg.fetchval("SELECT next_offset FROM consumer_offset WHERE partition = $1", partition)
    return offset
