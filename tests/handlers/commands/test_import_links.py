"""`import-links` in its parts: waiting, judged as one, answered once (C11, contract.md)."""

from __future__ import annotations

from handlers.commands.import_parts import rows_of
from handlers.commands.import_rows import well_formed
from handlers.world import Link
from handlers.world.changes import ReplyResent
from tests.harness.builders import (
    DOCTOR,
    OTHER_UNIT,
    PATIENT,
    TODAY,
    UNIT,
    head,
    import_links,
    link,
    listing,
    patients,
    row,
    unlink,
    update,
)
from tests.harness.region import Region, ready

FIRST, SECOND = patients(2)


def region_of(*events: object) -> Region:
    """Three patients without a doctor; and then."""
    return ready(listing(FIRST), listing(SECOND), *events)


def test_c11_all_rows_are_applied() -> None:
    region = region_of()
    assert region.asks(import_links(row(1), row(2, FIRST, start="2026-01-02"))) == "done"
    assert sorted(region.link_changes) == sorted([(PATIENT, "assigned", "imported"), (FIRST, "assigned", "imported")])
    assert region.link() == Link(UNIT, DOCTOR, TODAY)
    assert region.value(FIRST)["start"] == "2026-01-02"
    assert region.reply["counts"] == {"total": 2, "approved": 2, "faulty": 0, "updated": 2}


def test_c11_an_override_of_the_ceiling_is_noted() -> None:
    region = region_of(update(patient_ceiling=0))
    assert region.asks(import_links(row(1), override=("ceiling",))) == "done"
    assert region.last().override


def test_c11_rows_that_change_nothing_are_approved_and_not_updated() -> None:
    region = region_of(link(), link(FIRST))
    assert region.asks(import_links(row(1), row(2, FIRST, start="2026-01-02"))) == "done"
    assert region.since(2) == [(FIRST, "redated", "imported")]
    assert region.reply["counts"] == {"total": 2, "approved": 2, "faulty": 0, "updated": 1}
    assert region.asks(import_links(row(1), import_id="june")) == "unchanged"


def test_c11_a_file_without_rows_is_unchanged() -> None:
    region = region_of()
    assert region.asks(import_links()) == "unchanged"
    assert region.reply["counts"] == {"total": 0, "approved": 0, "faulty": 0, "updated": 0}


def test_c11_one_faulty_row_and_nothing_is_applied() -> None:
    region = region_of()
    assert region.asks(import_links(row(1), row(7, "fel"))) == "rows_faulty"
    assert region.link_changes == []
    assert region.reply["counts"] == {"total": 2, "approved": 1, "faulty": 1, "updated": 0}
    assert [(r["row"], r["code"]) for r in region.reply["faulty_rows"]] == [(7, "invalid_patient_id")]


def test_contract_parts_wait_for_each_other_in_whatever_order_they_come() -> None:
    region = region_of()
    assert region.asks(import_links(row(2, FIRST), part=2, parts=2)) == "waiting"
    assert region.link_changes == []
    assert region.asks(import_links(row(1), part=1, parts=2), id="last") == "done"
    assert (region.reply["command_id"], region.reply["counts"]["total"]) == ("last", 2)


def test_contract_rows_are_judged_in_the_order_of_their_parts() -> None:
    region = region_of(import_links(row(9), part=2, parts=2))
    region.happens(import_links(row(1), part=1, parts=2))
    assert [(r["row"], r["code"]) for r in region.reply["faulty_rows"]] == [(9, "duplicate_row")]


def test_contract_the_same_part_again_replaces_the_earlier_while_the_import_waits() -> None:
    region = region_of(import_links(row(1, "fel"), part=1, parts=2))
    assert region.asks(import_links(row(1), part=1, parts=2)) == "waiting"
    assert region.asks(import_links(row(2, FIRST), part=2, parts=2)) == "done"


def test_contract_and_gets_the_imports_answer_again_afterwards() -> None:
    region = region_of()
    region.happens(import_links(row(1)), id="answered")
    assert region.asks(import_links(row(1, "fel"))) == "repeated"
    assert region.resent == [("a-source", "answered")]
    assert len(region.link_changes) == 1


def test_contract_where_parts_disagree_the_latest_counts() -> None:
    region = region_of(import_links(row(1), part=1, parts=9), import_links(row(8, FIRST), part=3, parts=9))
    assert region.asks(import_links(row(2, SECOND), part=2, parts=2)) == "done"
    assert (region.reply["counts"]["total"], region.link(FIRST)) == (2, None)


def test_contract_a_part_that_says_it_is_the_only_one_ends_the_wait_of_another() -> None:
    region = region_of(import_links(row(8, FIRST), part=2, parts=2))
    assert region.asks(import_links(row(1, SECOND), part=1, parts=1)) == "done"
    assert (region.reply["counts"]["total"], region.link(FIRST)) == (1, None)


def test_contract_a_part_that_fails_the_first_checks_is_refused_by_itself() -> None:
    region = region_of()
    assert region.asks(import_links(row(1), part=1, parts=2, head=head(role="Läkare"))) == "not_authorised"
    assert region.asks(import_links(row(2, FIRST), part=2, parts=2)) == "waiting"
    assert region.asks(import_links(row(1), part=1, parts=2)) == "done"


def test_contract_an_import_is_its_unit_and_its_id() -> None:
    region = region_of(import_links(row(1), part=1, parts=2))
    assert region.asks(import_links(part=2, parts=2, import_id="june")) == "waiting"
    assert region.asks(import_links(part=2, parts=2, head=head(OTHER_UNIT))) == "waiting"


def test_contract_a_dry_run_of_the_last_part_is_judged_and_forgotten() -> None:
    region = region_of(import_links(row(1), part=1, parts=2))
    assert region.asks(import_links(row(2, FIRST), part=2, parts=2, dry_run=True)) == "done"
    assert (region.reply["dry_run"], region.link_changes, region.imports) == (True, [], {})
    assert region.asks(import_links(row(1), part=1, parts=2)) == "waiting"
    assert region.asks(import_links(row(2, FIRST), part=2, parts=2)) == "done"


def test_c13_a_patient_linked_to_another_is_replaced() -> None:
    region = region_of(link(), unlink(), link())
    assert region.asks(import_links(row(1))) == "unchanged"
    assert region.linked() == [int(PATIENT)]


def test_c2_the_same_part_again_after_the_answer_gets_it_as_its_own_from_then_on() -> None:
    region = region_of()
    region.happens(import_links(row(1)), id="answered")
    region.happens(import_links(row(1)), id="late")
    (again,) = [change for change in region.changes if isinstance(change, ReplyResent)]
    assert (again.source, again.id, again.asked_by) == ("a-source", "answered", ("a-source", "late"))


def test_c11_only_patients_of_rows_that_are_sound_in_themselves_are_asked_for() -> None:
    """A file of the whole region, sent by mistake, can be refused without knowing its patients."""
    wire = (row(1), row(2, FIRST, unit=OTHER_UNIT), row(3, "fel"), row(4, SECOND, start="i morgon"))
    rows = rows_of(import_links(*wire))
    assert [one.row for one in well_formed(rows, UNIT, region_of().world())] == [1]


def test_d1_a_row_number_that_could_be_a_patient_is_not_repeated() -> None:
    region = region_of()
    region.happens(import_links(row(int(FIRST), "fel")))
    assert [found["row"] for found in region.reply["faulty_rows"]] == [0]
