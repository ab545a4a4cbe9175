"""The topics of the contract."""

from __future__ import annotations

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from schemas.topics import MAX_VALUE_BYTES, TOPICS, Topic, dlq, record_bytes

ROWS = {
    "kiv.staff.v1": ("in", "compact", None),
    "kiv.unit.v1": ("in", "compact", None),
    "vardval.listing.v1": ("in", "compact", None),
    "listning.command.v1": ("in", "delete", 30),
    "listning.clock.v1": ("in", "delete", 30),
    "listning.reply.v1": ("out", "delete", 30),
    "listning.doctor.v1": ("out", "compact", None),
    "1177.fast-lakarkontakt.v1": ("out", "compact", None),
    "kiv.staff.v1.dlq": ("out", "delete", 14),
    "kiv.unit.v1.dlq": ("out", "delete", 14),
    "vardval.listing.v1.dlq": ("out", "delete", 14),
    "listning.command.v1.dlq": ("out", "delete", 14),
    "listning.clock.v1.dlq": ("out", "delete", 14),
}


def test_the_topics_are_those_of_the_contract() -> None:
    assert {topic.name: (topic.direction, topic.cleanup, topic.retention_days) for topic in TOPICS} == ROWS


def test_the_clock_alone_has_one_partition() -> None:
    assert [topic.name for topic in TOPICS if topic.one_partition] == ["listning.clock.v1"]


def test_every_input_has_its_dead_letters() -> None:
    names = {topic.name for topic in TOPICS}

    assert all(dlq(topic.name) in names for topic in TOPICS if topic.direction == "in")


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic.messages], ids=lambda topic: topic.name)
def test_a_type_says_the_system_it_comes_from(topic: Topic) -> None:
    system = topic.name.split(".")[0]

    assert all(ce_type.startswith(f"se.vgregion.{system}.") and ce_type.endswith(".v1") for ce_type in topic.messages)


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic.direction == "in"], ids=lambda topic: topic.name)
def test_what_an_input_takes_its_dead_letters_take_with_their_headers(topic: Topic) -> None:
    (letters,) = (other for other in TOPICS if other.name == dlq(topic.name))

    assert topic.max_record_bytes > MAX_VALUE_BYTES + 60_000
    assert letters.max_record_bytes > topic.max_record_bytes + 60_000


def test_a_record_is_as_large_as_its_key_its_value_and_its_headers_with_their_lengths() -> None:
    assert record_bytes(None, None, []) == 0
    assert record_bytes(b"kk", b"vvv", [("å", b"1"), ("n", None)]) == 2 + 3 + (1 + 2 + 1 + 1) + (1 + 1 + 1)
    assert [record_bytes(None, None, [("", bytes(size))]) - size for size in (0, 63, 64, 8191, 8192, 1 << 20)] == [
        *(2, 2, 3, 3, 4, 5)
    ]


@pytest.mark.parametrize("headers", [[], [("", b"")], [("å" * 40, b"x" * 9000), ("n", None), ("", b"1" * 70)] * 3])
def test_kafkas_own_writing_of_a_record_is_no_larger_than_told(headers: list[tuple[str, bytes | None]]) -> None:
    builder = DefaultRecordBatchBuilder(2, 0, 1, 2**62, 2**14, 2**30, 1 << 30)
    builder.append(0, 2**41, b"k" * 100, bytes(5000), headers)
    told = record_bytes(b"k" * 100, bytes(5000), headers)

    assert told < len(builder.build()) <= told + 61 + 36
