"""A dead letter always fits its topic, whatever its record is made of: else nothing could end the record."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from infra.postgres.dead_letters import DeadLetter
from schemas.errors import DeadLetterCode, DeadLetterReason
from schemas.topics import KIV_STAFF, TOPICS, dlq, record_bytes
from tests.harness.consumer_record import ConsumerRecord
from workers.pipeline.dead_letters import dead_letter, dead_letter_event
from workers.pipeline.inbound import decode

MIB = 1 << 20
LIMIT = next(topic.max_record_bytes for topic in TOPICS if topic.name == dlq(KIV_STAFF))
LONG = DeadLetterReason(DeadLetterCode.INVALID_DATA, "field: rule; " * 1_000)


@pytest.mark.parametrize(
    ("value", "headers", "copied"),
    [
        (b"{" * (MIB + 60_000), [], True),
        (b"{" * 500_001, [("x", b"")] * 200_000, True),
        (b"{", [("", None)] * 550_000, True),
        (b"{" * 1_500_000, [("x", b"1" * 100)], False),
        (b"{" * 1_400_000, [("", None)] * 100_000, False),
        (b"{", [("", None)] * 1_000_000, False),
        (None, [("x", b"1" * 1_600_000)], False),
    ],
    ids=[
        "the largest value",
        "many headers",
        "nothing but headers",
        "too large",
        "too many headers",
        "only headers",
        "null",
    ],
)
def test_a_dead_letter_fits_its_topic(
    value: bytes | None, headers: list[tuple[str, bytes | None]], copied: bool
) -> None:
    record = ConsumerRecord(KIV_STAFF, 0, 7, value, b"k" * 31, headers)

    letter = dead_letter_event(_letter(record), KIV_STAFF, partitions=1)

    assert record_bytes(letter.key, letter.value, letter.headers) <= LIMIT
    assert (letter.value == value and letter.headers[: len(headers)] == headers) is copied
    assert dict(letter.headers)["dlq_offset"] == b"7"


@pytest.mark.parametrize("takes", [60_000, 600_000, 1_048_588])
def test_a_dead_letter_fits_a_topic_that_takes_less(takes: int) -> None:
    headers: list[tuple[str, bytes | None]] = [("x", b"1" * 100)]
    for size in (takes // 2, takes - 100):
        record = ConsumerRecord(KIV_STAFF, 0, 7, b"{" * size, b"k" * 31, headers)

        letter = dead_letter_event(_letter(record), KIV_STAFF, partitions=1, most_bytes=takes - 16_384)

        assert record_bytes(letter.key, letter.value, letter.headers) <= takes
        assert (letter.value is not None) is (size == takes // 2)


def _letter(record: ConsumerRecord) -> DeadLetter:
    return dead_letter(KIV_STAFF, decode(KIV_STAFF, record), LONG, datetime.now(UTC))
