"""A patient's key (D2) and the partition it belongs to: what stands in for the personnummer everywhere outside (D1)."""

from __future__ import annotations

import hmac
from base64 import b32encode

from aiokafka.partitioner import murmur2


class PatientKeys:
    """Keys under one secret, partitions of one topic."""

    def __init__(self, secret: bytes, partitions: int) -> None:
        """`secret`: 32 bytes or more; `partitions`: of the 1177 topic."""
        self._secret = secret
        self._partitions = partitions

    @property
    def fingerprint(self) -> bytes:
        """Tells secrets apart, and says nothing about them."""
        return hmac.digest(self._secret, b"fastlakare installation", "sha256")[:8]

    def key(self, patient_id: int) -> str:
        """HMAC-SHA-256 of the twelve digits, base32 without padding, first 26 characters, lower case (D2)."""
        digest = hmac.digest(self._secret, f"{patient_id:012d}".encode(), "sha256")
        # 20 of its 32 bytes are 32 characters; encoding takes more time than hashing
        return b32encode(digest[:20])[:26].decode().lower()

    def digest(self, content: bytes) -> bytes:
        """Tells contents apart, and says nothing about them to who has not the secret."""
        return hmac.digest(self._secret, content, "sha256")[:16]

    def partition(self, key: str) -> int:
        """Where Kafka's own default partitioner puts the key."""
        return partition_of(key.encode(), self._partitions)


def partition_of(key: bytes, partitions: int) -> int:
    """Kafka's default partitioner: murmur2 of the key, made positive, modulo the number of partitions."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
