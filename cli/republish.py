"""`fastlakare republish`: the present state of patients and doctors is said once more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.confirm import DryRun, Reason, Yes, confirmation
from cli.runs.command import Detach
from cli.runs.options import Rate, records_per_second
from cli.terminal import Json, quiet_settings

if TYPE_CHECKING:
    from workers.operations.report import Report
    from workers.operations.republish import Chosen, Republish

_PATIENT_KEY = re.compile(r"[a-z2-7]{26}")


def republish(
    unit: Annotated[
        list[str] | None,
        typer.Option(metavar="HSA-ID", help="Patients and doctors of this unit; repeatable."),
    ] = None,
    patient_key: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="The patient with this key in 1177's topic; repeatable.")
    ] = None,
    doctor: Annotated[
        list[str] | None,
        typer.Option(metavar="UNIT/DOCTOR", help="A doctor at a unit, with their patients there; repeatable."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All patients and doctors.")] = False,
    topic: Annotated[
        str | None, typer.Option(metavar="1177|doctor", help="Only in this topic: 1177's, or the doctors'.")
    ] = None,
    rate: Rate = "auto",
    dry_run: DryRun = False,
    yes: Yes = False,
    reason: Reason = None,
    detach: Detach = False,
    json: Json = False,
) -> None:
    """Say the present state of patients and doctors once more, for a reader who lost it.

    The newest record of each chosen key is published again, as it was: the same ce_id, revision and value, a null value
    for one that was withdrawn; the header republished says by which run. Nothing else changes. It goes through the
    outbox under the key's lock, so nobody hears something older after something newer (P1); readers drop it by its
    ce_id. Keys are chosen by any of the options. There is one run for each topic, beside the service; `fastlakare runs`
    shows, pauses and resumes them.

    \b
    Example:     fastlakare republish --unit SE2321000131-E000000000712 --topic 1177 --dry-run
                 fastlakare republish --all --yes --reason "the app lost its view" --rate 500 --detach
    Exit codes:  0 done or previewed, 1 it stopped before it was done, 2 usage error, not confirmed, or a server
                 unreachable
    """
    confirmed = confirmation(dry_run=dry_run, yes=yes, reason=reason)
    speed = records_per_second(rate)
    works = _works(_chosen(unit, patient_key, doctor, everything=everything), topic)
    settings = quiet_settings()
    from cli.runs.flow import Flow, exit_code

    flow = Flow(settings, "republish", "Say these records again?", confirmed, speed, detach, json, _document)
    done = flow(works)
    flow.show(done)
    raise typer.Exit(exit_code(done))


def _document(reports: Sequence[Report]) -> dict[str, Any]:
    ids = [report.run for report in reports]
    return {
        "run": ids[0] if len(ids) == 1 else None,
        "dry_run": all(id is None for id in ids),
        "runs": [report.as_json() for report in reports],
    }


def _chosen(
    units: list[str] | None, patient_keys: list[str] | None, pairs: list[str] | None, *, everything: bool
) -> Chosen:
    """Exit 2 for what names nobody; what was typed is not repeated, as it could be a personnummer (O8)."""
    from workers.operations.republish import Chosen

    if not (units or patient_keys or pairs or everything):
        raise typer.BadParameter("say whom: --unit, --patient-key, --doctor, or --all")
    if everything and (units or patient_keys or pairs):
        raise typer.BadParameter("--all: goes with none of --unit, --patient-key and --doctor")
    if not all(map(_PATIENT_KEY.fullmatch, patient_keys or ())):
        raise typer.BadParameter("--patient-key: should be 26 characters of a-z and 2-7")
    return Chosen(
        frozenset(_hsa_id("--unit", one) for one in units or ()),
        frozenset(patient_keys or ()),
        frozenset("/".join(_hsa_id("--doctor", half) for half in _halves(one)) for one in pairs or ()),
        everything,
    )


def _halves(pair: str) -> tuple[str, str]:
    unit, slash, doctor = pair.partition("/")
    if not slash:
        raise typer.BadParameter("--doctor: should be UNIT/DOCTOR, two HSA-ids")
    return unit, doctor


def _hsa_id(option: str, text: str) -> str:
    from schemas.ids import normal_hsa_id

    found = normal_hsa_id(text)
    if found is None:
        raise typer.BadParameter(f"{option}: should be an HSA-id")
    return found


def _works(chosen: Chosen, topic: str | None) -> list[Republish]:
    """One for each topic that has something of what is chosen."""
    from schemas.topics import FAST_LAKARKONTAKT, LISTNING_DOCTOR
    from workers.operations.republish import Republish

    names = {"1177": FAST_LAKARKONTAKT, "doctor": LISTNING_DOCTOR}
    if topic is not None and topic not in names:
        raise typer.BadParameter("--topic: 1177 or doctor")
    only_patients = not (chosen.units or chosen.pairs or chosen.everything)
    if topic == "doctor" and only_patients:
        raise typer.BadParameter("--topic doctor: has no patients")
    wanted = [topic] if topic is not None else ["1177"] if only_patients else [*names]
    return [Republish(names[name], chosen) for name in wanted]
