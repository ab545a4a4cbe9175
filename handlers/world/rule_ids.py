"""Which rule each change follows from, as the audit trail names it (rules.md)."""

from __future__ import annotations

from handlers.world.changes import AuditEntry, DoctorChange, LinkChange, PatientProtected
from schemas.fast_lakarkontakt import Reason
from schemas.topics import KIV_STAFF, KIV_UNIT, LISTNING_CLOCK

_OF_REASON: dict[Reason | PatientProtected, str] = {
    "linked_by_unit": "C7",
    "imported": "C11",
    "distributed": "C10",
    "moved": "C9",
    "doctor_renamed": "S8",
    "unit_renamed": "S9",
    "unit_replaced": "S9",
    "patient_id_changed": "L9",
    "relisted": "L3",
    "unlisted": "L3",
    "unlinked_by_unit": "C8",
    "doctor_left": "S6",
    "doctor_deactivated": "C4",
    "doctor_withdrawn": "S7",
    "unit_closed": "S9",
    "patient_protected": "L7",
}
_OF_COMMAND = {
    "activate-doctor": "C4",
    "deactivate-doctor": "C4",
    "pause-doctor": "C5",
    "resume-doctor": "C5",
    "update-doctor-profile": "C6",
    "link-patient": "C7",
    "unlink-patient": "C8",
    "move-patients": "C9",
    "distribute-patients": "C10",
    "import-links": "C11",
}
#: refusals for which the rule is not the command's own
_OF_REFUSAL = {
    "not_authorised": "C1",
    "unit_closed": "C3",
    "invalid_hsa_id": "C3",
    "invalid_patient_id": "C3",
    "date_in_future": "C12",
}
#: by what changed the availability of a doctor; else it was the vårdcentral (S1)
_OF_TOPIC = {KIV_STAFF: "S3", KIV_UNIT: "S9", LISTNING_CLOCK: "T4"}


def rule_id(change: LinkChange | DoctorChange | AuditEntry) -> str:
    """The id of the rule, for instance `L3`."""
    match change:
        case LinkChange():
            return _OF_REASON[change.reason]
        case DoctorChange():
            return _OF_TOPIC.get(change.cause.topic or "", "S1")
        case AuditEntry():
            return _OF_REFUSAL.get(change.reason) or _OF_COMMAND[change.what]
