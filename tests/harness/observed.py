"""What came out, of the product or of the model, in one shape so that the two can be compared."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.harness.records import CHANGES, COMMAND, DOCTOR, PREFIX, REPLY, Data, Record, header
from tests.model.model import Model

DeadLetter = tuple[str, str | None, bytes | None, str]  # input topic, key, value, code


@dataclass(frozen=True)
class ObservedEvent:
    """One record of 1177's topic: its data (None: withdrawn) and the correlation it carries."""

    data: Data | None
    correlation: str | None


@dataclass
class Observed:
    """`told` by patient key in order, `replies` by ce_id in order, `doctors` the newest by key, `dead` letters."""

    events: dict[str, list[ObservedEvent]] = field(default_factory=dict)
    replies: dict[str, list[Data]] = field(default_factory=dict)
    doctors: dict[str, Data | None] = field(default_factory=dict)
    dead: Counter[DeadLetter] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def from_model(model: Model) -> Observed:
    """What must be heard."""
    observed = Observed(doctors=dict(model.doctors), outcomes=Counter(model.outcomes))
    for key, events in model.events.items():
        observed.events[key] = [ObservedEvent(one.data, one.correlation) for one in events]
    for reply in model.replies:
        observed.replies.setdefault(reply.ce_id, []).append(reply.data)
    for record, code in model.dead:
        observed.dead[letter(record, code)] += 1
    return observed


def letter(record: Record, code: str) -> DeadLetter:
    """A dead letter as the contract carries it: one too large to copy has no value."""
    return record.topic, record.key, None if code == "too_large" else record.value, code


def from_records(records: Iterable[Record], source: str) -> Observed:
    """What was heard: output records in the order of their partitions; faults of envelope are noted in `wrong`."""
    observed = Observed()
    for record in records:
        if record.topic == CHANGES:
            observe_event(observed, record, source)
        elif record.topic == REPLY:
            assert record.value is not None
            observed.replies.setdefault(header(record.headers, "ce_id") or "?", []).append(json.loads(record.value))
            expect_envelope(observed, record, source, "listning.reply")
        elif record.topic == DOCTOR:
            observed.doctors[record.key or "?"] = None if record.value is None else json.loads(record.value)
        else:
            code = header(record.headers, "dlq_code") or "?"
            observed.dead[letter(Record(record.topic.removesuffix(".dlq"), record.key, record.value), code)] += 1
    return observed


def observe_event(observed: Observed, record: Record, source: str) -> None:
    """One of 1177's records, its envelope held against its content."""
    key = record.key or "?"
    events = observed.events.setdefault(key, [])
    data = None if record.value is None else json.loads(record.value)
    events.append(ObservedEvent(data, header(record.headers, "ce_correlationid")))
    withdrawn = "" if data else "-withdrawn"
    expect_envelope(observed, record, source, f"1177.fast-lakarkontakt{withdrawn}")
    expected = {"ce_id": f"{key}/{len(events)}", "ce_subject": key}
    if data:
        expected["ce_time"] = data["changed_at"]
    expect_headers(observed, record, expected)


def expect_envelope(observed: Observed, record: Record, source: str, name: str) -> None:
    """What every published event carries."""
    expected = {"ce_specversion": "1.0", "ce_source": source, "ce_type": f"{PREFIX}{name}.v1"}
    if record.value is not None:
        expected["content-type"] = "application/json"
    expect_headers(observed, record, expected)


def expect_headers(observed: Observed, record: Record, expected: dict[str, str]) -> None:
    """Notes each header that is not as it must be."""
    for name, text in expected.items():
        if header(record.headers, name) != text:
            observed.wrong.append(f"{record.topic} {record.key}: {name} {header(record.headers, name)} is not {text}")


def distributions(observed: Observed, sent: Sequence[Record]) -> dict[tuple[str, str], dict[str, str] | int]:
    """What each distribution did: patient -> doctor, or for a dry run how many it placed."""
    ids: dict[str, list[tuple[str, str]]] = {}
    found: dict[tuple[str, str], dict[str, str] | int] = {}
    for record in sent:
        who = header(record.headers, "ce_source") or "", header(record.headers, "ce_id") or ""
        if record.topic != COMMAND or header(record.headers, "ce_type") != f"{PREFIX}listning.distribute-patients.v1":
            continue
        ids.setdefault(header(record.headers, "ce_correlationid") or who[1], []).append(who)
        replies = observed.replies.get(f"reply/{who[0]}/{who[1]}", [{}])
        counts = replies[0].get("counts") or {"updated": 0}
        dry = record.value is not None and json.loads(record.value).get("dry_run") is True
        found[who] = counts["updated"] if dry else {}
    for event in (one for events in observed.events.values() for one in events):
        if event.data and event.data["reason"] == "distributed":
            for who in ids.get(event.correlation or "", []):
                placed = found[who]
                if isinstance(placed, dict):
                    placed[event.data["patient_id"]] = event.data["doctor"]["hsa_id"]
    return found
