"""An endless stream of records, sound and bent, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import count, islice

import orjson

from schemas.asyncapi import message_name
from schemas.topics import KIV_STAFF, KIV_UNIT, LISTNING_CLOCK, LISTNING_COMMAND, TOPICS, VARDVAL_LISTING
from tests.fuzz import bends, envelope
from tests.fuzz.bends import READ, UNDERSTOOD, Bend, Expected
from tests.fuzz.envelope import Headers
from tests.fuzz.schema import Json, message
from tests.fuzz.world import ERA, PATIENTS, World

#: records that share a world; then another begins, so that none is worn out by what was bent before
CHAPTER = 6_000
#: how often a record is of each topic
_SHARES = {KIV_STAFF: 12, KIV_UNIT: 5, VARDVAL_LISTING: 22, LISTNING_COMMAND: 60, LISTNING_CLOCK: 2}
_LONGEST_RUN = 40
#: commands without which the others have nothing to decide
_OFTEN = ("activate", "activate", "link-patient", "link-patient", "link-patient", "import-links", "distribute")


@dataclass(slots=True)
class FuzzedRecord:
    """A record as a Kafka client gives it, and what was done to it."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int
    bends: tuple[Bend, ...] = ()
    partition: int = 0
    offset: int = 0

    @property
    def expected(self) -> Expected:
        """What must become of it; None where several bends, or none that the contract speaks of, are in it."""
        if not self.bends:
            return UNDERSTOOD
        return self.bends[0].expected if len(self.bends) == 1 else None


