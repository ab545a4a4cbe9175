"""An explanation on the terminal, for people; scripts take `--json`. Lines are folded on a narrow terminal, never in a
pipe."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from workers.operations.explain import PatientExplanation, Told
from workers.operations.explain_doctor import RULE_OF, DoctorExplanation, EmploymentNow
from workers.operations.timeline import HERE, Step

_PIPE_WIDTH = 300
_NARROWEST = 20
_MARGIN = " " * 14
#: why there is no link, where it is no change that ended it
_NO_LINK = {
    "never_heard_of": "nothing was ever heard of this patient",
    "protected": "the patient is protected: only key, sequence and revision are kept",
    "moved": "the patient has another id now: only key, sequence and revision are kept",
    "never_listed": "only a change of id spoke of this patient, no listing",
    "not_listed": "the patient is listed nowhere, and was never linked",
    "never_linked": "the patient was never linked",
}
_BECAUSE = {
    "other_unit": "does not count: another unit",
    "position_code": "does not count: the position is not among ELIGIBLE_POSITIONS",
    "not_begun": "does not count: it has not begun",
    "over": "does not count: it is over",
    "not_licensed": "does not count: no licence LK",
}

Line = tuple[str, str]


def patient(found: PatientExplanation) -> None:
    """Prints a patient's timeline, what is held now, and last what 1177 was told last."""
    console = _console()
    _head(console, "patient", found.key, found.day)
    if found.told is not None and found.first_revision is None:
        _lines(console, [("before", "what happened is not to be found by key any more; ask by personnummer")])
    elif found.first_revision is not None and found.first_revision > 1:
        _lines(console, [("before", f"the audit trail begins with revision {found.first_revision}")])
    _timeline(console, found.timeline)
    lines: list[Line] = []
    if found.listed is not None:
        lines.append(("listed", _place(found.listed.unit, found.listed.since)))
        if found.listed.upcoming_unit is not None:
            lines.append(("upcoming", _place(found.listed.upcoming_unit, found.listed.upcoming_from)))
    elif found.day is not None:
        lines.append(("listed", "not in the audit trail, which holds changes of links and answers"))
    if found.link is not None:
        lines.append(("link", f"{found.link.doctor} at {_place(found.link.unit, found.link.start)}"))
    if found.no_link is not None:
        why = _NO_LINK.get(found.no_link.because, f"the last change ended it: {found.no_link.because}")
        lines.append(("no link", why + _rule(found.no_link.rule)))
    _now(console, found.day, [*lines, ("told", _told("1177", found.told, found.day))])


def doctor(found: DoctorExplanation) -> None:
    """Prints a doctor's timeline at a unit, what is held now, and last what the doctor topic said last."""
    console = _console()
    _head(console, "doctor", found.key, found.day)
    _timeline(console, found.timeline)
    lines: list[Line] = []
    unit, person, at_unit = found.unit, found.person, found.at_unit
    if unit is not None:
        replaced = "" if unit.means == unit.hsa_id else f", replaced by {unit.means}"
        state = "closed" if unit.closed else "open"
        lines.append(("unit", f"{state}, {unit.kind}{_until(unit.end)}{', removed' if unit.removed else ''}{replaced}"))
    if person is not None:
        marks = [
            "licensed" if person.licensed else "no licence LK",
            *(word for word, holds in (("protected", person.protected), ("removed", person.removed)) if holds),
        ]
        lines.append(("person", f"version {person.version}: {', '.join(marks)}"))
        lines += [("employment", _employment(one)) for one in person.employments]
    elif found.day is None:
        lines.append(("person", "nothing was ever heard of this person"))
    if at_unit is not None:
        state = "active" if at_unit.active else "not active" if at_unit.activated else "never activated"
        if at_unit.pause_start is not None:
            state += f", paused from {at_unit.pause_start}{_until(at_unit.pause_end)}"
        ceiling = "" if at_unit.patient_ceiling is None else f" of at most {at_unit.patient_ceiling}"
        lines.append(("here", f"{state}; {at_unit.listed_patients} patients{ceiling}"))
    if found.unavailable_because is not None:
        reasons = ", ".join(f"{one} ({RULE_OF[one]})" for one in found.unavailable_because if one in RULE_OF)
        lines.append(("available", f"no: {reasons}" if reasons else "yes"))
    _now(console, found.day, [*lines, ("told", _told("the doctor topic", found.told, found.day))])


