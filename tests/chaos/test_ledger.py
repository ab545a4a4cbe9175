"""The ledger finds what is lost, doubled and out of order."""

from __future__ import annotations

from tests.chaos.ledger import Ledger, audit
from tests.system.oracle.outputs import Heard, Tale
from tests.system.oracle.records import REPLY, TOLD, Record

EXPECTED = Heard(told={"anna": [Tale(None, None)] * 3}, replies={"reply/vc/1": [{}], "reply/vc/2": [{}, {}]})


def told(revision: int) -> Record:
    return Record(TOLD, "anna", None, [("ce_id", f"anna/{revision}".encode())])


def reply(number: int) -> Record:
    return Record(REPLY, "unit", b"{}", [("ce_id", f"reply/vc/{number}".encode())])


def test_all_heard_once_and_in_order_is_balanced() -> None:
    ledger = audit(EXPECTED, [told(1), reply(1), told(2), reply(2), told(3), reply(2)])
    assert (ledger, ledger.balanced) == (Ledger(6, 6), True)


def test_an_event_and_a_reply_that_are_missing_are_lost() -> None:
    ledger = audit(EXPECTED, [told(1), told(3), reply(1), reply(2)])
    assert (ledger, ledger.balanced) == (Ledger(6, 4, lost=2), False)


def test_an_event_heard_twice_is_doubled_and_out_of_order() -> None:
    ledger = audit(EXPECTED, [told(1), told(2), told(2), told(3), reply(1), reply(2), reply(2)])
    assert (ledger, ledger.balanced) == (Ledger(6, 7, doubled=1, out_of_order=1), False)


def test_revisions_that_changed_places_are_out_of_order() -> None:
    ledger = audit(EXPECTED, [told(1), told(3), told(2), reply(1), reply(2), reply(2)])
    assert (ledger, ledger.balanced) == (Ledger(6, 6, out_of_order=1), False)
