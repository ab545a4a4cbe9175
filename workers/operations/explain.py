"""Why a patient has the doctor they have, or none: from what is held and the audit trail alone, so that two runs say
the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import uuid4

from handlers.world.changes import Place
from infra.patient_keys import PatientKeys
from infra.postgres import audit, explanation
from infra.postgres.connection import checkout, create_engine
from infra.postgres.explanation import AuditRow, PatientHistory, PatientRow
from infra.postgres.installation import require_patient_key
from infra.provenance import Provenance
from infra.settings import Settings
from schemas.topics import VARDVAL_LISTING
from workers.operations.timeline import HERE, Step, held, steps, until

_LISTED_RULE, _WITHDRAWN = "L1", "withdrawn"


class Listed(NamedTuple):
    """Where vårdval has the patient today: the unit as it wrote it, from which day, and what is to come."""

    unit: str | None
    since: date | None
    upcoming_unit: str | None
    upcoming_from: date | None
    sequence: int


class CurrentLink(NamedTuple):
    """The fast läkarkontakt; `start` is None where only the audit trail tells of it, which holds no dates of links."""

    unit: str
    doctor: str
    start: date | None


class Told(NamedTuple):
    """What the newest record of the key says: `active`, `ended`, or `withdrawn` (a null value)."""

    revision: int
    status: str
    ce_id: str


class NoLink(NamedTuple):
    """Why there is no link: a reason of 1177's, or `never_heard_of`, `protected`, `moved`, `never_listed`,
    `not_listed`, `never_linked`; and the rule."""

    because: str
    rule: str | None


@dataclass(frozen=True)
class PatientExplanation:
    """`day` is the one that was asked about, None for now; then `listed` is what is held now, else nothing."""

    key: str
    day: date | None
    listed: Listed | None
    link: CurrentLink | None
    no_link: NoLink | None
    timeline: tuple[Step, ...]
    told: Told | None
    #: of the oldest record that the audit trail still knows; above 1 where older rows were deleted
    first_revision: int | None = None

    def as_json(self) -> dict[str, Any]:
        """What `fastlakare explain patient --json` prints; days are `YYYY-MM-DD`."""
        return {
            "key": self.key,
            "listed": self.listed and self.listed._asdict(),
            "link": self.link and self.link._asdict(),
            "no_link": self.no_link and self.no_link._asdict(),
            "timeline": [step.as_json() for step in self.timeline],
            "first_revision": self.first_revision,
            "told": self.told and self.told._asdict(),
        }


async def by_key(settings: Settings, key: str, day: date | None) -> PatientExplanation:
    """Of the patient with this key. Raises what the database raises."""
    engine = create_engine(settings, pool_size=1, application_name="fastlakare explain")
    try:
        async with checkout(engine) as pg:
            return explain(await explanation.read_patient(pg, key), day)
    finally:
        await engine.dispose()


async def by_personnummer(
    settings: Settings, patient_id: int, day: date | None, *, actor: str, reason: str
) -> PatientExplanation:
    """Of the patient with this personnummer; who asks and why stands in the audit trail before anything is read (D4).
    Raises what the database raises, SettingsError where keys are made with another secret."""
    keys = PatientKeys(settings.patient_key_secret.get_secret_value().encode(), settings.partitions)
    engine = create_engine(settings, pool_size=1, application_name="fastlakare explain")
    try:
        async with checkout(engine) as pg:
            await require_patient_key(pg, keys)
            await audit.record_access(pg, patient_id, Provenance(str(uuid4()), actor, reason))
            return explain(await explanation.read_patient(pg, keys.key(patient_id), patient_id), day)
    finally:
        await engine.dispose()


def explain(history: PatientHistory, day: date | None = None) -> PatientExplanation:
    """What the history says of now, or of the end of a day that is over: then by the audit trail alone."""
    if day is None or day >= history.now.astimezone(HERE).date():
        return _now(history)
    trail = until(history.trail, day)
    last = _last_change(trail)
    link = None
    if last is not None and last.what not in ("ended", _WITHDRAWN):
        unchanged = last is _last_change(history.trail) and history.held is not None
        link = CurrentLink(
            last.unit or "", last.doctor or "", history.held.start if unchanged and history.held else None
        )
    told = None
    if last is not None and last.revision is not None:
        told = Told(last.revision, _status(last.what), f"{history.key}/{last.revision}")
    no_link = None if link else _ended(last) or NoLink("never_linked", "C7")
    timeline = tuple(steps(trail, history.key))
    return PatientExplanation(history.key, day, None, link, no_link, timeline, told, _first_revision(trail))


def _now(history: PatientHistory) -> PatientExplanation:
    row = history.held
    listed = None if row is None else _listed(row, history.day)
    link = None
    if row is not None and row.link_unit is not None and row.link_doctor is not None:
        link = CurrentLink(row.link_unit, row.link_doctor, row.start)
    timeline = steps(history.trail, history.key)
    if row is not None and row.fact_partition is not None and row.fact_offset is not None:
        place = Place(row.fact_partition, row.fact_offset)
        timeline += held("listed", _LISTED_RULE, VARDVAL_LISTING, place)
    no_link = None if link else _no_link(history, listed)
    first, told = _first_revision(history.trail), _told(history)
    return PatientExplanation(history.key, None, listed, link, no_link, tuple(timeline), told, first)


def _listed(row: PatientRow, today: date | None) -> Listed | None:
    """The choice that holds today (L2), and the one to come; None where there is neither."""
    current = (row.current_unit, row.current_from)
    upcoming = (row.upcoming_unit, row.upcoming_from)
    if upcoming[1] is not None and today is not None and upcoming[1] <= today:
        current, upcoming = upcoming, (None, None)
    return Listed(*current, *upcoming, row.sequence) if current[0] or upcoming[0] else None


def _told(history: PatientHistory) -> Told | None:
    """What 1177 was told last follows from what is held: a link is announced as soon as it stands (P1, P3)."""
    row = history.held
    if row is not None:
        revision = row.revision
        status = "active" if row.link_unit is not None else "ended" if row.announced else _WITHDRAWN
    else:
        revision, status = history.forgotten.revision if history.forgotten else 0, _WITHDRAWN
    return Told(revision, status, f"{history.key}/{revision}") if revision else None


def _no_link(history: PatientHistory, listed: Listed | None) -> NoLink:
    forgotten = history.forgotten
    if forgotten is not None:
        return NoLink(forgotten.reason, "L7" if forgotten.reason == "protected" else "L9")
    if history.held is None:
        return NoLink("never_heard_of", None)
    ended = _ended(_last_change(history.trail))
    if ended is not None:
        return ended
    return NoLink("never_linked", "C7") if listed is not None and listed.unit else NoLink("not_listed", "L2")


def _ended(last: AuditRow | None) -> NoLink | None:
    return None if last is None else NoLink(last.reason, last.rule)


def _last_change(trail: tuple[AuditRow, ...]) -> AuditRow | None:
    """The row of the newest of 1177's records."""
    return next((row for row in reversed(trail) if row.revision is not None), None)


def _first_revision(trail: tuple[AuditRow, ...]) -> int | None:
    return next((row.revision for row in trail if row.revision is not None), None)


def _status(what: str) -> str:
    return what if what in ("ended", _WITHDRAWN) else "active"