def _head(console: Console, what: str, key: str, day: date | None) -> None:
    when = "now" if day is None else f"at the end of {day}, by the audit trail"
    console.print(Text(f"{what} {key}", "bold"), soft_wrap=True)
    console.print(Text(f"{when}; times are those of Europe/Stockholm"), soft_wrap=True)


def _timeline(console: Console, timeline: Iterable[Step]) -> None:
    for step in timeline:
        at = "                   " if step.at is None else _time(step.at)
        answer = "" if step.answer is None else f": {step.answer}"
        reason = "" if step.reason is None else f" ({step.reason})"
        is_held = "" if step.decided_at is not None else " (the fact that is held)"
        console.print(Text(f"{at} {step.what}{answer}{reason}{is_held}{_rule(step.rule)}", "bold"), soft_wrap=True)
        _lines(console, _about(step))


def _about(step: Step) -> list[Line]:
    cause = step.cause
    lines: list[Line] = []
    if step.doctor or step.unit:
        lines.append(("about", " at ".join(filter(None, (step.doctor, step.unit)))))
    if cause.topic is not None and cause.partition is not None:
        lines.append(("record", f"{cause.topic}/{cause.partition}/{cause.offset}"))
    if cause.source is not None:
        lines.append(("message", f"id {cause.id}, source {cause.source}"))
    if step.actor:
        lines.append(("asked by", ", ".join(filter(None, (step.actor, step.role)))))
    lines += [("event", event) for event in step.events]
    if step.decided_at is not None:
        run = "" if step.run is None else f", run {step.run}"
        lines.append(("decided", f"{_time(step.decided_at)}, release {step.release}{run}"))
    return lines


def _employment(one: EmploymentNow) -> str:
    means = "" if one.means == one.unit else f" (now {one.means})"
    start = "" if one.start is None else f" from {one.start}"
    says = "counts" if one.because is None else _BECAUSE[one.because]
    absent = ", absent today" if one.absent else ""
    return f"{one.position_code or 'no position'} at {one.unit}{means}{start}{_until(one.end)}: {says}{absent}"


def _told(whom: str, told: Told | None, day: date | None) -> str:
    if told is None:
        return f"nothing: {whom} has no record of this key" if day is None else "nothing up to then"
    return f"{told.status}, revision {told.revision}, event {told.ce_id}"


def _place(unit: str | None, since: date | None) -> str:
    return "nowhere" if unit is None else f"{unit}{'' if since is None else f' since {since}'}"


def _until(end: date | None) -> str:
    return "" if end is None else f" until {end}"


def _rule(rule: str | None) -> str:
    return "" if rule is None else f" [{rule}]"


def _time(at: datetime) -> str:
    return f"{at.astimezone(HERE):%Y-%m-%d %H:%M:%S}"


def _lines(console: Console, lines: Iterable[Line]) -> None:
    """No table: it would fill every line of a pipe with blanks."""
    for name, text in lines:
        printable = "".join(char if char.isprintable() else "\ufffd" for char in text)  # senders may write anything
        folded = wrap(printable, max(console.width - len(_MARGIN), _NARROWEST), break_on_hyphens=False)
        for number, part in enumerate(folded):
            margin = _MARGIN if number else f"  {name}".ljust(len(_MARGIN))
            console.print(Text(margin + part), soft_wrap=True)


def _now(console: Console, day: date | None, lines: Iterable[Line]) -> None:
    console.print(Text("now" if day is None else f"{day}", "bold"))
    _lines(console, lines)


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console