def chapters(seed: int, records: int) -> Iterator[tuple[int, list[list[FuzzedRecord]]]]:
    """The chapters of a stream: number, and runs of records of one topic each."""
    for number in range(-(-records // CHAPTER)):
        yield number, list(chapter(seed, number, min(CHAPTER, records - number * CHAPTER)))


def chapter(seed: int, number: int, records: int) -> Iterator[list[FuzzedRecord]]:
    """So many records in runs of one topic each. The first begins a day, so that the others are read (T3)."""
    world = World(random.Random(f"{seed}/{number}"))
    maker = Maker(world, f"fuzz-{seed}-{number}")
    offsets = count()
    left, era = records, 0
    for topic in _topics(world):
        if world.number // ERA != era:
            era = world.number // ERA
            world.begin_era()
        run = [maker.record(topic) for _ in range(min(left, 1 if topic == LISTNING_CLOCK else maker.run_length()))]
        for record, offset in zip(run, offsets, strict=False):
            record.offset = offset
        left -= len(run)
        maker.ending = left < records / 50
        yield run
        if left <= 0:
            return


def _topics(world: World) -> Iterator[str]:
    """The order of topics: a day, who there is, and then at random."""
    yield LISTNING_CLOCK
    while True:
        yield from (KIV_UNIT, KIV_STAFF, VARDVAL_LISTING, VARDVAL_LISTING, LISTNING_COMMAND)
        era = world.number // ERA
        while world.number // ERA == era:
            yield from world.rng.choices(list(_SHARES), list(_SHARES.values()))


@cache
def types_of(topic: str) -> list[str]:
    """The messages of a topic; the whole state of something more often than that it is gone or moved."""
    messages = next(list(one.messages) for one in TOPICS if one.name == topic)
    if topic == LISTNING_COMMAND:
        return messages + [one for one in messages for name in _OFTEN if name in one]
    return messages[:1] * 30 + messages[1:]


class Maker:
    """Makes one record after the other in a world."""

    def __init__(self, world: World, source: str) -> None:
        self.world = world
        self.source = source
        #: the end of the stream, where days may leap and nothing is lost by it
        self.ending = False
        self._sent: list[FuzzedRecord] = []

    def run_length(self) -> int:
        """How many records of a topic come in a row."""
        return 1 + self.world.below(_LONGEST_RUN)

    def record(self, topic: str) -> FuzzedRecord:
        """The next record of the topic; six in ten are sound."""
        world = self.world
        world.number += 1
        world.now += timedelta(seconds=1)
        if self._sent and world.chance(0.02):
            again = world.pick(self._sent)
            if again.topic == topic:
                return FuzzedRecord(topic, again.key, again.value, again.headers, again.timestamp, again.bends)
        times = 0 if world.number == 1 else world.pick((0, 0, 0, 0, 0, 0, 1, 1, 1, 2))
        made = self._made(topic, times)
        if world.chance(0.02):
            self._sent = [*self._sent[-50:], made]
        return made

    def _made(self, topic: str, times: int) -> FuzzedRecord:
        world = self.world
        ce_type = world.pick(types_of(topic))
        data = self._data(topic, ce_type)
        key = self._key(topic, data)
        value = orjson.dumps(data)
        headers = self._headers(ce_type)
        made = FuzzedRecord(topic, key, value, headers, int(world.now.timestamp() * 1000))
        if times == 0:
            if world.chance(0.2):
                made.value, made.headers = envelope.structured(world, headers, value)
            return made
        self._bend(made, ce_type, data, times)
        return made

    def _bend(self, made: FuzzedRecord, ce_type: str, data: Json, times: int) -> None:
        """Bends in the order in which a record is built: data, envelope, bytes, key, timestamp."""
        world, done = self.world, []
        for kind in sorted(world.rng.sample(range(10), times)):
            if kind < 5:
                bend, made.value = self._bend_data(made, ce_type, data, whole=kind == 4)
            elif kind < 7:
                bend = self._bend_envelope(made)
            elif kind == 7:
                bend = self._bend_value(made)
            elif kind == 8:
                bend = self._bend_key(made)
            else:
                made.timestamp = world.pick(envelope.TIMESTAMPS)
                bend = Bend(f"timestamp: {made.timestamp}", UNDERSTOOD)
            done.append(bend)
        made.bends = tuple(done)

    def _bend_data(self, made: FuzzedRecord, ce_type: str, data: Json, *, whole: bool) -> tuple[Bend, bytes]:
        world = self.world
        if whole and world.chance(0.3):
            return bends.twice(world, data)
        bend = bends.add(world, data) if whole else bends.bend_data(world, message(ce_type), data)
        if made.topic == LISTNING_CLOCK and not self.ending and _leaps(data.get("day"), world):
            data["day"] = world.today.isoformat()
            bend = Bend("day: the same once more", UNDERSTOOD)
        return bend, orjson.dumps(data)

    def _bend_envelope(self, made: FuzzedRecord) -> Bend:
        world = self.world
        if world.chance(0.7):
            return envelope.bend_headers(world, made.headers)
        bend, made.value, made.headers = envelope.bend_structured(world, made.headers, made.value or b"{}")
        return bend

    def _bend_value(self, made: FuzzedRecord) -> Bend:
        world, value = self.world, made.value or b"{}"
        if world.chance(0.1):
            made.value = None
            made.headers = [] if world.chance(0.5) else made.headers
            if made.topic in (KIV_STAFF, KIV_UNIT, VARDVAL_LISTING):
                return Bend("tombstone", UNDERSTOOD)
            return Bend("null value", frozenset({"invalid_json"}))
        if world.chance(0.01):
            name, expected, change = world.pick(bends.SIZES)
            made.value = change(world, value)
            return Bend(name, expected)
        bend, made.value = bends.bend_bytes(world, value)
        return bend

    def _bend_key(self, made: FuzzedRecord) -> Bend:
        world = self.world
        key, name = world.pick(_KEYS)
        made.key = key
        if made.topic not in (KIV_STAFF, KIV_UNIT):
            return Bend(f"key: {name}", UNDERSTOOD)
        return Bend(f"key: {name}", frozenset({"invalid_data"}))

    def _data(self, topic: str, ce_type: str) -> Json:
        world = self.world
        data: Json = message(ce_type).draw(world)
        if topic in (KIV_STAFF, KIV_UNIT):
            data["hsa_id"] = world.doctor() if topic == KIV_STAFF else world.unit()
        if data.get("given_name") == "" == data.get("surname"):
            data["surname"] = "Berg"
        if topic == KIV_UNIT and not str(data.get("name", "x")).strip():
            data["name"] = "Majorna"
        if topic == LISTNING_COMMAND:
            if world.chance(0.92):
                data["actor"] |= {"unit_hsa_id": data["unit_hsa_id"], "role": "VC-chef"}
            if "parts" in data:
                data["parts"] = world.pick((1, 1, 1, 2, 3))
                data["part"] = 1 + world.below(data["parts"])
            for row in data.get("rows", ()):
                row["unit_hsa_id"] = data["unit_hsa_id"] if world.chance(0.9) else row["unit_hsa_id"]
        return data

    def _key(self, topic: str, data: Json) -> bytes | None:
        if topic in (KIV_STAFF, KIV_UNIT):
            key = str(data["hsa_id"])
        elif topic == LISTNING_COMMAND:
            key = str(data["unit_hsa_id"])
        elif topic == LISTNING_CLOCK:
            key = "day"
        else:
            key = f"vardval-{data['patient_id'][2:8]}"
        return key.encode()

    def _headers(self, ce_type: str) -> Headers:
        world = self.world
        headers: Headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", f"{message_name(ce_type)}-{world.number}".encode()),
            ("ce_source", self.source.encode()),
            ("ce_type", ce_type.encode()),
            ("ce_time", (world.now.isoformat().replace("+00:00", "Z")).encode()),
            ("content-type", b"application/json"),
        ]
        if world.chance(0.05):
            headers.append(("ce_correlationid", f"errand-{world.number}".encode()))
        return headers


def _leaps(day: object, world: World) -> bool:
    """Whether no day of the stream would be new any more after this one."""
    try:
        return isinstance(day, str) and date.fromisoformat(day) > world.today
    except ValueError:
        return False


_KEYS: list[tuple[bytes | None, str]] = [
    (None, "null"),
    (b"", "empty"),
    (b"\0", "NUL"),
    (b"\xff\xfe\xfd", "no UTF-8"),
    (b"k" * 70_000, "long"),
    (PATIENTS[7].encode(), "personnummer"),
    ("å😀".encode(), "letters"),
    (b"SE2321000131-E999999999999", "somebody else's"),
]


def stream(seed: int, records: int) -> Iterator[FuzzedRecord]:
    """The records one by one, all in one world."""
    return islice((record for run in chapter(seed, 0, records) for record in run), records)


__all__ = ["CHAPTER", "READ", "FuzzedRecord", "chapter", "chapters", "stream", "types_of"]
