"""What must hold whatever ran at the same time: the database in itself, and the topics against the database."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import asyncpg

from tests.harness.records import CHANGES, COMMAND, DOCTOR, REPLY, Record, header
from tests.harness.session import Session
from tests.model.ids import patient_key

#: each gives one row per breach: units that a replacement or an end touched are left to the model
BREACHES = {
    "a link outlives its listing": """
        SELECT l.patient_id FROM link l JOIN patient p ON p.id = l.patient_id, day d WHERE l.unit IS DISTINCT FROM
        CASE WHEN p.upcoming_from <= d.day THEN p.upcoming_unit ELSE p.current_unit END""",
    "a link to a doctor who is not active": """
        SELECT l.patient_id FROM link l LEFT JOIN roster r ON (r.unit, r.doctor) = (l.unit, l.doctor)
        WHERE NOT coalesce(r.active, false)""",
    "a link without a patient": """
        SELECT l.patient_id FROM link l LEFT JOIN patient p ON p.id = l.patient_id WHERE p.id IS NULL""",
    "an event that was never published": "SELECT shard FROM outbox UNION ALL"
    " SELECT shard FROM outbox_shard WHERE published_seq > last_seq",
}
CEILINGS = """
SELECT l.unit, l.doctor FROM link l JOIN roster r ON (r.unit, r.doctor) = (l.unit, l.doctor)
GROUP BY l.unit, l.doctor, r.profile->>'patient_ceiling' HAVING count(*) > (r.profile->>'patient_ceiling')::int
"""
LINKS = "SELECT patient_id, l.unit, l.doctor, start_day, revision FROM link l JOIN patient p ON p.id = l.patient_id"
HELD = "SELECT key, revision FROM patient WHERE revision > 0 UNION ALL SELECT key, revision FROM forgotten"
FIGURES = "SELECT unit || '/' || doctor, count(*) FROM link GROUP BY 1"


def query(url: str, sql: str) -> list[Any]:
    """Rows of one query."""

    async def ask() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()

    return asyncio.run(ask())


def breaches(session: Session, *, replies: bool = True) -> list[str]:
    """One sentence per breach; `replies` False where commands were sent that cannot be read."""
    session.topics.collect()
    url = session.installation.database_url
    found = [f"{what}: {len(rows)}" for what, sql in BREACHES.items() if (rows := query(url, sql))]
    found += [f"above the ceiling: {unit}/{doctor}" for unit, doctor in query(url, CEILINGS)]
    found += [*sequences(session.topics.records), *_changes(session), *_statistics(session)]
    return [*found, *_replies(session)] if replies else found


def sequences(records: list[Record]) -> Iterator[str]:
    """P1, P4: per key the revisions 1, 2, 3 …, nothing lost, doubled or out of order."""
    revisions: Counter[str] = Counter()
    for record in records:
        if record.topic == CHANGES and header(record.headers, "republished") is None:
            key = record.key or ""
            revisions[key] += 1
            expected, got = f"{key}/{revisions[key]}", header(record.headers, "ce_id")
            if expected != got:
                yield f"1177 {expected} expected, {got} heard"
            if record.value is not None and json.loads(record.value)["revision"] != revisions[key]:
                yield f"1177 {expected}: revision in the data is another"


def newest(records: list[Record], topic: str) -> dict[str, Any]:
    """By key, what a compacted topic is left with; None where the newest is a null value."""
    last = {record.key or "": record.value for record in records if record.topic == topic}
    return {key: None if value is None else json.loads(value) for key, value in last.items()}


def _changes(session: Session) -> Iterator[str]:
    """P2, P3: the newest record per key is what the database holds, revision included, and each change was audited."""
    url, secret = session.installation.database_url, session.installation.settings.secret
    last = newest(session.topics.records, CHANGES)
    published = {
        key: (one["unit"]["hsa_id"], one["doctor"]["hsa_id"], one["start"], one["revision"])
        for key, one in last.items()
        if one is not None and one["status"] == "active"
    }
    linked = {
        patient_key(f"{patient:012d}", secret): (unit, doctor, start.isoformat(), revision)
        for patient, unit, doctor, start, revision in query(url, LINKS)
    }
    for key in sorted(published.keys() | linked.keys()):
        if published.get(key) != linked.get(key):
            yield f"1177 {key}: heard {published.get(key)}, the database holds {linked.get(key)}"
    counts = Counter(
        record.key
        for record in session.topics.records
        if record.topic == CHANGES and header(record.headers, "republished") is None
    )
    for key, revision in query(url, HELD):
        if counts[key] != revision:
            yield f"1177 {key}: {counts[key]} records heard, the database is at revision {revision}"
    ((audited,),) = query(url, "SELECT count(*) FROM audit WHERE revision IS NOT NULL AND patient_id IS NOT NULL")
    if audited != counts.total():
        yield f"{audited} changes audited, {counts.total()} heard"


def _replies(session: Session) -> Iterator[str]:
    """C2: one answer to each command that was sent once."""
    answered = Counter(header(record.headers, "ce_id") for record in session.topics.records if record.topic == REPLY)
    asked: Counter[str] = Counter()
    for record in session.sent:
        if record.topic == COMMAND and (id := header(record.headers, "ce_id")):
            asked[f"reply/{header(record.headers, 'ce_source')}/{id}"] += 1
    for ce_id in sorted(asked.keys() | {one or "" for one in answered}):
        if asked[ce_id] != answered[ce_id]:
            yield f"{ce_id}: sent {asked[ce_id]} times, answered {answered[ce_id]} times"


def _statistics(session: Session) -> Iterator[str]:
    """The doctor topic's newest record counts the links there are."""
    linked = dict(query(session.installation.database_url, FIGURES))
    for key, one in newest(session.topics.records, DOCTOR).items():
        if one is not None and one["listed_patients"] != linked.get(key, 0):
            yield f"doctor {key}: {one['listed_patients']} patients published, {linked.get(key, 0)} linked"
