"""A partition's record batches as they stand in Kafka, whatever wrote them."""

from __future__ import annotations

import struct

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest

#: the five codecs of format 2, by the number in a batch's attributes
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


async def batches(bootstrap: str, topic: str, partition: int = 0) -> list[tuple[str, bytes]]:
    """Every batch but transaction markers, as codec and bytes; of a topic on a single broker."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        found, offset, data = [], 0, b"-"
        while data:
            request = FetchRequest(0, 0, 64 << 20, 0, [(topic, [(partition, offset, 64 << 20)])])
            response = await client.send(client.get_random_node(), request)
            ((_, ((_, code, *_, data),)),) = response.topics
            assert code == 0
            for batch in _split(data):
                attributes, last_delta = struct.unpack_from(">hi", batch, 21)
                offset = struct.unpack_from(">q", batch)[0] + last_delta + 1
                if not attributes & 0x20:
                    found.append((CODECS[attributes & 7], batch))
        return found
    finally:
        await client.close()


def _split(data: bytes) -> list[bytes]:
    found = []
    while len(data) >= 12 and len(data) >= 12 + struct.unpack_from(">i", data, 8)[0]:
        size = 12 + struct.unpack_from(">i", data, 8)[0]
        found.append(data[:size])
        data = data[size:]
    return found
