"""`fastlakare explain`: why a patient has the doctor they have, and why a doctor takes new patients or not."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from cli.confirm import needed_reason, operator
from cli.personnummer import read_personnummer
from cli.terminal import Json, print_json, quiet_settings, run
from cli.times import day_option

if TYPE_CHECKING:
    from handlers.world.changes import Pair
    from workers.operations.explain import PatientExplanation
    from workers.operations.explain_doctor import DoctorExplanation

_is_key = re.compile("[a-z2-7]{26}").fullmatch


def explain(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="patient|doctor", help="What is to be explained.")],
    pair: Annotated[
        str | None, typer.Argument(metavar="UNIT/DOCTOR", help="With doctor: the HSA-ids of the two.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="PATIENT_KEY", help="The patient, by the key that 1177 has.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why you ask by personnummer, for the audit trail.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="DAY", help="As it was at the end of this day, YYYY-MM-DD.")
    ] = None,
    json: Json = False,
) -> None:
    """Explain why a patient has the doctor they have, or why a doctor takes new patients or not.

    Each change and each answer with its time, the record that caused it (topic/partition/offset), the rule, the
    release, and the events that told of it; at the end what was told last, and why there is no link.

    A patient is named by personnummer on the standard input (a terminal asks for it, unseen), which needs --reason and
    is written to the audit trail before anything is shown; or by --key, which needs neither. No personnummer is ever
    shown, and none is taken as an argument. With --at the audit trail alone tells: it holds changes, no listings.

    \b
    Example:     fastlakare explain patient --key gny7qi7jthugfirrq5w4k2cubf --at 2026-06-30
                 fastlakare explain patient --reason "asked by the patient, case 4711" --json < personnummer.txt
                 fastlakare explain doctor SE2321000131-E000000000712/SE2321000131-E000000007623
    Exit codes:  0 explained, also where nothing is known, 2 usage error or database unreachable
    """
    if context.args or what not in ("patient", "doctor"):
        raise _wrong("say patient, or doctor with UNIT/DOCTOR; see --help")
    day = day_option("--at", at)
    if what == "doctor":
        if key is not None or reason is not None:
            raise _wrong("--key and --reason are about a patient")
        _show_doctor(_pair(pair), day, json)
    elif pair is not None:
        raise _wrong("a patient is named by --key, or by personnummer on the standard input, never as an argument")
    else:
        _show_patient(key, reason, day, json)


def _show_patient(key: str | None, reason: str | None, day: date | None, as_json: bool) -> None:
    found = _by_personnummer(reason, day) if key is None else _by_key(key, reason, day)
    if as_json:
        print_json(found.as_json())
    else:
        from cli import explanation

        explanation.patient(found)


def _by_key(key: str, reason: str | None, day: date | None) -> PatientExplanation:
    if _is_key(key) is None:
        raise _wrong("--key: 26 characters of a-z and 2-7, as 1177's records have it")
    if reason is not None:
        raise _wrong("--reason: only an access by personnummer is written to the audit trail")
    settings = quiet_settings(("database",))
    from workers.operations import explain as operation

    return run(operation.by_key(settings, key, day))


def _by_personnummer(reason: str | None, day: date | None) -> PatientExplanation:
    why = needed_reason(reason, "a patient by personnummer")
    settings = quiet_settings(("database", "secret"))
    from workers.operations import explain as operation

    number, who = read_personnummer(), operator(settings.operator)
    return run(operation.by_personnummer(settings, number, day, actor=who, reason=why))


def _show_doctor(pair: Pair, day: date | None, as_json: bool) -> None:
    settings = quiet_settings(("database",))
    from workers.operations import explain_doctor as operation

    found: DoctorExplanation = run(operation.of_pair(settings, pair, day))
    if as_json:
        print_json(found.as_json())
    else:
        from cli import explanation

        explanation.doctor(found)


def _pair(text: str | None) -> Pair:
    from handlers.world.changes import Pair
    from schemas.ids import normal_hsa_id

    unit, _, doctor = (text or "").partition("/")
    ids = normal_hsa_id(unit.strip()), normal_hsa_id(doctor.strip())
    if ids[0] is None or ids[1] is None:
        raise _wrong("a doctor is named UNIT/DOCTOR, two HSA-ids")
    return Pair(ids[0], ids[1])


def _wrong(why: str) -> typer.BadParameter:
    """What was typed is never repeated: it may be a personnummer in the wrong place."""
    return typer.BadParameter(why)
