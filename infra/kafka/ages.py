"""When the records of a partition were written that nobody has handled yet, and for how long its topic keeps them."""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import TopicPartition

from infra.errors import PartitionUnreadable
from infra.kafka.log_reader import Ends, LogReader, read_batches
from infra.kafka.ranges import first_record
from infra.kafka.topic_comparison import read_configs
from infra.kafka.topics import admin_client
from infra.settings import Settings


async def oldest_timestamp(reader: LogReader, tp: TopicPartition, start: int, ends: Ends) -> int | None:
    """The timestamp, in ms since 1970, of the first record from `start` on that is acknowledged to its sender; None
    where there is none, or it cannot be read. Raises KafkaError."""
    try:
        record = await first_record(reader, tp, start, ends.stable)
    except PartitionUnreadable:
        return None
    return await _behind_open_transaction(reader, tp, ends) if record is None else record.timestamp


async def _behind_open_transaction(reader: LogReader, tp: TopicPartition, ends: Ends) -> int | None:
    """What stands first behind the last stable offset is the open transaction's own, and not acknowledged yet."""
    opened_by: int | None = None
    async for batch in read_batches(reader, tp, ends.stable, ends.end):
        if batch.control:
            continue
        if opened_by is None:
            opened_by = batch.producer
        elif batch.producer != opened_by or not batch.transactional:
            return batch.timestamp
    return None


async def retention_ms(settings: Settings, topics: Mapping[str, str]) -> dict[str, int | None]:
    """For how long each of the topics (full name to bare name) keeps a record, by bare name: None where for ever, or
    where the broker does not tell. How many bytes it keeps is not looked at. Raises KafkaError."""
    async with admin_client(settings) as admin:
        configs = await read_configs(admin, topics)
    return {bare: _retention(configs.get(name) or {}) for name, bare in topics.items()}


def _retention(configs: Mapping[str, str]) -> int | None:
    kept = int(configs.get("retention.ms", -1))
    return kept if kept >= 0 and "delete" in configs.get("cleanup.policy", "") else None
