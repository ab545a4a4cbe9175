"""The answer to a command: codes, the Swedish sentences for each, and the reply they make (C2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from handlers.redaction import redact_unit, shown_row
from handlers.world.changes import Answer, Cause, Json, Outcome, ReplyCreated
from schemas.reply import Done, Refusal

#: so many faulty rows fit into a record of the reply topic; one that does not would stop all that is published after it
MOST_ROWS_NAMED = 50_000

#: what every code says; the last two are the region's own words (C11)
SENTENCES: dict[Done | Refusal, str] = {
    "done": "Klart.",
    "unchanged": "Inget behövde ändras.",
    "not_authorised": "Du saknar behörighet. Bara VC-chef och Vårdvalsbehörig får göra detta, för den egna enheten.",
    "unit_closed": "Enheten är stängd. Kontrollera att rätt vårdcentral är vald.",
    "doctor_not_selectable": "Läkaren kan inte väljas vid enheten. Kontrollera legitimation och anställning i KiV.",
    "doctor_not_active": "Läkaren är inte aktiv vid enheten. Aktivera läkaren först.",
    "doctor_paused": "Läkaren är pausad för nya patienter. Avsluta pausen eller välj en annan läkare.",
    "doctor_absent": "Läkaren är frånvarande enligt KiV. Välj en annan läkare.",
    "doctor_has_patients": "Läkaren har kvar patienter. Flytta dem först, eller välj att avsluta dem samtidigt.",
    "patient_not_listed": "Patienten är inte listad vid enheten. Kontrollera personnummer och vårdval.",
    "invalid_patient_id": "Personnumret är inte giltigt. Ange tolv siffror; samordnings- och reservnummer går inte.",
    "invalid_hsa_id": "HSA-id är inte giltigt. Kontrollera enhetens och läkarens HSA-id.",
    "invalid_date": "Datumet är inte giltigt. Ange ÅÅÅÅ-MM-DD; ett slut får inte ligga före start eller idag.",
    "invalid_profile": "Profilen går inte: lägsta ålder är över högsta, eller en text är över 200 tecken.",
    "date_in_future": "Datumet ligger i framtiden. Ange dagens datum eller ett tidigare.",
    "duplicate_row": "Patienten finns på en tidigare rad. Ta bort den ena raden.",
    "unit_mismatch": "Raden gäller en annan enhet än importen. Ta bort raden, eller skicka den för rätt enhet.",
    "ceiling_reached": "Läkarens patienttak är nått. Höj taket eller välj en annan läkare.",
    "age_outside_limits": "Patientens ålder ligger utanför läkarens åldersgränser. Välj en annan läkare.",
    "import_incomplete": "Alla delar av importen kom inte fram i tid. Skicka hela filen igen.",
    "rows_faulty": "En eller flera rader är felaktiga och inget har ändrats. Rätta raderna och försök igen.",
    "no_such_link": "Patienten har inte den fasta läkarkontakten vid enheten. Kontrollera personnummer och enhet.",
}

#: the region's own sentences for the rows of an import, verbatim (C11)
IMPORT_SENTENCES: dict[Done | Refusal, str] = SENTENCES | {
    "doctor_not_active": "HSA-id saknas för läkare hos vårdcentral",
    "patient_not_listed": "Personnummer matchar inte vårdcentral vårdval",
}


def accepted(code: Done = "done", counts: Json | None = None) -> Answer:
    """`done`, or `unchanged` where there was nothing to do."""
    return Answer(Outcome.ACCEPTED, code, SENTENCES[code], counts)


def refused(code: Refusal) -> Answer:
    """A refusal is an answer, not an error (C2)."""
    return Answer(Outcome.REFUSED, code, SENTENCES[code])


def rows_refused(
    total: int, faults: Iterable[tuple[int, Refusal]], sentences: dict[Done | Refusal, str] = SENTENCES
) -> Answer:
    """One faulty row and nothing is applied (C9, C11); `faults` are row numbers with their codes. All are counted."""
    faults = list(faults)
    named = faults[:MOST_ROWS_NAMED]
    rows = [{"row": shown_row(row), "code": code, "message": sentences[code]} for row, code in named]
    counts = count(total, faulty=len(faults), updated=0)
    return Answer(Outcome.REFUSED, "rows_faulty", SENTENCES["rows_faulty"], counts, rows)


def count(total: int, *, faulty: int = 0, updated: int) -> Json:
    """Totalt, Godkända, Felaktiga, Uppdaterade; the first is the sum of the next two (C11)."""
    return {"total": total, "approved": total - faulty, "faulty": faulty, "updated": updated}


def reply(name: str, unit: str, answer: Answer, cause: Cause) -> ReplyCreated:
    """The reply as the wire has it. Named fields only: nothing of the command but its id and unit comes back (D1)."""
    shown = redact_unit(unit)
    value: dict[str, Any] = {
        "command_id": cause.id,
        "command_type": name,
        "unit_hsa_id": shown,
        "outcome": str(answer.outcome),
        "code": answer.code,
        "message": answer.message,
        "counts": answer.counts,
        "faulty_rows": answer.faulty_rows or None,
    }
    if answer.dry_run:
        value["dry_run"] = True
    return ReplyCreated(shown, value, cause)
