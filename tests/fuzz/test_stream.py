"""The stream of fuzzed records is the same for a seed, and holds every kind of message and bend."""

from __future__ import annotations

from collections import Counter

import pytest

from schemas.topics import TOPICS
from tests.fuzz import envelope
from tests.fuzz.schema import message, places
from tests.fuzz.stream import FuzzedRecord, chapters, stream
from tests.harness.published import allows
from tests.schemas.builders import EXAMPLES

INPUT_TYPES = [(topic.name, ce_type) for topic in TOPICS if topic.direction == "in" for ce_type in topic.messages]


def test_a_seed_gives_the_same_records_and_another_gives_others() -> None:
    first, again, other = (list(stream(seed, 2_000)) for seed in (7, 7, 8))

    assert first == again
    assert first != other


def test_there_are_as_many_as_were_asked_for() -> None:
    for number in (1, 999, 6_001):
        assert sum(len(run) for _, runs in chapters(1, number) for run in runs) == number


@pytest.mark.parametrize(("topic", "ce_type"), INPUT_TYPES)
def test_every_message_is_sent_sound_and_bent(topic: str, ce_type: str) -> None:
    of_type = [one for one in stream(1, 6_000) if one.topic == topic and ce_type.encode() in _written(one)]

    assert [one for one in of_type if not one.bends]
    assert [one for one in of_type if one.bends]


@pytest.mark.parametrize("ce_type", [ce_type for _, ce_type in INPUT_TYPES])
def test_every_field_of_every_message_is_a_place_to_bend(ce_type: str) -> None:
    topic, example = EXAMPLES[ce_type]
    assert allows(topic, ce_type, example)

    bendable = {place.key for place in places(message(ce_type), example) if isinstance(place.key, str)}

    assert set(example) <= bendable


def test_every_timestamp_and_instant_comes_up() -> None:
    bends = Counter(bend.name for record in stream(1, 20_000) for bend in record.bends)

    assert [f"timestamp: {at}" for at in envelope.TIMESTAMPS if not bends[f"timestamp: {at}"]] == []
    assert [text for text, _ in envelope.TIMES if not bends[f"ce_time: {text[:40]}"]] == []
    assert len(bends) > 1_000


def _written(record: FuzzedRecord) -> bytes:
    """Its value and its headers, where they are there."""
    return b" ".join([record.value or b"", *(text or b"" for _, text in record.headers)])
