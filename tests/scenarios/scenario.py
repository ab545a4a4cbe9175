"""The stage of one scenario: a few units, doctors and patients of its own, what is sent, and what must be heard."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.harness.records import COMMAND, PREFIX, Data, Record, Sender, choice, employment, header
from tests.model.ids import personnummer

FIRST_DAY = date(2025, 5, 26)
CARE_GIVER = "SE2321000131-E000000000001"
TYPE = {"system": "1.2.752.129.5.1.69", "code": "2"}


def day(offset: int) -> str:
    """The date so many days after the first."""
    return (FIRST_DAY + timedelta(days=offset)).isoformat()


@dataclass(frozen=True)
class Sent:
    """A record to send: on which day, in which slot of that day; `outcome` None when it may be either."""

    offset: int
    slot: int
    record: Record
    outcome: str | None
    at: str
    id: str


def day_turn(offset: int) -> Sent:
    """The turn of that day, as cause of what it brings."""
    return Sent(offset, 0, Record("", None, None), None, f"{day(offset)}T00:00:00Z", "")


@dataclass
class Scenario:
    """Everything is named after the scenario's number, so that many can play in one installation."""

    number: int
    rule: str
    title: str
    sent: list[Sent] = field(default_factory=list)
    expected_changes: dict[str, list[Data | None]] = field(default_factory=dict)
    carried: dict[tuple[str, int], str | None] = field(default_factory=dict)
    replies: dict[str, list[Data]] = field(default_factory=dict)
    doctors: dict[str, Data | None] = field(default_factory=dict)
    dead: list[tuple[Record, str]] = field(default_factory=list)
    offset: int = 0
    slot: int = 0
    people: int = 0

    def __post_init__(self) -> None:
        self.sender = Sender(datetime.min, source=f"case-{self.number}", step=timedelta(0))
        self.home, self.other, self.third = (f"SE2321000131-U{self.number:03}{one}" for one in "ABC")
        self.anna, self.bo, self.cilla = (f"SE2321000131-D{self.number:03}{one}" for one in "ABC")
        self.unit_names: dict[str, str | None] = {self.home: "Hemmet", self.other: "Andra", self.third: "Tredje"}
        self.names = {self.anna: ("Anna", "Berg"), self.bo: ("Bo", "Ek"), self.cilla: ("Cilla", "Dahl")}

    def born(self, birth_day: str | None = None, number: int = 238) -> str:
        """A patient; without a birth day a middle-aged one, each with another."""
        self.people += 1
        middle = date(1950, 1, 1) + timedelta(days=30 * self.number + self.people)
        return personnummer(birth_day or f"{middle:%Y%m%d}", number)

    def on(self, offset: int) -> None:
        """From here on, so many days after the first."""
        self.offset, self.slot = offset, 0

    def send(self, make: Callable[[Sender], Record], outcome: str | None, setup: bool = False) -> Sent:
        """Sends in a slot of its own; the setup shares slot 0."""
        self.slot += not setup
        moment = datetime.combine(FIRST_DAY + timedelta(days=self.offset), datetime.min.time(), UTC)
        self.sender.at(moment + timedelta(hours=8, minutes=self.slot))
        record = make(self.sender)
        at = self.sender.now.isoformat().replace("+00:00", "Z")
        sent = Sent(self.offset, 0 if setup else self.slot, record, outcome, at, header(record.headers, "ce_id") or "")
        self.sent.append(sent)
        return sent

    def open_unit(self, unit: str | None = None, *, setup: bool = True, version: int = 1, **fields: Any) -> Sent:
        """A unit with its name and care giver."""
        place = unit or self.home
        data = {"name": self.unit_names[place], "care_giver_hsa_id": CARE_GIVER} | fields
        return self.send(lambda to: to.unit(place, version, **data), "applied", setup)

    def employ(
        self, doctor: str | None = None, *units: str, setup: bool = True, version: int = 1, **fields: Any
    ) -> Sent:
        """A doctor employed at the units, or as `employments` say."""
        person = doctor or self.anna
        given_name, surname = self.names[person]
        outcome = fields.pop("outcome", "applied")
        data = {"given_name": given_name, "surname": surname, "vgr_id": None}
        data |= {"employments": [employment(unit) for unit in units or (self.home,)]} | fields
        return self.send(lambda to: to.staff(person, version, **data), outcome, setup)

    def list_at(
        self, patient: str, unit: str | None = None, sequence: int = 1, *,
        since: str = "2025-01-01", outcome: str = "applied", setup: bool = False, **fields: Any,
    ) -> Sent:  # fmt: skip
        """The patient's vårdval is this unit, or as `current` and `upcoming` say."""
        data = {"current": choice(unit or self.home, since)} | fields
        key = f"case-{self.number}"
        return self.send(lambda to: to.listing(patient, sequence, key, **data), outcome, setup)

    def command(self, name: str, outcome: str = "accepted", *, unit: str | None = None, **fields: Any) -> Sent:
        """A command of the unit's own chief."""
        setup, actor = fields.pop("setup", False), fields.pop("actor", None)
        return self.send(lambda to: to.command(name, unit or self.home, actor, **fields), outcome, setup)

    def activate(self, doctor: str | None = None, unit: str | None = None, **profile: Any) -> Sent:
        """The usual beginning of a doctor's work."""
        return self.command("activate-doctor", unit=unit, doctor_hsa_id=doctor or self.anna, profile=profile)

    def link(self, patient: str, doctor: str | None = None, outcome: str = "accepted", **fields: Any) -> Sent:
        """The usual beginning of a link."""
        return self.command("link-patient", outcome, patient_id=patient, doctor_hsa_id=doctor or self.anna, **fields)

    def linked(self, *patients: str, doctor: str | None = None) -> Sent:
        """An open unit, an active doctor, patients listed and linked today; returns the last link's cue."""
        self.open_unit()
        self.employ(doctor)
        for patient in patients:
            self.list_at(patient, setup=True)
        self.activate(doctor)
        links = [self.link(patient, doctor) for patient in patients]
        for patient, link in zip(patients, links, strict=True):
            self.hear(patient, "assigned", "linked_by_unit", link, doctor=doctor or self.anna)
        return links[-1]

    def hear(self, patient: str, change: str, reason: str, sent: Sent, /, **fields: Any) -> None:
        """1177 must hear this of the patient, after what it has heard before."""
        observed = self.expected_changes.setdefault(patient, [])
        by_command, headers = sent.record.topic == COMMAND, sent.record.headers
        cause = header(headers, "ce_correlationid") or sent.id if by_command else None
        self.carried[patient, len(observed) + 1] = cause
        doctor, unit = fields.get("doctor", self.anna), fields.get("unit", self.home)
        ended = change == "ended"
        name = None if ended else fields.get("name", " ".join(self.names[doctor]))
        title = None if ended else fields.get("title", "Distriktsläkare")
        place = {"hsa_id": unit, "name": fields.get("unit_name", self.unit_names.get(unit))}
        observed.append({
            "patient_id": patient, "revision": len(observed) + 1, "status": "ended" if ended else "active",
            "change": change, "reason": reason, "type": TYPE,
            "doctor": {"hsa_id": doctor, "name": name, "title": title},
            "unit": place | {"care_giver_hsa_id": fields.get("care_giver", CARE_GIVER)},
            "start": fields.get("start", day(0)), "end": fields.get("end", sent.at[:10]) if ended else None,
            "changed_at": fields.get("at", sent.at),
        })  # fmt: skip

    def withdrawn(self, patient: str) -> None:
        """1177 must hear a null value."""
        self.expected_changes.setdefault(patient, []).append(None)

    def silent(self, *patients: str) -> None:
        """1177 must hear nothing (more) of them."""
        for patient in patients:
            self.expected_changes.setdefault(patient, [])

    def answered(self, sent: Sent, code: str, /, **fields: Any) -> None:
        """The command's one answer; `counts` as (total, approved, faulty, updated)."""
        data: Data = {"command_id": sent.id, "unit_hsa_id": self.home, "code": code, "dry_run": False}
        kind = header(sent.record.headers, "ce_type") or ""
        data["command_type"] = kind.removeprefix(f"{PREFIX}listning.").removesuffix(".v1")
        data |= {"outcome": "accepted" if code in ("done", "unchanged") else "refused"}
        counts = fields.pop("counts", None)
        if counts is ...:
            data["counts"] = counts
        elif counts is not None:
            data["counts"] = dict(zip(("total", "approved", "faulty", "updated"), counts, strict=True))
            data["counts"] |= {"unplaced": fields.pop("unplaced")} if "unplaced" in fields else {}
        if "rows" in fields:
            data["faulty_rows"] = [
                dict(zip(("row", "code", "message"), row, strict=False)) for row in fields.pop("rows")
            ]
        self.replies.setdefault(sent.id, []).append({"counts": None, "faulty_rows": None} | data | fields)

    def refuse(self, code: str, name: str, /, **fields: Any) -> None:
        """A command, and the refusal it must get."""
        reply = fields.pop("reply", {})
        self.answered(self.command(name, "refused", **fields), code, **reply)

    def accept(self, code: str, name: str, /, **fields: Any) -> Sent:
        """A command, and the acceptance it must get."""
        reply = fields.pop("reply", {})
        sent = self.command(name, **fields)
        self.answered(sent, code, **reply)
        return sent


@dataclass(frozen=True)
class Case:
    """A rule, what must be true of it, and the play that shows it."""

    rule: str
    title: str
    session: Callable[[Scenario], None]

    @property
    def name(self) -> str:
        """What a test of it is called."""
        return f"{self.rule} {self.title}"


CASES: list[Case] = []


def case(rule: str, title: str) -> Callable[[Callable[[Scenario], None]], Callable[[Scenario], None]]:
    """Adds a scenario to the schedule."""

    def add(session: Callable[[Scenario], None]) -> Callable[[Scenario], None]:
        CASES.append(Case(rule, title, session))
        return session

    return add


def scenarios() -> list[Scenario]:
    """All scenarios played out: what to send and what to hear."""
    played = []
    for number, one in enumerate(CASES, start=1):
        stage = Scenario(number, one.rule, one.title)
        one.session(stage)
        played.append(stage)
    return played
