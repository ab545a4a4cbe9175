"""What every command meets first, and what becomes of its answer (C1-C3, D1, D4)."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.world.changes import AuditEntry, Outcome
from tests.harness.builders import (
    DOCTOR,
    OTHER_UNIT,
    PATIENT,
    RESERVE_NUMBER,
    SAMORDNINGSNUMMER,
    TOMORROW,
    UNIT,
    activate,
    deactivate,
    distribute,
    head,
    import_links,
    link,
    move,
    pause,
    resume,
    row,
    unit,
    unlink,
    update,
)
from tests.harness.region import Region, ready

ALL = [activate, deactivate, pause, resume, update, link, unlink, move, distribute, import_links]


@pytest.mark.parametrize("command", ALL)
@pytest.mark.parametrize(
    "asker",
    [head(role="Läkare"), head(role="vc-chef"), head(role=""), head(of=OTHER_UNIT), head(of="inte en enhet")],
    ids=["doctor", "case", "none", "another unit", "no unit"],
)
def test_c1_only_the_two_roles_may_command_and_only_for_their_own_unit(command: Any, asker: dict[str, Any]) -> None:
    region = ready()
    assert region.asks(command(head=asker)) == "not_authorised"
    assert region.audited[-1] == (command(head=asker).name, "not_authorised")


@pytest.mark.parametrize("role", ["VC-chef", "Vårdvalsbehörig"])
def test_c1_both_roles_may(role: str) -> None:
    assert ready().asks(link(head=head(role=role))) == "done"


def test_c1_units_are_compared_without_case() -> None:
    assert ready().asks(link(head=head(UNIT.lower(), of=UNIT))) == "done"


def test_d4_every_answer_is_audited_with_who_whom_where_and_when() -> None:
    region = ready(link())
    cause = [c for c in region.changes if isinstance(c, AuditEntry)][-1]
    assert (cause.what, cause.reason, cause.unit, cause.doctor, cause.patient_id) == (
        "link-patient",
        "done",
        UNIT,
        DOCTOR,
        int(PATIENT),
    )
    assert (cause.cause.actor, cause.cause.role) == ("annsv4", "VC-chef")


def test_c2_a_refusal_is_an_answer_with_a_code_and_a_swedish_sentence() -> None:
    region = ready()
    assert region.happens(unlink(), id="7d0c") == Outcome.REFUSED
    assert region.reply == {
        "command_id": "7d0c",
        "command_type": "unlink-patient",
        "unit_hsa_id": UNIT,
        "outcome": "refused",
        "code": "no_such_link",
        "message": "Patienten har inte den fasta läkarkontakten vid enheten. Kontrollera personnummer och enhet.",
        "counts": None,
        "faulty_rows": None,
    }


def test_c2_each_command_ends_in_exactly_one_reply() -> None:
    region = ready()
    before = sum(hasattr(change, "value") and not hasattr(change, "key") for change in region.changes)
    for command in (link(), link(), unlink(), unlink(), distribute(), move()):
        region.happens(command)
    after = sum(hasattr(change, "value") and not hasattr(change, "key") for change in region.changes)
    assert after - before == 6


WRONG = head("fel", of="fel")
CLOSED = unit(version=2, kind="other")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (link("fel", "fel", start="fel", head=head(role="Läkare")), "not_authorised"),
        (link("fel", "fel", start="fel"), "unit_closed"),
        (pause("fel", start="fel"), "unit_closed"),
    ],
)
def test_c3_authority_comes_first_and_then_a_closed_unit(command: object, code: str) -> None:
    assert ready(CLOSED).asks(command) == code


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (link("fel", "fel", start="fel"), "invalid_hsa_id"),
        (link("fel", DOCTOR, start="fel", head=WRONG), "invalid_hsa_id"),
        (unlink("fel", head=WRONG), "invalid_hsa_id"),
        (distribute("fel"), "invalid_hsa_id"),
        (move(source="fel"), "invalid_hsa_id"),
        (move(target="fel"), "invalid_hsa_id"),
        (link("fel", start="fel"), "invalid_patient_id"),
        (link(SAMORDNINGSNUMMER), "invalid_patient_id"),
        (link(RESERVE_NUMBER), "invalid_patient_id"),
        (unlink("199006022398"), "invalid_patient_id"),
        (link(start="fel"), "invalid_date"),
        (link(start="2026-02-30"), "invalid_date"),
        (link(start="20260526"), "invalid_date"),
        (link(start="2026-W21-2"), "invalid_date"),
        (link(start=""), "invalid_date"),
        (pause("SE2321000131-E000000009999", start="fel"), "invalid_date"),
        (link(doctor="SE2321000131-E000000009999", start=TOMORROW.isoformat()), "date_in_future"),
    ],
)
def test_c3_then_come_hsa_ids_patient_ids_and_dates(command: object, code: str) -> None:
    assert ready().asks(command) == code


def test_d1_no_personnummer_comes_back_in_a_reply() -> None:
    region = ready()
    for command in (link(head=head(PATIENT)), import_links(row(1, patient="199006022398")), unlink()):
        region.happens(command)
        assert PATIENT not in str(region.reply)
        assert "199006022398" not in str(region.reply)


def test_contract_a_dry_run_leaves_nothing_but_its_reply() -> None:
    region = ready()
    audited = region.audited
    for command in (distribute(dry_run=True), import_links(row(1), dry_run=True), move(dry_run=True)):
        region.happens(command)
        assert region.reply["dry_run"] is True
    assert (region.link_changes, region.audited, region.imports) == ([], audited, {})


def test_contract_a_dry_run_by_one_who_may_not_is_audited() -> None:
    region = Region()
    region.happens(distribute(dry_run=True, head=head(role="Läkare")))
    assert region.audited == [("distribute-patients", "not_authorised")]
