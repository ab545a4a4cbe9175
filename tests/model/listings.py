"""Listing events and changed patient ids (L1-L9)."""

from typing import Any

from tests.model.decode import Message
from tests.model.ids import patient_kind
from tests.model.outputs import Outputs
from tests.model.state import Patient


def listing(state: Outputs, message: Message) -> str:
    """A patient's whole vårdval; returns the outcome."""
    data: dict[str, Any] = message.data
    if patient_kind(data["patient_id"]) != "personnummer":
        return "skipped"
    patient, sequence = state.patient(data["patient_id"]), data["sequence"]
    if older(patient, sequence):
        return "stale"
    if data.get("protected", False):
        return protect(state, data["patient_id"], sequence)
    if patient.status == "protected" and sequence == patient.sequence:
        return "skipped"
    content = {name: data.get(name) for name in ("current", "upcoming", "care_burden")}
    if (patient.status, patient.sequence, patient.listing) == ("listed", sequence, content):
        return "unchanged"
    patient.status, patient.sequence, patient.listing = "listed", sequence, content
    state.settle()
    return "applied"


def older(patient: Patient, sequence: int) -> bool:
    """L1; under an id that was changed, the change's own sequence is too old as well (L9)."""
    if patient.sequence is None:
        return False
    return sequence < patient.sequence or (patient.status == "forgotten" and sequence == patient.sequence)


def protect(state: Outputs, patient_id: str, sequence: int) -> str:
    """Everything is erased but key, sequence and revision (L7)."""
    patient = state.patient(patient_id)
    outcome = "skipped" if patient.status == "protected" else "applied"
    patient.status, patient.sequence = "protected", sequence
    state.withdraw(patient_id)
    state.say_doctors()
    return outcome


def id_changed(state: Outputs, message: Message) -> str:
    """L9, in its order; returns the outcome."""
    old_id, new_id, sequence = (message.data[name] for name in ("patient_id", "new_patient_id", "sequence"))
    if not patient_kind(old_id) == patient_kind(new_id) == "personnummer":
        return "skipped"
    if old_id == new_id:
        return "unchanged"
    old, new = state.patient(old_id), state.patient(new_id)
    before = (old.status, old.sequence, new.sequence)
    if old.sequence is not None and sequence < old.sequence:
        return "stale"
    if old.status == "protected":
        return "skipped"
    highest = max(one for one in (sequence, old.sequence, new.sequence) if one is not None)
    if new.status != "protected":
        take_over(state, old, new, new_id)
        new.sequence = highest
    state.withdraw(old_id)
    old.status, old.sequence = "forgotten", sequence
    state.settle()
    return "unchanged" if before == (old.status, old.sequence, new.sequence) else "applied"


def take_over(state: Outputs, old: Patient, new: Patient, new_id: str) -> None:
    """The listing with the higher sequence stands, a tie is the new id's own; a link of the new id stands."""
    own = new.sequence if new.status == "listed" else None
    if old.status == "listed" and old.sequence is not None and (own is None or old.sequence > own):
        new.status, new.listing = "listed", old.listing
    if old.link and not new.link:
        new.link, old.link = old.link, None
        state.tell(new_id, "rekeyed", "patient_id_changed")
