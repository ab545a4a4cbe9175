"""What holds whatever happens: order, repetition and the invariants of links (S2, S10, L1, P1, C13, C14)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.world import Patient
from handlers.world.changes import LinkChange
from tests.harness.builders import (
    DOCTOR,
    NEW_PATIENT,
    OTHER_DOCTOR,
    OTHER_UNIT,
    PATIENT,
    TODAY,
    TOLVAN,
    TOMORROW,
    UNIT,
    YESTERDAY,
    activate,
    choice,
    deactivate,
    distribute,
    head,
    id_changed,
    import_links,
    jobless,
    link,
    listing,
    move,
    pause,
    post,
    resume,
    row,
    staff,
    staff_removed,
    unit,
    unit_removed,
    unlink,
    update,
)
from tests.harness.region import Region

units = st.sampled_from([UNIT, OTHER_UNIT])
doctors = st.sampled_from([DOCTOR, OTHER_DOCTOR])
people = st.sampled_from([PATIENT, NEW_PATIENT, TOLVAN])
days = st.sampled_from([YESTERDAY, TODAY, TOMORROW])
numbers = st.integers(1, 12)
posts = st.builds(post, units, end=st.none() | days, start=days | st.none())
choices = st.builds(choice, units, days)

staff_states = st.one_of(
    st.builds(staff, doctors, posts, posts, version=numbers),
    st.builds(staff, doctors, posts, version=numbers, licences=st.sampled_from([("LK",), ()])),
    st.builds(jobless, doctors, version=numbers),
)
protections = st.builds(staff, doctors, version=numbers, protected=st.just(True))
removals = st.builds(staff_removed, doctors, numbers)
staff_facts = st.one_of(staff_states, protections, removals)
unit_states = st.builds(
    unit,
    units,
    st.sampled_from(["A", "B"]),
    numbers,
    end=st.none() | days,
    kind=st.sampled_from(["vardcentral", "other"]),
    replaced_by=st.none() | units,
)
unit_facts = unit_states | st.builds(unit_removed, units, numbers)
listings = st.builds(
    listing,
    people,
    st.none() | choices,
    st.none() | choices,
    sequence=numbers,
    protected=st.sampled_from([False, False, False, True]),
    care_burden=st.none() | st.just(1.5),
)
heads = st.builds(head, units)
commands = st.one_of(
    st.builds(activate, doctors, head=heads),
    st.builds(activate, doctors, head=heads, patient_ceiling=st.integers(0, 2), age_max=st.just(60)),
    st.builds(deactivate, doctors, links=st.sampled_from(["refuse", "end"]), head=heads),
    st.builds(pause, doctors, head=heads),
    st.builds(resume, doctors, head=heads),
    st.builds(update, doctors, head=heads, patient_ceiling=st.none() | st.integers(0, 2)),
    st.builds(link, people, doctors, head=heads),
    st.builds(unlink, people, head=heads),
    st.builds(move, source=doctors, target=doctors, head=heads),
    st.builds(distribute, seed=numbers, head=heads),
    st.builds(import_links, st.builds(row, numbers, people, doctors, units), import_id=st.uuids().map(str), head=heads),
)
id_changes = st.builds(id_changed, people, people, numbers)
a_day = st.just("a day begins")
happenings = st.one_of(staff_facts, unit_facts, listings, commands, commands, commands, id_changes, a_day)

#: most histories begin where something can happen
OPENING = [
    *(staff(doctor, post(UNIT), post(OTHER_UNIT)) for doctor in (DOCTOR, OTHER_DOCTOR)),
    *(activate(doctor, head=head(at)) for doctor in (DOCTOR, OTHER_DOCTOR) for at in (UNIT, OTHER_UNIT)),
    *(listing(patient) for patient in (PATIENT, NEW_PATIENT, TOLVAN)),
    link(PATIENT),
    link(TOLVAN),
]


def key(fact: Any) -> tuple[object, ...]:
    """A fact's own name: whom it is about, and which version of it; a removal is one besides a state."""
    about = getattr(fact, "hsa_id", None) or fact.patient_id
    return about, getattr(fact, "version", None) or fact.sequence, type(fact).__name__


def one_of_each(facts: list[Any]) -> list[Any]:
    """Each version with one content, as a source tells it."""
    return list({key(fact): fact for fact in facts}.values())


