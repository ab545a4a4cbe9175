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
    mine, theirs = fold(expected), fold(got)
    for name in sorted(mine.keys() | theirs.keys()):
        if mine[name] != theirs[name]:
            yield f"outcomes {name[0]} {name[1]}: {mine[name]} expected, {theirs[name]} counted"


def fold(counts: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Names that may stand for each other, as one."""
    folded: Counter[tuple[str, str]] = Counter()
    for (topic, outcome), count in counts.items():
        folded[topic, EITHER.get((outcome, topic), outcome)] += count
    return folded


def events(key: str, expected: list[ObservedEvent], got: list[ObservedEvent]) -> Iterator[str]:
    """What 1177 heard of one patient, in order."""
    for revision, (mine, theirs) in enumerate(zip_longest(expected, got), start=1):
        where = f"1177 {key}/{revision}"
        if mine is None or theirs is None:
            one = mine or theirs
            said = "withdrawn" if one.data is None else f"{one.data['change']} {one.data['reason']} {one.data}"
            yield f"{where}: {'missing' if theirs is None else 'not expected'}: {said}"
            continue
        yield from fields(where, mine.data, theirs.data)
        if mine.correlation != theirs.correlation:
            yield f"{where}: correlation {mine.correlation} expected, got {theirs.correlation}"


def answers(ce_id: str, expected: list[Data], got: list[Data]) -> Iterator[str]:
    """The replies with one id: as many, and alike."""
    if len(expected) != len(got):
        yield f"{ce_id}: {len(expected)} replies expected, {len(got)} heard; expected {expected[:1]}, heard {got[:1]}"
        return
    for mine, theirs in zip(expected, got, strict=True):
        named = {name: value for name, value in mine.items() if name != "message"}
        yield from fields(ce_id, named, answer(theirs, mine))


def answer(theirs: Data, mine: Data) -> Data:
    """A reply with what may be left out filled in, and the texts that mine does not name taken away."""
    whole: Data = {"counts": None, "faulty_rows": None, "dry_run": False} | theirs
    message = whole.pop("message", None)
    if whole.get("outcome") == "refused" and not message:
        whole["message"] = "a refusal must have a sentence"
    rows = [{name: row[name] for name in row if name != "message" or name in asked(mine, place)}
            for place, row in enumerate(whole["faulty_rows"] or [])]  # fmt: skip
    counts = whole["counts"] and {name: one for name, one in whole["counts"].items() if one is not None}
    whole |= {"faulty_rows": rows or None, "counts": counts, "dry_run": bool(whole["dry_run"])}
    return whole


def asked(mine: Data, place: int) -> Data:
    """The row of mine at the same place, empty when there is none."""
    rows: list[Data] = mine.get("faulty_rows") or []
    return rows[place] if place < len(rows) else {}


def doctor(key: str, mine: Data | None, theirs: Data | None) -> Iterator[str]:
    """The newest record of a pair; when it was made, and the name of a removed person, are the product's choice."""
    if mine and theirs:
        mine = {name: value for name, value in mine.items() if name != "as_of"}
        at = theirs.get("as_of")
        if not isinstance(at, str) or not at.endswith("Z"):
            yield f"doctor {key}: as_of {at}"
        theirs = {name: value for name, value in theirs.items() if name != "as_of"}
        theirs["care_burden"] = round(theirs["care_burden"], 6)
        if mine["doctor"]["name"] is None:
            theirs["doctor"] = theirs["doctor"] | {"name": None, "vgr_id": None}
    yield from fields(f"doctor {key}", mine, theirs)


def fields(where: str, mine: Any, theirs: Any) -> Iterator[str]:
    """Every field of mine, and none beside them; an ellipsis is anything."""
    if mine is ...:
        return
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for name in [*mine, *(extra for extra in theirs if extra not in mine)]:
            yield from fields(f"{where}.{name}", mine.get(name, "(no such field)"), theirs.get(name, "(missing)"))
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        for place, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            yield from fields(f"{where}[{place}]", one, other)
    elif where.endswith("changed_at") and isinstance(theirs, str):
        if not theirs.endswith("Z") or datetime.fromisoformat(mine) != datetime.fromisoformat(theirs):
            yield f"{where}: {mine} expected, got {theirs}"
    elif mine != theirs or (mine is None) != (theirs is None):
        yield f"{where}: {mine!r} expected, got {theirs!r}"
