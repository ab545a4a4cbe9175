"""A random history on its way to the workers, and what they say about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

import orjson

from infra import metrics
from infra.patient_keys import partition_of
from infra.postgres.outbox import unpack
from schemas.topics import KIV_STAFF, KIV_UNIT, LISTNING_CLOCK, LISTNING_COMMAND, LISTNING_REPLY, VARDVAL_LISTING
from tests.harness import histories
from tests.harness.consumer_record import ConsumerRecord
from tests.harness.records import Record
from tests.workers.fixtures import COUNTS, Rig, Worker, worker

NAMES = {
    KIV_STAFF: "staff",
    KIV_UNIT: "unit",
    VARDVAL_LISTING: "listing",
    LISTNING_COMMAND: "command",
    LISTNING_CLOCK: "clock",
}

#: topic and `ce_id`
EventId = tuple[str, str]


class Handled(NamedTuple):
    """What came of one record: its outcome, the events, in order of topic and id, and of the reply to a command code,
    message and counts."""

    outcome: str
    events: list[EventId]
    reply: tuple[object, ...] | None


class Service:
    """All workers of the service, which handle a history record by record; `log` is all of it, by topic and
    partition."""

    def __init__(self, rig: Rig, workers: dict[str, Worker]) -> None:
        self.rig = rig
        self.workers = workers
        self.log: dict[str, dict[int, list[ConsumerRecord]]] = defaultdict(lambda: defaultdict(list))

    @classmethod
    async def on(cls, rig: Rig) -> Service:
        """With every partition of the rig's topics."""
        return cls(rig, {topic: await worker(rig, name, range(COUNTS[topic])) for topic, name in NAMES.items()})

    def append(self, sent: Record) -> ConsumerRecord:
        """The record as it stands in Kafka."""
        key = None if sent.key is None else sent.key.encode()
        partition = 0 if key is None else partition_of(key, COUNTS[sent.topic])
        log = self.log[sent.topic][partition]
        record = ConsumerRecord(sent.topic, partition, len(log), sent.value, key, list(sent.headers), sent.timestamp)
        log.append(record)
        return record

    async def handle(self, record: ConsumerRecord) -> None:
        """To its end."""
        await self.workers[record.topic].handle([record])
        await self.workers[record.topic].drained()

    async def heard(self, sent: Record) -> Handled:
        """Handles it, and tells what came of it."""
        before, known = _outcomes(sent.topic), len(await self._outbox())
        await self.handle(self.append(sent))
        after, new = _outcomes(sent.topic), (await self._outbox())[known:]
        (outcome,) = (name for name in after if after[name] != before.get(name, 0))
        replies = [orjson.loads(value) for topic, _, value in new if topic == LISTNING_REPLY]
        said = replies[0] if replies and sent.topic == LISTNING_COMMAND else None
        reply = said and (said["code"], said["message"], said["counts"])
        return Handled(outcome, sorted((topic, id) for topic, id, _ in new), reply)

    async def published(self) -> list[EventId]:
        """What is to be published, in the order in which it was decided; dead letters left out."""
        return [(topic, id) for topic, id, _ in await self._outbox()]

    async def _outbox(self) -> list[tuple[str, str, bytes]]:
        rows = await self.rig.pg.fetch(
            "SELECT topic, headers, value FROM outbox JOIN outbox_shard USING (shard)"
            " WHERE topic NOT LIKE '%.dlq' ORDER BY outbox.xmin::text::bigint"
        )
        return [(topic, (dict(unpack(headers))["ce_id"] or b"").decode(), value) for topic, headers, value in rows]


def _outcomes(topic: str) -> dict[str, float]:
    return {
        sample.labels["outcome"]: sample.value
        for metric in metrics.records.collect()
        for sample in metric.samples
        if sample.name == "fastlakare_records_total" and sample.labels["topic"] == topic
    }


def history(seed: int, steps: int) -> list[Record]:
    """The records of a random history, in their order."""
    return [record for step in histories.World(seed).steps(steps) for record in step.records]


async def contents(rig: Rig, tables: Iterable[str] | None = None, keep: Callable[[str], bool] = bool) -> str:
    """A hash of every row of the database."""
    names = tables or [
        row[0] for row in await rig.pg.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ]
    hashes = [
        await rig.pg.fetchval(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {name} AS t")
        for name in sorted(filter(keep, names))
    ]
    return "".join(str(one) for one in hashes)