def stored_facts(region: Region) -> tuple[object, ...]:
    """What is held of persons, units and listings, wherever it stood, and what is said of doctors nobody activated."""
    listed = {
        i: (p.sequence, p.current, p.upcoming, p.care_burden, p.forgotten, p.link) for i, p in region.patients.items()
    }
    published = {pair: entry.published for pair, entry in region.roster.items() if entry.published is not None}
    doctors = {hsa_id: replace(doctor, last_revision=0, place=None) for hsa_id, doctor in region.doctors.items()}
    units = {hsa_id: replace(unit, place=None) for hsa_id, unit in region.units.items()}
    return doctors, units, listed, published


@settings(max_examples=40, deadline=None)
@given(
    # only a removal's order tells: a unit's keeps what was heard before it (S9), a person's the mark (S7)
    st.one_of(
        st.lists(st.one_of(staff_states, protections, unit_states, listings), max_size=14),
        st.lists(st.one_of(staff_states, removals, unit_states, listings), max_size=14),
    ).map(one_of_each),
    st.data(),
    st.integers(1, 4),
)
def test_s10_facts_in_any_order_with_repetitions_and_in_any_batches_come_to_the_same(
    facts: list[Any], data: st.DataObject, size: int
) -> None:
    shuffled = data.draw(st.permutations(facts + facts[::2]))
    one, other = Region(), Region()
    for fact in facts:
        one.happens(fact)
    for at in range(0, len(shuffled), size):
        other.happens(*shuffled[at : at + size])
    assert stored_facts(one) == stored_facts(other)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(staff_facts, unit_facts, listings), min_size=1, max_size=10).map(one_of_each))
def test_s2_deciding_again_is_harmless(facts: list[Any]) -> None:
    region = Region(*OPENING, *facts)
    before, count = stored_facts(region), len(region.changes)
    for fact in facts:
        region.happens(fact)
    assert (stored_facts(region), region.changes[count:]) == (before, [])


def means(region: Region, at: str) -> str:
    seen: set[str] = set()
    while at not in seen and at in region.units and region.units[at].replaced(region.today):
        seen.add(at)
        at = region.units[at].replaced_by or at
    return at


def must_hold(region: Region, before: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """No link outlives its listing, its doctor or its unit; no ceiling is passed. Returns the links of each pair."""
    counted = Counter((p.link.unit, p.link.doctor) for p in region.patients.values() if p.link)
    for patient in region.patients.values():
        if patient.link is not None:
            listed = patient.listed(region.today)
            assert listed is not None
            assert means(region, listed.unit) == patient.link.unit
            assert region.entry(patient.link.doctor, patient.link.unit).active
            fact = region.units.get(patient.link.unit)
            assert fact is None or not fact.closed(region.today)
            assert patient.announced
        if patient.forgotten is not None:
            assert forgets(patient)
    for (at, doctor), number in counted.items():
        ceiling = region.entry(doctor, at).profile.patient_ceiling
        assert ceiling is None or number <= max(ceiling, before[at, doctor])
    return counted


def forgets(patient: Patient) -> bool:
    return (patient.current, patient.upcoming, patient.care_burden, patient.link) == (None, None, None, None)


@settings(max_examples=80, deadline=None)
@given(st.lists(happenings, max_size=14))
def test_c14_whatever_happens_links_stand_where_the_patient_is_listed_and_the_ceiling_holds(events: list[Any]) -> None:
    region = Region(*OPENING)
    before = must_hold(region, Counter())
    for event in events:
        if isinstance(event, str):
            region.day_begins(region.today + timedelta(days=1))
        else:
            region.happens(event)
        if isinstance(event, type(unit())):
            before = Counter(dict.fromkeys(((u, d) for u in (UNIT, OTHER_UNIT) for d in (DOCTOR, OTHER_DOCTOR)), 3))
        before = must_hold(region, before)
    for patient in (PATIENT, NEW_PATIENT, TOLVAN):
        link_changes = [c for c in region.changes if isinstance(c, LinkChange) and c.patient_id == int(patient)]
        assert [c.revision for c in link_changes] == list(range(1, len(link_changes) + 1))
        assert all(c.value is None or c.value["revision"] == c.revision for c in link_changes)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(listings, commands), max_size=12))
def test_p1_one_batch_says_the_same_as_one_by_one(events: list[Any]) -> None:
    one, other = Region(*OPENING), Region(*OPENING)
    for event in events:
        one.happens(event)
    if events:
        other.happens(*events)
    assert (one.link_changes, stored_facts(one)) == (other.link_changes, stored_facts(other))
