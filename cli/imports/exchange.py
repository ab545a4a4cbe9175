"""The parts go out and the one answer comes back; a failpoint `import:part` lies after each part."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError

from cli.imports.message import SOURCE, Import, Part
from infra import timing
from infra.failpoints import hit
from infra.kafka.client import client_args, closing, producer_args
from infra.kafka.metadata import Found, describe
from infra.settings import Settings
from schemas.envelope import instant
from schemas.reply import Reply
from schemas.topics import LISTNING_COMMAND, LISTNING_REPLY

_LARGEST_REPLY = 16 * 2**20

OnProgress = Callable[[int, int | None], None]
"""Called with the parts sent so far and how many there are; None once all are sent and the answer is waited for."""


@dataclass(frozen=True)
class Answered:
    """The answer, and when the command was sent that it belongs to; `earlier` where an earlier run sent it."""

    reply: Reply
    import_id: str
    at: str
    earlier: bool


async def ask(settings: Settings, wanted: Import, on_progress: OnProgress, *, wait_seconds: float) -> Answered | None:
    """Sends the parts and waits for the answer, `wait_seconds` after the last one went; None when none came.

    An answer that an earlier run got stands when links were changed by it: the same import is not made twice. One that
    changed nothing (a refusal, a dry run) is asked for again, for meanwhile the doctors or the listings may be others.
    Raises KafkaError, TimeoutError when Kafka is silent.
    """
    async with _reply_consumer(settings) as consumer, _producer(settings) as producer:
        while True:
            sent_at = datetime.now(UTC)
            parts = wanted.parts(sent_at)
            await _send(producer, settings.topic(LISTNING_COMMAND), parts, on_progress)
            received = await _listen(consumer, wanted, time.monotonic() + wait_seconds)
            if received is None:
                return None
            headers, reply = received
            answer = Answered(reply, wanted.import_id, headers["ce_time"], headers["ce_time"] != instant(sent_at))
            changed = reply.outcome == "accepted" and not reply.dry_run
            if not answer.earlier or changed:
                return answer
            wanted = replace(wanted, attempt=wanted.attempt + 1)


async def _send(producer: AIOKafkaProducer, topic: str, parts: Iterable[Part], on_progress: OnProgress) -> None:
    parts = list(parts)
    for number, part in enumerate(parts):
        on_progress(number, len(parts))
        await producer.send_and_wait(topic, part.value, part.key, headers=part.headers)
        hit("import:part")
    on_progress(len(parts), None)


async def _listen(consumer: AIOKafkaConsumer, wanted: Import, deadline: float) -> tuple[dict[str, str], Reply] | None:
    prefix = f"reply/{SOURCE}/{wanted.prefix}"
    while (left := deadline - time.monotonic()) > 0:
        records = await consumer.getmany(timeout_ms=timing.ms(min(left, timing.COMMAND_REPLY_POLL_SECONDS)) or 1)
        for record in (record for batch in records.values() for record in batch):
            headers = _texts(record.headers)
            if headers.get("ce_id", "").startswith(prefix):
                return headers, Reply.model_validate_json(record.value)
    return None


def _texts(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    return {name: (value or b"").decode(errors="replace") for name, value in headers}


@asynccontextmanager
async def _reply_consumer(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A reader of all replies from here on, in no group."""
    topic = settings.topic(LISTNING_REPLY)
    count = (await _described(settings, [topic, settings.topic(LISTNING_COMMAND)]))[topic].partitions
    consumer: Any = AIOKafkaConsumer(
        **client_args(settings),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        request_timeout_ms=timing.ms(timing.COMMAND_REQUEST_SECONDS),
        max_partition_fetch_bytes=_LARGEST_REPLY,
        fetch_max_wait_ms=timing.ms(timing.COMMAND_FETCH_SECONDS),
    )
    async with closing(consumer.stop):
        async with asyncio.timeout(timing.COMMAND_CONNECT_SECONDS):
            await consumer.start()
            parts = [TopicPartition(topic, number) for number in range(count)]
            consumer.assign(parts)
            for tp, end in (await consumer.end_offsets(parts)).items():
                consumer.seek(tp, end)
        yield consumer


async def _described(settings: Settings, topics: list[str]) -> dict[str, Found]:
    """Asks without making them, as a broker may do at the first question for a topic."""
    client = AIOKafkaClient(**client_args(settings), request_timeout_ms=timing.ms(timing.COMMAND_REQUEST_SECONDS))
    async with closing(client.close), asyncio.timeout(timing.COMMAND_CONNECT_SECONDS):
        await client.bootstrap()
        found = await describe(client, topics)
    for topic in topics:
        if topic not in found:
            raise UnknownTopicOrPartitionError(f"{topic}: no such topic")
        if not found[topic].partitions:
            raise TopicAuthorizationFailedError(topic)
    return found


@asynccontextmanager
async def _producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    producer: Any = AIOKafkaProducer(
        **producer_args(settings), request_timeout_ms=timing.ms(timing.COMMAND_REQUEST_SECONDS)
    )
    async with closing(producer.stop):
        async with asyncio.timeout(timing.COMMAND_CONNECT_SECONDS):
            await producer.start()
        yield producer
