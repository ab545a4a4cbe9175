"""The relay's Kafka transactions, under one fixed transactional id, none of which is ever tried again or aborted by
us."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import chain, zip_longest
from types import SimpleNamespace, TracebackType
from typing import Any, Self
from uuid import UUID

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import ConcurrentTransactions
from aiokafka.protocol.transaction import AddPartitionsToTxnRequest

from infra import timing
from infra.errors import RequestLost
from infra.identity import Cluster
from infra.kafka.client import producer_args
from infra.kafka.log_reader import LogReader
from infra.kafka.metadata import describe_cluster
from infra.kafka.tail import SEQUENCE_HEADER, is_left_open, sequence_prefix
from infra.outbox_event import OutboxEvent
from infra.settings import Settings
from schemas.topics import TOPICS

_BATCH_BYTES = 900_000  # below the limit of every topic; a larger record goes alone


class Producer:
    """A transactional producer from `init_transactions` (on entering) until the first error, then it is abandoned.

    aiokafka would send a lost EndTxn again. One that was only late could then end the *next* transaction in the middle,
    for its clients lack KIP-890. So a request that got no answer ends the producer; the next one's `init_transactions`
    raises the epoch, and whatever is still under way is refused.
    """

    def __init__(self, settings: Settings, installation: UUID) -> None:
        self._installation, self._prefix = installation, sequence_prefix(installation)
        # It reports our own RequestLost with a traceback; the relay tells of it in one line.
        logging.getLogger("aiokafka.producer.sender").setLevel(logging.CRITICAL)
        self._broken = False
        self._producer: Any = AIOKafkaProducer(
            **producer_args(settings),
            client_id=f"{settings.group_id}.relay",
            transactional_id=settings.transactional_id,
            transaction_timeout_ms=timing.ms(timing.RELAY_TRANSACTION_SECONDS),
            request_timeout_ms=timing.ms(timing.RELAY_TRANSACTION_SECONDS),
            max_batch_size=_BATCH_BYTES,
            retry_backoff_ms=timing.ms(timing.RELAY_BACKOFF_SECONDS),
        )
        client = self._producer.client
        self._send, client.send = client.send, self._send_once
        #: asking changes nothing, so an answer that is lost ends nothing
        self._asking: Any = SimpleNamespace(get_random_node=client.get_random_node, send=self._send)
        #: reads logs over the same connections, and is closed with the producer
        self.reader = LogReader(self._asking)

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(timing.RELAY_INIT_SECONDS):
                await self._producer.start()
        except BaseException:
            await self._abandon()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._abandon()

    @property
    def id(self) -> int:
        """The producer id that `init_transactions` gave."""
        id: int = self._producer._txn_manager.producer_id
        return id

    async def cluster(self, settings: Settings) -> Cluster:
        """The cluster it writes to, with the contract's topics. Raises KafkaError."""
        return await describe_cluster(self._asking, {settings.topic(topic.name): topic.name for topic in TOPICS})

    async def left_open(self, tp: TopicPartition, offset: int) -> bool:
        """Whether our transaction that wrote the record at the offset is open in the partition, long after its commit
        was acknowledged. Raises KafkaError."""
        return await is_left_open(self.reader, self._installation, tp, offset, self.id)

    async def close_open_transactions(self, partitions: Iterable[TopicPartition]) -> None:
        """Commits what a transaction of ours left open in these partitions, though its coordinator knows of none: a
        commit of ours that touches a partition ends it there. Readers have seen nothing of it."""
        await self._producer.begin_transaction()
        for tp in partitions:
            self._producer._txn_manager.maybe_add_partition_to_txn(tp)
        await self.commit()

    async def send(self, events: Mapping[TopicPartition, Iterable[OutboxEvent]]) -> dict[TopicPartition, int]:
        """Begins a transaction and sends the events in it, in order within each partition; returns the offset of each
        partition's last one when all are acknowledged."""
        batches: list[list[tuple[TopicPartition, Any]]] = []
        in_last = {}
        for tp, rows in events.items():
            batches.append([(tp, batch) for batch in self._batches(rows)])
            in_last[tp] = batches[-1][-1][1].record_count()
            await asyncio.sleep(0)  # building takes a few ms; the process has other work too
        await self._producer.begin_transaction()
        # The partitions' first batches go off together, so that one request adds them all to the transaction.
        acks = [
            await self._producer.send_batch(batch, tp.topic, partition=tp.partition)
            for tp, batch in filter(None, chain.from_iterable(zip_longest(*batches)))
        ]
        written = await asyncio.gather(*acks)
        # The first offset of each partition's last batch, and as many on as that has records behind its first.
        first = {batch.topic_partition: batch.offset for batch in written}
        return {tp: first[tp] + in_last[tp] - 1 for tp in first}

    async def commit(self) -> None:
        """Ends the transaction; returns when Kafka has it for good."""
        await self._producer.commit_transaction()

    def _batches(self, rows: Iterable[OutboxEvent]) -> list[Any]:
        batch = self._producer.create_batch()
        batches, prefix = [batch], self._prefix
        for _, seq, key, value, headers in rows:
            all_headers = [*headers, (SEQUENCE_HEADER, b"%b%d" % (prefix, seq))]
            if batch.append(timestamp=None, key=key, value=value, headers=all_headers) is None:
                batch = self._producer.create_batch()
                batches.append(batch)
                batch.append(timestamp=None, key=key, value=value, headers=all_headers)
        return batches

    async def _send_once(self, node_id: int, request: Any, **options: Any) -> Any:
        while not self._broken:
            try:
                response = await self._send(node_id, request, **options)
            except Exception as error:
                self._broken = True
                raise RequestLost(f"{type(request).__name__}: {type(error).__name__}") from error
            if not (isinstance(request, AddPartitionsToTxnRequest) and _refused_for_now(response)):
                return response
            await asyncio.sleep(timing.RELAY_MARKERS_SECONDS)
        raise RequestLost(f"{type(request).__name__}: the producer was abandoned")

    async def _abandon(self) -> None:
        """Lets go of the connections at once; nothing more is sent, not even what `stop` would flush."""
        self._broken = True
        producer, sender = self._producer, self._producer._sender.sender_task
        with suppress(Exception):
            async with asyncio.timeout(timing.RELAY_CLOSE_SECONDS):
                await producer.client.close()
        if sender is not None:
            sender.cancel()
            await asyncio.wait([sender], timeout=timing.RELAY_CLOSE_SECONDS)
        with suppress(Exception):
            async with asyncio.timeout(timing.RELAY_CLOSE_SECONDS):
                await producer.client.close()  # what the sender may have opened again meanwhile
        producer._closed = True  # so that its destructor does not complain


def _refused_for_now(response: Any) -> bool:
    return any(code == ConcurrentTransactions.errno for _, partitions in response.errors for _, code in partitions)
