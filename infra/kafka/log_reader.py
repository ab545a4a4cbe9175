"""Reads partitions as their leaders keep them: where they end, how far `read_committed` sees, and every batch between,
those of open transactions included. No group, no prefetching: one question, one answer."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Set
from typing import NamedTuple, Self

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest

from infra import timing
from infra.kafka.batches import Batch, batches
from infra.kafka.client import client_args, close
from infra.kafka.metadata import describe
from infra.settings import Settings

_EARLIEST, _LATEST = -2, -1
_READ_UNCOMMITTED, _READ_COMMITTED = 0, 1
FETCH_BYTES = 1 << 20


class Ends(NamedTuple):
    """Offsets of a partition: of its first record, the last stable offset (behind it stand open transactions), and
    where the next record will be acknowledged."""

    begin: int
    stable: int
    end: int


class Fetched(NamedTuple):
    """What a broker sent, and of the transactions in it those that were aborted: producer id and first offset."""

    data: bytes
    aborted: list[tuple[int, int]]


class LogReader:
    """Over one plain client, which the caller closes."""

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client
        self._leaders: dict[TopicPartition, int] = {}

    @classmethod
    async def start(cls, settings: Settings) -> Self:
        """Connects. Raises KafkaError."""
        client = AIOKafkaClient(**client_args(settings), request_timeout_ms=timing.ms(timing.COMMAND_REQUEST_SECONDS))
        try:
            await client.bootstrap()
        except BaseException:
            await close(client.close)
            raise
        return cls(client)

    async def aclose(self) -> None:
        """Lets go of Kafka."""
        await close(self._client.close)

    async def ends(self, topics: Iterable[str]) -> dict[TopicPartition, Ends]:
        """Of every partition of the topics, right now. Waits for leaders that are being elected, for as long as the
        caller does. Raises KafkaError."""
        names = list(topics)
        while True:
            try:
                self._leaders = await self._find_leaders(names)
                partitions = self._leaders.keys()
                end = await self._offsets(partitions, _LATEST, _READ_UNCOMMITTED)
                # Afterwards: a transaction that ends in between holds up nobody.
                stable = await self._offsets(partitions, _LATEST, _READ_COMMITTED)
                begin = await self._offsets(partitions, _EARLIEST, _READ_UNCOMMITTED)
                return {tp: Ends(begin[tp], min(stable[tp], end[tp]), end[tp]) for tp in self._leaders}
            except LeaderNotAvailableError:
                await asyncio.sleep(timing.LAG_ELECTION_SECONDS)

    async def stable_offsets(self, partitions: Set[TopicPartition]) -> dict[TopicPartition, int]:
        """The last stable offset of each partition right now. Raises KafkaError, LeaderNotAvailableError where another
        broker leads by now: then the leaders are asked for at the next call."""
        if not partitions <= self._leaders.keys():
            self._leaders |= await self._find_leaders(sorted({tp.topic for tp in partitions}))
        try:
            return await self._offsets(partitions, _LATEST, _READ_COMMITTED)
        except KafkaError:
            self._leaders.clear()
            raise

    async def offsets_at(self, partitions: Set[TopicPartition], timestamp_ms: int) -> dict[TopicPartition, int | None]:
        """Of each partition the offset of the first record whose timestamp is as late; None where there is none. To be
        called after `ends`. Raises KafkaError."""
        found = await self._offsets(partitions, timestamp_ms, _READ_UNCOMMITTED)
        return {tp: None if offset < 0 else offset for tp, offset in found.items()}

    async def fetch(self, tp: TopicPartition, offset: int) -> bytes:
        """Batches from the one on that holds the offset, a mebibyte or so; nothing where there are none.

        Raises KafkaError: LeaderNotAvailableError where another broker leads by now.
        """
        return (await self._fetch(tp, offset, _READ_UNCOMMITTED)).data

    async def fetch_stable(self, tp: TopicPartition, offset: int, size: int = FETCH_BYTES) -> Fetched:
        """The same up to the last stable offset, with the transactions that `read_committed` leaves out; `size` bytes
        or so, the first batch always whole.

        Raises KafkaError: OffsetOutOfRangeError where retention took the offset.
        """
        return await self._fetch(tp, offset, _READ_COMMITTED, size)

    async def _fetch(self, tp: TopicPartition, offset: int, isolation: int, size: int = FETCH_BYTES) -> Fetched:
        if tp not in self._leaders:
            self._leaders |= await self._find_leaders([tp.topic])
        request = FetchRequest(0, 0, size, isolation, [(tp.topic, [(tp.partition, offset, size)])])
        response = await self._client.send(self._leaders[tp], request)
        if not response.topics:
            raise LeaderNotAvailableError("the broker holds us back: a quota is used up")
        ((_, ((_, code, *details, data),)),) = response.topics
        if code:
            raise _error(for_code(code), f"{tp.topic}/{tp.partition}: cannot be read at offset {offset}")
        # Where they stand depends on the version; they are the only array.
        aborted = next((detail for detail in details if isinstance(detail, list)), [])
        return Fetched(data or b"", aborted)

    async def _find_leaders(self, names: list[str]) -> dict[TopicPartition, int]:
        found = await describe(self._client, names)
        if missing := [name for name in names if name not in found]:
            raise UnknownTopicOrPartitionError(f"{', '.join(missing)}: no such topic")
        if hidden := [name for name in names if not found[name].partitions]:
            raise TopicAuthorizationFailedError(", ".join(hidden))
        leaders = {TopicPartition(name, number): node for name in names for number, node in found[name].leaders.items()}
        if any(node < 0 for node in leaders.values()):
            raise LeaderNotAvailableError
        return leaders

    async def _offsets(
        self, partitions: Iterable[TopicPartition], timestamp: int, isolation: int
    ) -> dict[TopicPartition, int]:
        by_node: dict[int, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        for tp in partitions:
            by_node[self._leaders[tp]][tp.topic].append((tp.partition, timestamp))
        answers = await asyncio.gather(
            *(
                self._client.send(node, OffsetRequest(-1, isolation, list(topics.items())))
                for node, topics in by_node.items()
            )
        )
        offsets = {}
        for topic, answered in (topic for answer in answers for topic in answer.topics):
            for number, code, _, offset, *_ in answered:
                error = for_code(code)
                if code:
                    raise _error(error, f"{topic}/{number}: its end cannot be seen")
                offsets[TopicPartition(topic, number)] = offset
        return offsets


async def read_batches(reader: LogReader, tp: TopicPartition, start: int, end: int) -> AsyncIterator[Batch]:
    """The batches from the one on that holds `start`, up to the last that begins before `end`; ends early where
    compaction took all that stood there. Raises KafkaError as `fetch` does."""
    position = start
    while position < end:
        before = position
        for batch in batches(await reader.fetch(tp, position)):
            if batch.first < end:
                yield batch
            position = max(position, batch.last + 1)
        if position == before:
            return


def _error(kind: type[KafkaError], text: str) -> KafkaError:
    """LeaderNotAvailableError for all that passes once the leader is asked for again."""
    return LeaderNotAvailableError(text) if kind.retriable else kind(text)
