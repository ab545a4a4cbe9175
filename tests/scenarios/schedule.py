"""All hand-written scenarios as one schedule of days and steps, and what each of them finds missing afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.harness.compare import answers, doctor, events, fields
from tests.harness.observed import Observed, ObservedEvent, letter
from tests.harness.records import COMMAND, INPUTS, LISTING, STAFF, UNIT, Record, Sender
from tests.model.ids import patient_key
from tests.scenarios import doctors, envelope, leaving, links, listed, many, new_ids, selectable, time, units
from tests.scenarios.scenario import Scenario, day, scenarios

ACTS = (time, selectable, leaving, units, listed, new_ids, doctors, links, many, envelope)
DAYS = (0, 1, 2, 3, 10)
NOT_ALWAYS = ("counts", "faulty_rows", "dry_run")
ORDER = (UNIT, STAFF, LISTING, COMMAND)


@dataclass
class Step:
    """Records of one topic that may be handled in any order but that of their keys."""

    records: list[Record]


def schedule() -> tuple[list[Scenario], list[Step]]:
    """The scenarios, and their records merged: day by day, slot by slot, topic by topic."""
    assert len(ACTS) > 0
    played = scenarios()
    steps = []
    for offset in DAYS:
        morning = Sender(datetime.fromisoformat(f"{day(offset)}T00:00:00").replace(tzinfo=UTC))
        morning.step *= 0
        steps.append(Step([morning.day(day(offset))]))
        sent = [sent for stage in played for sent in stage.sent if sent.offset == offset]
        for slot in sorted({sent.slot for sent in sent}):
            for topic in (*ORDER, *(set(INPUTS) - set(ORDER))):
                batch = [sent.record for sent in sent if sent.slot == slot and sent.record.topic == topic]
                steps += [Step(batch)] if batch else []
    return played, steps


def missing(stage: Scenario, got: Observed, secret: str) -> Iterator[str]:
    """What the scenario expected and did not hear, or heard and did not expect."""
    for patient, expected in stage.expected_changes.items():
        key = patient_key(patient, secret)
        carried = [stage.carried.get((patient, revision + 1)) for revision in range(len(expected))]
        observed = [
            withdrawn_has_none(one, value) for one, value in zip(got.events.get(key, []), expected, strict=False)
        ]
        observed += got.events.get(key, [])[len(expected) :]
        yield from events(
            key, [ObservedEvent(data, why) for data, why in zip(expected, carried, strict=True)], observed
        )
    for command, replies in stage.replies.items():
        ce_id = f"reply/{stage.sender.source}/{command}"
        heard_replies = got.replies.get(ce_id, [])
        expected_replies = []
        for place, reply in enumerate(replies):
            unnamed = dict.fromkeys([*NOT_ALWAYS, *(heard_replies[place] if place < len(heard_replies) else ())], ...)
            unnamed.pop("message", None)
            expected_replies.append(unnamed | reply)
        yield from answers(ce_id, expected_replies, heard_replies)
    for key, record in stage.doctors.items():
        yield from doctor(key, record, got.doctors.get(key))
    for record_sent, code in stage.dead:
        yield from fields(f"dead letter {code}", got.dead[letter(record_sent, code)] > 0, True)


def withdrawn_has_none(observed: ObservedEvent, mine: object) -> ObservedEvent:
    """What a withdrawal carries is not written in the scenarios."""
    return ObservedEvent(None, None) if mine is None and observed.data is None else observed
