"""What the world outside hears: 1177 events, replies and doctor records, and the verbs that cause them."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tests.harness.records import Data, instant
from tests.model.ids import patient_key
from tests.model.state import Link, Patient, State

CODE_SYSTEM = {"system": "1.2.752.129.5.1.69", "code": "2"}


@dataclass(frozen=True)
class ChangeEvent:
    """One record of 1177's topic; `data` None when the key is withdrawn."""

    data: Data | None
    revision: int
    time: datetime
    correlation: str | None


@dataclass(frozen=True)
class Reply:
    """One record of the reply topic: `ce_id` and data; the message's text is not the model's business."""

    ce_id: str
    data: Data


@dataclass
class Outputs(State):
    """The state with its verbs: each tells 1177 what it does."""

    events: dict[str, list[ChangeEvent]] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    doctors: dict[str, Data | None] = field(default_factory=dict)
    correlation: str | None = None
    touched: set[str] = field(default_factory=set)

    def patient(self, patient_id: str) -> Patient:
        """The patient, made when never heard of."""
        return self.patients.setdefault(patient_id, Patient())

    def link(self, patient_id: str, unit: str, doctor: str, start: date, reason: str) -> None:
        """Links, redates or replaces in one change (C7, C13)."""
        before = self.patient(patient_id).link
        self.patient(patient_id).link = Link(unit, doctor, start)
        same = before is not None and before.doctor == doctor
        self.tell(patient_id, "assigned" if before is None else "redated" if same else "replaced", reason)

    def end_link(self, patient_id: str, reason: str, last: date | None = None) -> None:
        """Never before the link's first day, and never after today (E1, E3)."""
        patient = self.patient(patient_id)
        link = patient.link
        assert link is not None
        patient.link = None
        end = max(link.start, min(last or self.today, self.today))
        self.tell(patient_id, "ended", reason, ended=(link, end))

    def tell(self, patient_id: str, change: str, reason: str, ended: tuple[Link, date] | None = None) -> None:
        """One event with the whole present state (P1, P2)."""
        patient = self.patient(patient_id)
        link = ended[0] if ended else patient.link
        assert link is not None
        person, unit = self.persons.get(link.doctor), self.units.get(link.unit)
        doctor = {"hsa_id": link.doctor, "name": None, "title": None}
        if not ended:
            doctor |= {"name": person.name if person else None, "title": self.title(link.doctor, link.unit)}
        place = {"hsa_id": link.unit, "name": unit and unit.name, "care_giver_hsa_id": unit and unit.care_giver}
        patient.revision += 1
        data = {
            "patient_id": patient_id, "revision": patient.revision, "status": "ended" if ended else "active",
            "change": change, "reason": reason, "type": CODE_SYSTEM, "doctor": doctor, "unit": place,
            "start": link.start.isoformat(), "end": ended[1].isoformat() if ended else None,
            "changed_at": instant(self.now),
        }  # fmt: skip
        patient.events = True
        self.touched.add(patient_id)
        self.publish(patient_id, data)

    def withdraw(self, patient_id: str) -> None:
        """A null value, where 1177 was told something since the last one; the link is gone without an event."""
        patient = self.patient(patient_id)
        patient.link, patient.listing = None, {}
        if patient.events:
            patient.revision += 1
            patient.events = False
            self.publish(patient_id, None)

    def publish(self, patient_id: str, data: Data | None) -> None:
        """Adds to what the key's readers have heard."""
        key = patient_key(patient_id, self.settings.secret)
        observed = self.events.setdefault(key, [])
        observed.append(ChangeEvent(data, self.patient(patient_id).revision, self.now, self.correlation))

    def say_doctors(self) -> None:
        """The newest record of every pair that is, or ever was, worth one (contract, listning.doctor.v1)."""
        pairs = set(self.roster)
        for doctor, person in self.persons.items():
            pairs |= {(self.means(one["unit_hsa_id"].upper()), doctor) for one in person.employments}
        now = {f"{unit}/{doctor}": self.availability(unit, doctor) for unit, doctor in pairs}
        self.doctors = dict.fromkeys(self.doctors) | now

    def availability(self, unit: str, doctor: str) -> Data | None:
        """One doctor at one unit, or None when there is nothing to publish; `as_of` is left to the product."""
        person, selectable = self.persons[doctor], self.selectable(doctor, unit)
        activated = (unit, doctor) in self.roster
        if person.protected or not (activated or (selectable and not self.closed(unit))):
            return None
        reasons = self.reasons(unit, doctor)
        patients, room = self.linked(doctor, unit), self.room(doctor, unit)
        burdens = [self.patients[pid].listing.get("care_burden") or 0.0 for pid in patients]
        giver = self.current_employments(doctor, unit)
        period = {"start": giver[0].get("start"), "end": giver[0].get("end")} if giver else None
        who = {"hsa_id": doctor, "vgr_id": person.content.get("vgr_id"), "name": person.name}
        return {
            "unit_hsa_id": unit, "doctor": who | {"title": self.title(doctor, unit)}, "employment": period,
            "selectable": selectable, "active": self.active(doctor, unit), "available": not reasons,
            "unavailable_because": reasons, "profile": dict(self.profile(doctor, unit)),
            "listed_patients": len(patients), "free_places": None if room is None else max(room, 0),
            "care_burden": round(sum(burdens), 6), "as_of": instant(self.now),
        }  # fmt: skip

    def reasons(self, unit: str, doctor: str) -> list[str]:
        """`unavailable_because`, in the contract's order."""
        room = self.room(doctor, unit)
        holds = {
            "not_selectable": not self.selectable(doctor, unit),
            "not_active": not self.active(doctor, unit),
            "paused": self.paused(doctor, unit),
            "absent": self.absent(doctor, unit),
            "ceiling_reached": room is not None and room <= 0,
            "unit_closed": self.closed(unit),
        }
        return [name for name, true in holds.items() if true]

    def settle(self) -> None:
        """All that follows of what is held today: replaced units first, then who may not stay (S6, S7, S9, L3, E2)."""
        self.move_rosters()
        self.deactivate_doctors()
        for patient_id, patient in sorted(self.patients.items()):
            link = patient.link
            if link is None:
                continue
            if self.means(link.unit) != link.unit:
                link.unit = self.means(link.unit)
                self.tell(patient_id, "rekeyed", "unit_replaced")
            cause = self.cause_to_end(patient_id, link)
            if cause:
                self.end_link(patient_id, *cause)
        self.say_doctors()

    def move_rosters(self) -> None:
        """A replaced unit's entries move whole; the new unit's own stands, active when either was (S9)."""
        for unit, doctor in sorted(self.roster):
            new = self.means(unit), doctor
            if new == (unit, doctor):
                continue
            entry = self.roster.pop((unit, doctor))
            own = self.roster.setdefault(new, entry)
            own.active = own.active or entry.active

    def deactivate_doctors(self) -> None:
        """Inactive where not selectable or closed, forgotten where protected; a pause that is over is gone."""
        for (unit, doctor), entry in sorted(self.roster.items()):
            if self.persons[doctor].protected:
                del self.roster[unit, doctor]
            if self.closed(unit) or not self.selectable(doctor, unit):
                entry.active, entry.pause = False, None
            if entry.pause and entry.pause[1] and entry.pause[1] < self.today:
                entry.pause = None

    def cause_to_end(self, patient_id: str, link: Link) -> tuple[str, date | None] | None:
        """The first reason that holds, in the order of E2, with its last day (E1)."""
        half, unit = self.choice(patient_id), self.units.get(link.unit)
        if half is None:
            return "unlisted", None
        if self.listed_at(patient_id) != link.unit:
            return "relisted", date.fromisoformat(half["valid_from"]) - timedelta(days=1)
        if self.closed(link.unit):
            return "unit_closed", unit.end if unit else None
        if self.persons[link.doctor].protected:
            return "doctor_withdrawn", None
        if self.settings.on_doctor_left == "end" and not self.selectable(link.doctor, link.unit):
            return "doctor_left", self.last_day_of_work(link)
        return None

    def last_day_of_work(self, link: Link) -> date | None:
        """When employments ended it: the last day of the latest of them (E1)."""
        employments = self.employments(link.doctor, link.unit)
        if any(self.lasts(one) for one in employments):
            return None
        ends = [date.fromisoformat(one["end"]) for one in employments if one.get("end")]
        return max((end for end in ends if end < self.today), default=None)
