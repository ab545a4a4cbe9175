"""Staff and unit facts: the highest version wins, a removal wins at the same version (S1-S11)."""

from typing import Any

from tests.harness.records import STAFF
from tests.model import ids
from tests.model.decode import Message
from tests.model.outputs import Outputs
from tests.model.state import Person, Unit


def stale(current: Person | Unit | None, message: Message, removal: bool) -> bool:
    """Older than what is held; at the same version a removal wins over a state, whichever came first (S2)."""
    if current is None:
        return False
    version: int = message.data["version"]
    return version < current.version or (version == current.version and current.removed and not removal)


def fact(state: Outputs, message: Message) -> str:
    """Judges one record of the staff or unit topic; returns the outcome."""
    staff = message.topic == STAFF
    hsa_id = ids.hsa_id(message.data["hsa_id"])
    assert hsa_id is not None
    current = state.persons.get(hsa_id) if staff else state.units.get(hsa_id)
    if message.name == "tombstone":
        outcome = entombed(current, message)
    elif stale(current, message, message.name.endswith("-removed")):
        return "stale"
    elif message.name.endswith("-removed"):
        outcome = removed(current, message)
    else:
        outcome = "applied"
    if outcome != "applied":
        return outcome
    return person(state, hsa_id, message) if staff else unit(state, hsa_id, message)


def entombed(current: Person | Unit | None, message: Message) -> str:
    """A tombstone removes as of the record's timestamp (S11); it does not lift a protection (S7)."""
    if current is None or current.removed or (isinstance(current, Person) and current.protected):
        return "unchanged"
    return "stale" if current.fact_at > message.time else "applied"


def removed(current: Person | Unit | None, message: Message) -> str:
    """A removal said in words; what it removes is decided by its version."""
    same = current is not None and message.data["version"] == current.version
    gone = current is not None and (current.removed or (isinstance(current, Person) and current.protected))
    return "unchanged" if same and gone else "applied"


def person(state: Outputs, hsa_id: str, message: Message) -> str:
    """Holds the new fact of a person, and lets the rest follow."""
    current, data = state.persons.get(hsa_id), message.data
    version = data.get("version", current.version if current else 0)
    before = current.name if current else None
    if message.name != "kiv.staff":
        mark = current is not None and current.protected
        state.persons[hsa_id] = Person(version, message.time, removed=not mark, protected=mark)
    elif current is not None and current.protected and (version == current.version or data.get("protected", False)):
        new = version > current.version
        current.version = version
        return "applied" if new else "unchanged"
    elif data.get("protected", False):
        state.persons[hsa_id] = Person(version, message.time, protected=True)
    else:
        content = person_content(data)
        if current is not None and (current.version, current.content) == (version, content):
            current.fact_at = message.time
            return "unchanged"
        state.persons[hsa_id] = Person(version, message.time, name=full_name(data), content=content)
    state.settle()
    after = state.persons[hsa_id].name
    if after != before:
        rename(state, "doctor_renamed", doctor=hsa_id)
    return "applied"


def full_name(data: dict[str, Any]) -> str:
    """Given name and surname, without blanks around them; the one that is there where the other is empty (P6)."""
    return f"{ids.visible(data['given_name'])} {ids.visible(data['surname'])}".strip()


def person_content(data: dict[str, Any]) -> dict[str, Any]:
    """All that a state says of a person, with the defaults filled in."""
    kept = {"vgr_id": data.get("vgr_id"), "name": full_name(data)}
    lists = {name: data.get(name, []) for name in ("licences", "specialties")}
    return kept | lists | {"employments": [spell_out(one) for one in data.get("employments", [])]}


def spell_out(employment: dict[str, Any]) -> dict[str, Any]:
    """An employment with its defaults, and its unit upper-case."""
    blank = {"title": None, "start": None, "end": None}
    away = [{"start": None, "end": None} | one for one in employment.get("absences", [])]
    return blank | employment | {"unit_hsa_id": employment["unit_hsa_id"].upper(), "absences": away}


def unit(state: Outputs, hsa_id: str, message: Message) -> str:
    """Holds the new fact of a unit, and lets the rest follow."""
    current, data = state.units.get(hsa_id), message.data
    version = data.get("version", current.version if current else 0)
    before = current.name if current else None
    if message.name != "kiv.unit":
        kept = (current.end, current.replaced_by) if current else (None, None)
        state.units[hsa_id] = Unit(version, message.time, removed=True, end=kept[0], replaced_by=kept[1])
    else:
        names = ("name", "care_giver_hsa_id", "start", "end", "replaced_by")
        content = {name: data.get(name) for name in names} | {"kind": data.get("kind", "vardcentral")}
        if current is not None and (current.version, current.content) == (version, content):
            current.fact_at = message.time
            return "unchanged"
        state.units[hsa_id] = Unit(
            version, message.time, name=ids.visible(data["name"]), care_giver=upper(data.get("care_giver_hsa_id")),
            kind=content["kind"], end=ids.day(data.get("end") or ""), replaced_by=upper(data.get("replaced_by")),
            content=content,
        )  # fmt: skip
    state.settle()
    if state.units[hsa_id].name != before:
        rename(state, "unit_renamed", unit=hsa_id)
    return "applied"


def upper(text: str | None) -> str | None:
    """HSA-ids are compared without case."""
    return text.upper() if text else None


def rename(state: Outputs, reason: str, *, doctor: str | None = None, unit: str | None = None) -> None:
    """One `renamed` change for each linked patient that heard nothing else of this fact (S8, S9)."""
    for patient_id, patient in sorted(state.patients.items()):
        link = patient.link
        if link and patient_id not in state.touched and (link.doctor == doctor or link.unit == unit):
            state.tell(patient_id, "renamed", reason)
