"""The records that the pages show: the service reads the one kind, and would have written the other."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from schemas.command import COMMANDS
from schemas.read import read
from schemas.topics import FAST_LAKARKONTAKT, KIV_UNIT, TOPICS, VARDVAL_LISTING
from tests.harness import builders as a
from tests.harness.consumer_record import ConsumerRecord
from tests.harness.pages import ROOT, Block, blocks
from tests.harness.published import allows
from tests.harness.region import Region

ENVELOPE = {
    "ce_specversion": "1.0",
    "ce_id": "1",
    "ce_source": "a-page",
    "ce_time": "2026-06-01T08:00:00Z",
    "content-type": "application/json",
}
LISTING_TYPE, EVENT_TYPE = "se.vgregion.vardval.listing.v1", "se.vgregion.1177.fast-lakarkontakt.v1"
TOPIC_OF = {ce_type: topic for topic in TOPICS for ce_type in topic.messages}
SHORT_NAMES = {f"`{command.name}`": f"se.vgregion.listning.{command.name}.v1" for command in COMMANDS}


def ce_type(example: Block) -> str:
    """The message that the page spoke of last: by its type, by its command's name, or by its topic's heading."""
    for line in reversed(example.before.splitlines()):
        for short, full in SHORT_NAMES.items():
            if line.startswith(short):
                return full
        if line.startswith("`se."):
            return line[1:].partition("`")[0]
        if line.startswith("### "):
            (only,) = [name for name, topic in TOPIC_OF.items() if topic.name == line[4:] and "withdrawn" not in name]
            return only
    raise AssertionError(f"of which message is {example.text}?")


def record(topic: str, value: str, key: str = "", **headers: str) -> ConsumerRecord:
    """A record as the worker gets it."""
    encoded: list[tuple[str, bytes | None]] = [(name, text.encode()) for name, text in headers.items()]
    return ConsumerRecord(topic, 0, 0, value.encode(), key.encode(), encoded, 0)


CONTRACT = [one for one in blocks([ROOT / "docs/contract.md"]) if one.language == "json"]


@pytest.mark.parametrize("example", CONTRACT, ids=ce_type)
def test_every_example_of_the_contract_is_understood_or_promised(example: Block) -> None:
    name = ce_type(example)
    topic = TOPIC_OF[name]
    if topic.direction == "in":
        key = json.loads(example.text).get("hsa_id", "")
        read(topic.name, record(topic.name, example.text, key, **ENVELOPE, ce_type=name))
    else:
        assert allows(topic.name, name, json.loads(example.text))


def test_the_contract_shows_every_message_but_the_withdrawal() -> None:
    names = [ce_type(example) for example in CONTRACT]
    assert {name for name in TOPIC_OF if "withdrawn" not in name} == set(names)


def written_out(text: str) -> ConsumerRecord:
    """A record of kiv.unit.v1 whose lines stand behind the words key, headers and value."""
    lines: dict[str, list[str]] = {"key": [], "headers": [], "value": []}
    word = ""
    for line in text.splitlines():
        word = line[:10].strip() or word
        lines[word].append(line[10:])
    headers = dict(line.split(": ", 1) for line in lines["headers"])
    return record(KIV_UNIT, "\n".join(lines["value"]), *lines["key"], **headers)


def test_the_contracts_record_says_the_same_in_both_modes() -> None:
    examples = [one.text for one in blocks([ROOT / "docs/contract.md"]) if "kiv-unit-4711" in one.text]
    binary, structured = (read(KIV_UNIT, written_out(text)) for text in examples)
    assert binary == structured
    assert binary.data == a.unit(version=20260101000000)


def test_the_readmes_event_is_what_its_relisting_causes() -> None:
    relisting, event = (one.text for one in blocks([ROOT / "README.md"]) if one.language == "json")
    message = read(VARDVAL_LISTING, record(VARDVAL_LISTING, relisting, **ENVELOPE, ce_type=LISTING_TYPE))
    region = Region(a.unit(), a.staff(), a.activate(), a.listing(sequence=5), a.link())
    region.happens(a.staff(name=("Jon", "Ek"), version=2), a.staff(version=3))
    region.day_begins(date(2026, 6, 1))
    region.happens(message.data, at=datetime(2026, 6, 1, 8, tzinfo=UTC))
    assert region.value() == json.loads(event)
    assert allows(FAST_LAKARKONTAKT, EVENT_TYPE, json.loads(event))
