"""L9: the patient's id changes."""

from tests.scenarios.listed import SAMORDNING
from tests.scenarios.scenario import Scenario, Sent, case, day


def change(c: Scenario, old: str, new: str, sequence: int, outcome: str = "applied") -> Sent:
    """Says that the id changed."""
    return c.send(lambda to: to.id_changed(old, new, sequence, f"case-{c.number}"), outcome)


@case("L9", "listing and link move to the new id, same start; the old one is withdrawn and remembered")
def moves(c: Scenario) -> None:
    old, new = c.born(), c.born()
    c.linked(old)
    c.on(1)
    sent = change(c, old, new, 5)
    c.withdrawn(old)
    c.hear(new, "rekeyed", "patient_id_changed", sent, start=day(0))
    c.list_at(old, sequence=5, outcome="stale")
    c.list_at(new, sequence=4, outcome="stale")
    c.refuse("patient_not_listed", "link-patient", patient_id=old, doctor_hsa_id=c.anna)
    change(c, old, new, 5, "unchanged")
    c.hear(new, "ended", "relisted", c.list_at(new, c.other, 6, since=day(1)), end=day(0))


@case("L9", "a listing under the old id with a higher sequence is somebody new, without a link")
def old_id_again(c: Scenario) -> None:
    old, new = c.born(), c.born()
    c.linked(old)
    sent = change(c, old, new, 2)
    c.withdrawn(old)
    c.hear(new, "rekeyed", "patient_id_changed", sent)
    c.list_at(old, sequence=3)
    c.hear(old, "assigned", "linked_by_unit", c.link(old))


@case("L9", "a lower sequence than the old id's is stale; the same id twice unchanged; out of scope skipped")
def not_changed(c: Scenario) -> None:
    old, new = c.born(), c.born()
    c.linked(old)
    c.list_at(old, sequence=7)
    change(c, old, new, 6, "stale")
    change(c, old, old, 9, "unchanged")
    change(c, SAMORDNING, new, 9, "skipped")
    change(c, old, SAMORDNING, 9, "skipped")
    change(c, SAMORDNING, SAMORDNING, 9, "skipped")
    c.list_at(old, sequence=7, outcome="unchanged")
    c.silent(old, new)


@case("L9", "never linked: nothing is told, but the listing moves")
def never_linked(c: Scenario) -> None:
    old, new = c.born(), c.born()
    c.linked(c.born())
    c.list_at(old, sequence=3)
    change(c, old, new, 3)
    c.hear(new, "assigned", "linked_by_unit", c.link(new))
    c.silent(old)


@case("L9", "where the new id has a listing the higher sequence stands, then the listing rules are applied")
def newer_listing_stands(c: Scenario) -> None:
    old, new, low, mid, tie, own = (c.born() for _ in range(6))
    c.linked(old, low, tie)
    c.list_at(new, c.other, 8, since="2025-05-20")
    sent = change(c, old, new, 9)
    c.withdrawn(old)
    c.hear(new, "rekeyed", "patient_id_changed", sent)
    c.hear(new, "ended", "relisted", sent, end=day(0))
    c.list_at(low, sequence=5)
    c.list_at(mid, c.other, 4)
    c.withdrawn(low)
    c.hear(mid, "rekeyed", "patient_id_changed", change(c, low, mid, 5))
    c.list_at(own, c.other, 1, since="2025-05-20")
    sent = change(c, tie, own, 2)
    c.withdrawn(tie)
    c.hear(own, "rekeyed", "patient_id_changed", sent)
    c.hear(own, "ended", "relisted", sent, end=day(0))


@case("L9", "where the new id has a link, that one stands and the old is only withdrawn")
def own_link_stands(c: Scenario) -> None:
    old, new = c.born(), c.born()
    c.linked(old, new)
    change(c, old, new, 2)
    c.withdrawn(old)
    c.accept("unchanged", "link-patient", patient_id=new, doctor_hsa_id=c.anna)
    c.silent(new)


@case("L9", "old protected: skipped; new protected: the old is forgotten and nothing moves")
def protected_ids(c: Scenario) -> None:
    hidden, new, old = c.born(), c.born(), c.born()
    c.linked(old)
    c.list_at(hidden, protected=True)
    change(c, hidden, new, 2, "skipped")
    c.refuse("patient_not_listed", "link-patient", patient_id=new, doctor_hsa_id=c.anna)
    change(c, old, hidden, 3)
    c.withdrawn(old)
    c.list_at(old, sequence=3, outcome="stale")
    c.refuse("patient_not_listed", "link-patient", patient_id=hidden, doctor_hsa_id=c.anna)
    c.silent(new, hidden)
