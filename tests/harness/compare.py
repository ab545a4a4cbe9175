"""Differences between what must be heard and what was, field by field."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import zip_longest
from typing import Any

from tests.harness.observed import Observed, ObservedEvent
from tests.harness.records import CLOCK, Data

EITHER = {("unchanged", CLOCK): "stale"}  # the day again, or an earlier one: the contract leaves the name open


def differences(expected: Observed, got: Observed) -> Iterator[str]:
    """One sentence per difference; none when all is as it must be."""
    yield from got.wrong
    for key in sorted(expected.events.keys() | got.events.keys()):
        yield from events(key, expected.events.get(key, []), got.events.get(key, []))
    for ce_id in sorted(expected.replies.keys() | got.replies.keys()):
        yield from answers(ce_id, expected.replies.get(ce_id, []), got.replies.get(ce_id, []))
    for key in sorted(expected.doctors.keys() | got.doctors.keys()):
        yield from doctor(key, expected.doctors.get(key), got.doctors.get(key))
    for dead in (expected.dead - got.dead).elements():
        yield f"dead letter missing: {dead[0]} {dead[1]} {dead[3]} {(dead[2] or b'')[:120]!r}"
    for dead in (got.dead - expected.dead).elements():
        yield f"dead letter not expected: {dead[0]} {dead[1]} {dead[3]} {(dead[2] or b'')[:120]!r}"


def outcome_differences(expected: Counter[tuple[str, str]], got: Counter[tuple[str, str]]) -> Iterator[str]:
    """Counts by topic and outcome, where nothing was killed."""
    expected, got = fold(expected), fold(got)
    for name in sorted(expected.keys() | got.keys()):
        if expected[name] != got[name]:
            yield f"outcomes {name[0]} {name[1]}: {expected[name]} expected, {got[name]} counted"


def fold(counts: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Names that may stand for each other, as one."""
    folded: Counter[tuple[str, str]] = Counter()
    for (topic, outcome), count in counts.items():
        folded[topic, EITHER.get((outcome, topic), outcome)] += count
    return folded


def events(key: str, expected: list[ObservedEvent], got: list[ObservedEvent]) -> Iterator[str]:
    """What 1177 heard of one patient, in order."""
    for revision, (event, observed) in enumerate(zip_longest(expected, got), start=1):
        where = f"1177 {key}/{revision}"
        if event is None or observed is None:
            one = event or observed
            change = "withdrawn" if one.data is None else f"{one.data['change']} {one.data['reason']} {one.data}"
            yield f"{where}: {'missing' if observed is None else 'not expected'}: {change}"
            continue
        yield from fields(where, event.data, observed.data)
        if event.correlation != observed.correlation:
            yield f"{where}: correlation {event.correlation} expected, got {observed.correlation}"


def answers(ce_id: str, expected: list[Data], got: list[Data]) -> Iterator[str]:
    """The replies with one id: as many, and alike."""
    if len(expected) != len(got):
        yield f"{ce_id}: {len(expected)} replies expected, {len(got)} heard; expected {expected[:1]}, heard {got[:1]}"
        return
    for reply, observed in zip(expected, got, strict=True):
        named = {name: value for name, value in reply.items() if name != "message"}
        yield from fields(ce_id, named, answer(observed, reply))


def answer(observed: Data, expected: Data) -> Data:
    """A reply with what may be left out filled in, and the texts that expected does not name taken away."""
    filled: Data = {"counts": None, "faulty_rows": None, "dry_run": False} | observed
    message = filled.pop("message", None)
    if filled.get("outcome") == "refused" and not message:
        filled["message"] = "a refusal must have a sentence"
    rows = [{name: row[name] for name in row if name != "message" or name in asked(expected, place)}
            for place, row in enumerate(filled["faulty_rows"] or [])]  # fmt: skip
    counts = filled["counts"] and {name: one for name, one in filled["counts"].items() if one is not None}
    filled |= {"faulty_rows": rows or None, "counts": counts, "dry_run": bool(filled["dry_run"])}
    return filled


def asked(expected: Data, place: int) -> Data:
    """The row of expected at the same place, empty when there is none."""
    rows: list[Data] = expected.get("faulty_rows") or []
    return rows[place] if place < len(rows) else {}


def doctor(key: str, expected: Data | None, observed: Data | None) -> Iterator[str]:
    """The newest record of a pair; when it was made, and the name of a removed person, are the product's choice."""
    if expected and observed:
        expected = {name: value for name, value in expected.items() if name != "as_of"}
        at = observed.get("as_of")
        if not isinstance(at, str) or not at.endswith("Z"):
            yield f"doctor {key}: as_of {at}"
        observed = {name: value for name, value in observed.items() if name != "as_of"}
        observed["care_burden"] = round(observed["care_burden"], 6)
        if expected["doctor"]["name"] is None:
            observed["doctor"] = observed["doctor"] | {"name": None, "vgr_id": None}
    yield from fields(f"doctor {key}", expected, observed)


def fields(where: str, expected: Any, observed: Any) -> Iterator[str]:
    """Every field of expected, and none beside them; an ellipsis is anything."""
    if expected is ...:
        return
    if isinstance(expected, dict) and isinstance(observed, dict):
        for name in [*expected, *(extra for extra in observed if extra not in expected)]:
            yield from fields(f"{where}.{name}", expected.get(name, "(no such field)"), observed.get(name, "(missing)"))
    elif isinstance(expected, list) and isinstance(observed, list) and len(expected) == len(observed):
        for place, (one, other) in enumerate(zip(expected, observed, strict=True)):
            yield from fields(f"{where}[{place}]", one, other)
    elif where.endswith("changed_at") and isinstance(observed, str):
        if not observed.endswith("Z") or datetime.fromisoformat(expected) != datetime.fromisoformat(observed):
            yield f"{where}: {expected} expected, got {observed}"
    elif expected != observed or (expected is None) != (observed is None):
        yield f"{where}: {expected!r} expected, got {observed!r}"
