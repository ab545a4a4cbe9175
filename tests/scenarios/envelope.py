"""The contract's envelope: both modes, and each way to be unreadable."""

import json

from tests.harness.records import COMMAND, STAFF, UNIT, Data, Record, Sender
from tests.scenarios.scenario import Scenario, Sent, case


def raw(
    c: Scenario,
    topic: str,
    value: bytes | None,
    outcome: str,
    *headers: tuple[str, bytes | None],
    timestamp: int | None = None,
) -> Sent:
    """A record as it stands; its timestamp is that of the moment unless said."""

    def make(to: Sender) -> Record:
        return Record(topic, c.home, value, headers, int(to.now.timestamp() * 1000) if timestamp is None else timestamp)

    return c.send(make, outcome)


BINARY = {"ce_specversion": b"1.0", "ce_id": b"1", "ce_source": b"oracle", "ce_type": b"se.vgregion.kiv.unit.v1",
          "ce_time": b"2025-05-26T08:00:00+02:00", "content-type": b"application/json"}  # fmt: skip


@case("P6", "structured mode, with content-type or without, and unknown fields and headers are read")
def structured(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    for version, kind in (
        (2, None),
        (3, b"application/cloudevents+json"),
        (4, b"application/cloudevents+json; charset=utf-8"),
    ):
        name = f"Namn {version}"
        data = {"hsa_id": c.home, "version": version, "name": name, "unheard_of": {"x": 1}}
        envelope = {"specversion": "1.0", "id": f"s{version}", "source": "oracle", "type": "se.vgregion.kiv.unit.v1",
                    "time": "2025-05-26T12:00:00+02:00", "data": data, "extension": True}  # fmt: skip
        headers = [("odd", b"\xff\xfe"), ("odd", None), *([("content-type", kind)] if kind else [])]
        sent = raw(c, UNIT, json.dumps(envelope).encode(), "applied", *headers)
        c.hear(p, "renamed", "unit_renamed", sent, unit_name=name, care_giver=None, at="2025-05-26T10:00:00Z")


@case("S10", "each way to be unreadable has its code")
def unreadable(c: Scenario) -> None:
    sound = {"hsa_id": c.home, "version": 1, "name": "Hemmet"}
    value = json.dumps(sound).encode()
    dead = [
        ("invalid_json", raw(c, UNIT, b"{", "dead", *BINARY.items())),
        ("invalid_json", raw(c, UNIT, b"\xff", "dead", *BINARY.items())),
        ("invalid_json", raw(c, COMMAND, None, "dead")),
        ("invalid_envelope", raw(c, UNIT, value, "dead")),
        ("invalid_envelope", raw(c, UNIT, b"[]", "dead")),
        ("unknown_type", raw(c, STAFF, value, "dead", *BINARY.items())),
        ("too_large", raw(c, UNIT, b'"' + b"x" * 1024 * 1024 + b'"', "dead", *BINARY.items())),
    ]
    for name, text in (("ce_id", None), ("ce_source", None), ("ce_type", None), ("ce_specversion", b"0.3"),
                       ("ce_time", b"yesterday"), ("ce_time", b"2025-05-26T08:00:00")):  # fmt: skip
        headers = [(key, text if key == name else value) for key, value in BINARY.items()]
        present = [(key, value) for key, value in headers if value is not None]
        dead.append(("invalid_envelope", raw(c, UNIT, value, "dead", *present)))
    faults: list[Data] = [{"version": "1"}, {"version": 1.5}, {"version": True}, {"version": 2**63}, {"name": None},
              {"kind": "sjukhus"},
              {"hsa_id": "SE2321000131"}, {"end": "2025-02-30"}, {"replaced_by": "x"}, {"start": 20250101}]  # fmt: skip
    for fault in faults:
        dead.append(("invalid_data", raw(c, UNIT, json.dumps(sound | fault).encode(), "dead", *BINARY.items())))
    dead.append(("invalid_data", raw(c, UNIT, b"[]", "dead", *BINARY.items())))
    c.dead += [(sent.record, code) for code, sent in dead]


@case("S10", "a tombstone whose key is no HSA-id is unreadable")
def tombstone_without_id(c: Scenario) -> None:
    sent = c.send(lambda to: Record(STAFF, "nobody", None, (), int(to.now.timestamp() * 1000)), "dead")
    c.dead.append((sent.record, "invalid_data"))


@case("T2", "a time or timestamp that no clock shows is no time at all")
def times_out_of_range(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    at = "2025-05-26T10:00:00.001000Z"
    for version, (time, timestamp, told) in enumerate(
        [
            ("0001-01-01T00:00:00Z", 1_748_253_600_001, at),
            ("9999-12-31T23:59:59.9999999Z", 1_748_253_600_001, at),
            ("0001-01-01T00:00:00Z", 1_748_253_600_001_000, "1970-01-01T00:00:00Z"),
            (None, -1, "1970-01-01T00:00:00Z"),
            (None, 2**63 - 1, "1970-01-01T00:00:00Z"),
        ],
        start=2,
    ):
        headers = BINARY | {"ce_time": time.encode()} if time else {k: v for k, v in BINARY.items() if k != "ce_time"}
        data = {"hsa_id": c.home, "version": version, "name": f"Namn {version}"}
        sent = raw(c, UNIT, json.dumps(data).encode(), "applied", *headers.items(), timestamp=timestamp)
        c.hear(p, "renamed", "unit_renamed", sent, unit_name=f"Namn {version}", care_giver=None, at=told)


@case("S11", "a tombstone is as of the record's timestamp, whatever that says")
def tombstones_out_of_range(c: Scenario) -> None:
    c.employ(c.anna, attributes={"time": "0001-01-01T00:00:00Z"})
    c.send(lambda to: Record(STAFF, c.anna, None, (), 1_748_253_600_001_000), "stale")
    c.send(lambda to: Record(STAFF, c.anna, None, (), int(to.now.timestamp() * 1000)), "applied")


@case("D1", "an id that holds a personnummer is unreadable, a correlation id that does is not carried on")
def personnummer_in_the_envelope(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    data = {"hsa_id": c.home, "version": 2, "name": "Namn 2"}
    for name in ("ce_id", "ce_source"):
        headers = BINARY | {name: f"{p}/5".encode()}
        sent = raw(c, UNIT, json.dumps(data).encode(), "dead", *headers.items())
        c.dead.append((sent.record, "invalid_envelope"))
    headers = BINARY | {"ce_correlationid": p.encode(), "ce_time": b"2025-05-26T10:00:00Z"}
    sent = raw(c, UNIT, json.dumps(data).encode(), "applied", *headers.items())
    c.hear(p, "renamed", "unit_renamed", sent, unit_name="Namn 2", care_giver=None, at="2025-05-26T10:00:00Z")


@case("S2", "a key that names somebody else is unreadable")
def foreign_key(c: Scenario) -> None:
    data = {"hsa_id": c.home, "version": 2, "name": "Namn 2"}
    sent = c.send(
        lambda to: Record(
            UNIT, c.other, json.dumps(data).encode(), tuple(BINARY.items()), int(to.now.timestamp() * 1000)
        ),
        "dead",
    )
    c.dead.append((sent.record, "invalid_data"))


@case("P6", "the name is the one that is there, without blanks around it; without any it is unreadable")
def names(c: Scenario) -> None:
    p = c.born()
    c.linked(p)
    for version, (given, surname, name) in enumerate(
        [(" Anna\t", " Berg", "Anna Berg"), ("", "Berg", "Berg"), ("Anna", " ", "Anna")], start=2
    ):
        sent = c.employ(c.anna, version=version, given_name=given, surname=surname, setup=False)
        if name != "Anna Berg":
            c.hear(p, "renamed", "doctor_renamed", sent, name=name)
    sent = c.employ(c.anna, version=9, given_name="", surname=" ", outcome="dead", setup=False)
    c.dead.append((sent.record, "invalid_data"))
    sent = raw(c, UNIT, json.dumps({"hsa_id": c.home, "version": 9, "name": " "}).encode(), "dead", *BINARY.items())
    c.dead.append((sent.record, "invalid_data"))


@case("C6", "a profile's text that is too long is refused")
def long_profile_text(c: Scenario) -> None:
    c.linked(c.born())
    c.refuse("invalid_profile", "update-doctor-profile", doctor_hsa_id=c.anna, profile={"role": "x" * 201})
    c.refuse("invalid_profile", "activate-doctor", doctor_hsa_id=c.anna, profile={"patient_group": "å" * 201})
