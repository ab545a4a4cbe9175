"""The limit: aiokafka alone consumes, parses, decides from a dict and produces; nothing is kept, nothing is safe."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.wave import home, personnummer


async def copy_topic(servers: str, source: str, target: str, events: int, partitions: int, patients: int) -> float:
    """Reads `events` records and writes an event for every link that ends; returns the seconds it took."""
    partitions_read = [TopicPartition(source, number) for number in range(partitions)]
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, isolation_level="read_committed")
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True, compression_type="lz4")
    await consumer.start()
    await producer.start()
    consumer.assign(partitions_read)
    await consumer.seek_to_beginning(*partitions_read)
    linked_at = {text: home(number).unit for number, text in enumerate(personnummer(patients))}
    seen = 0
    sending: list[asyncio.Future[object]] = []
    started = time.perf_counter()
    while seen < events:
        for part, records in (await consumer.getmany(timeout_ms=20, max_records=2000)).items():
            batch = producer.create_batch()
            for record in records:
                seen += 1
                change = decide(linked_at, orjson.loads(record.value))
                if change is None:
                    continue
                fields = {"key": record.key, "value": change, "timestamp": None, "headers": envelope(seen)}
                if batch.append(**fields) is None:
                    sending.append(await producer.send_batch(batch, target, partition=part.partition))
                    batch = producer.create_batch()
                    batch.append(**fields)
            if batch.record_count():
                sending.append(await producer.send_batch(batch, target, partition=part.partition))
    await asyncio.gather(*sending)
    seconds = time.perf_counter() - started
    await producer.stop()
    await consumer.stop()
    return seconds


def decide(linked_at: dict[str, str], listing: dict[str, object]) -> bytes | None:
    """The change event of a linked patient who is listed somewhere else now."""
    current = listing["current"]
    assert isinstance(current, dict)
    patient = str(listing["patient_id"])
    before = linked_at.get(patient)
    if before is None or before == current["unit_hsa_id"]:
        return None
    del linked_at[patient]
    return orjson.dumps(
        {
            "patient_id": patient,
            "revision": listing["sequence"],
            "status": "ended",
            "change": "ended",
            "reason": "relisted",
            "type": {"system": "1.2.752.129.5.1.69", "code": "2"},
            "doctor": {"hsa_id": "SE2321000131-E000000007623", "name": None, "title": None},
            "unit": {"hsa_id": before, "name": "Vårdcentralen Majorna", "care_giver_hsa_id": None},
            "start": "2026-01-01",
            "end": "2026-05-25",
            "changed_at": "2026-05-26T09:13:05Z",
        }
    )


def envelope(number: int) -> list[tuple[str, bytes]]:
    """The attributes that every event carries, so that both write the same to the topic."""
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": f"{number:026d}/2",
        "ce_source": "fastlakare",
        "ce_type": "se.vgregion.1177.fast-lakarkontakt.v1",
        "ce_time": "2026-05-26T09:13:05Z",
        "content-type": "application/json",
        "ce_subject": f"{number:026d}",
    }
    return [(name, text.encode()) for name, text in attributes.items()]


def main() -> None:
    """Prints the seconds, for `benchmarks` to read."""
    arguments = argparse.ArgumentParser()
    for name in ("servers", "source", "target"):
        arguments.add_argument(name)
    for name in ("events", "partitions", "patients"):
        arguments.add_argument(name, type=int)
    given = arguments.parse_args()
    seconds = uvloop.run(copy_topic(**vars(given)))
    sys.stdout.write(f"{seconds}\n")


if __name__ == "__main__":
    main()
