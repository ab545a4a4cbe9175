"""1177's side in small: builds its view of every patient's fast läkarkontakt from the topic alone, and follows it.

    pip install aiokafka
    python examples/subscriber.py localhost:9092 [topic]

It needs nothing of the service. How to read the topic, in any language (docs/contract.md says why):

- With `isolation_level="read_committed"`, so that what the service took back is never seen.
- From the beginning, as this does at every start. Whoever goes on from offsets of their own must not be away for longer
  than the topic keeps null values (`delete.retention.ms`, 30 days), or would show for ever what was withdrawn.
- The last record of a key by offset is the whole truth about that patient. Revisions are never compared: after a
  restored backup they may be counted anew.
- A null value: forget the key. A record that says what the view holds already was said again (the same `ce_id`, and
  often the header `republished`), and is no change.
- A blank name is none. `patient_id` is a personnummer: it is never printed or logged, the key stands in for it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

TOPIC = "1177.fast-lakarkontakt.v1"
STOP_SECONDS = 3

#: the newest value of each patient key
View = dict[str, dict[str, Any]]


async def follow(bootstrap: str, topic: str, view: View, tell: Callable[[str], object]) -> None:
    """Reads the topic into `view` until it is cancelled. Tells each change as one line, and in one more line when all
    that stood in the topic at the start is read. Raises KafkaError: no such topic, or no broker that answers."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    ahead: dict[Any, int] | None = None  # partitions not yet read to where they ended at the start
    try:
        await consumer.start()
        if topic not in await consumer.topics():  # subscribing to it could make it
            raise UnknownTopicOrPartitionError(f"there is no {topic} at {bootstrap}")
        consumer.subscribe([topic])  # without a group: all partitions, and no offsets are kept
        while True:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    if line := take(view, record.key.decode(), record.value):
                        tell(line)
            if ahead is None and consumer.assignment():
                ahead = await consumer.end_offsets(consumer.assignment())
            if ahead:
                ahead = {part: end for part, end in ahead.items() if await consumer.position(part) < end}
                if not ahead:
                    active = sum(value["status"] == "active" for value in view.values())
                    tell(f"caught up: {active} of {len(view)} patients have a doctor")
    finally:
        stop = asyncio.create_task(consumer.stop())
        await asyncio.wait({stop}, timeout=STOP_SECONDS)
        stop.cancel()  # aiokafka may miss that its fetching was cancelled, and wait for it until cancelled again


def take(view: View, key: str, value: bytes | None) -> str | None:
    """Puts one record into the view. Returns the change as a line without personnummer, None where nothing changed."""
    data = None if value is None else json.loads(value)
    if data == view.get(key):
        return None
    if data is None:
        del view[key]
        return f"{key} forgotten"
    view[key] = data
    doctor, unit = ((data[who]["name"] or "").strip() or data[who]["hsa_id"] for who in ("doctor", "unit"))
    return f"{key} {data['change']} ({data['reason']}): {doctor!r} at {unit!r}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Follow what 1177 is told, until Ctrl-C.")
    parser.add_argument("bootstrap", help="host:port of a broker, several separated by commas")
    parser.add_argument("topic", nargs="?", default=TOPIC, help=f"{TOPIC}, behind the installation's prefix")
    given = parser.parse_args()
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(follow(given.bootstrap, given.topic, {}, partial(print, flush=True)))
    except KafkaError as error:
        sys.exit(str(error))
