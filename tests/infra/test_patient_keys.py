"""A patient's key and partition, held against what others compute (D2)."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from infra.patient_keys import PatientKeys, partition_of

SECRET = b"0123456789abcdef0123456789abcdef"


def hmac_by_hand(secret: bytes, message: bytes) -> bytes:
    """RFC 2104 from the hash alone, for secrets up to 64 bytes."""
    padded = secret.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()


@pytest.mark.parametrize("patient", [191212121212, 199006022397])
def test_the_key_is_the_start_of_an_hmac_of_the_twelve_digits(patient: int) -> None:
    text = base64.b32encode(hmac_by_hand(SECRET, str(patient).encode())).decode().rstrip("=")
    assert PatientKeys(SECRET, 12).key(patient) == text[:26].lower()


def test_another_secret_gives_another_key() -> None:
    other = PatientKeys(SECRET[::-1], 12)
    assert other.key(191212121212) != PatientKeys(SECRET, 12).key(191212121212)


def test_a_fingerprint_tells_secrets_apart() -> None:
    assert PatientKeys(SECRET, 12).fingerprint == PatientKeys(SECRET, 6).fingerprint
    assert PatientKeys(SECRET, 12).fingerprint != PatientKeys(SECRET[::-1], 12).fingerprint


def test_the_partition_is_that_of_kafkas_default_partitioner(kafka: Any, topic_prefix: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    topic = f"{topic_prefix}any"
    admin.create_topics([NewTopic(topic, 12, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random"})
    keys = [PatientKeys(SECRET, 12).key(number).encode() for number in range(300)]
    keys += [f"SE2321000131-E{number:012d}".encode() for number in range(50)] + [b"x", "å".encode(), b"\xff" * 3]
    sent: dict[bytes, int] = {}

    def delivered(error: object, message: Any) -> None:
        assert error is None
        sent[message.key()] = message.partition()

    for key in keys:
        producer.produce(topic, b"", key, on_delivery=delivered)
    assert producer.flush(30) == 0
    assert sent == {key: partition_of(key, 12) for key in keys}
