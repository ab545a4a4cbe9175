"""The delivery report finds what is lost, doubled and out of order."""

from __future__ import annotations

from tests.chaos.checker import DeliveryReport, check
from tests.harness.observed import Observed, ObservedEvent
from tests.harness.records import CHANGES, REPLY, Record

EXPECTED = Observed(
    events={"anna": [ObservedEvent(None, None)] * 3}, replies={"reply/vc/1": [{}], "reply/vc/2": [{}, {}]}
)


def event(revision: int) -> Record:
    return Record(CHANGES, "anna", None, [("ce_id", f"anna/{revision}".encode())])


def reply(number: int) -> Record:
    return Record(REPLY, "unit", b"{}", [("ce_id", f"reply/vc/{number}".encode())])


def test_all_heard_once_and_in_order_is_balanced() -> None:
    report = check(EXPECTED, [event(1), reply(1), event(2), reply(2), event(3), reply(2)])
    assert (report, report.balanced) == (DeliveryReport(6, 6), True)


def test_an_event_and_a_reply_that_are_missing_are_lost() -> None:
    report = check(EXPECTED, [event(1), event(3), reply(1), reply(2)])
    assert (report, report.balanced) == (DeliveryReport(6, 4, lost=2), False)


def test_an_event_heard_twice_is_doubled_and_out_of_order() -> None:
    report = check(
        EXPECTED,
        [
            event(1),
            event(2),
            event(2),
            event(3),
            reply(1),
            reply(2),
            reply(2),
        ],
    )
    assert (report, report.balanced) == (DeliveryReport(6, 7, doubled=1, out_of_order=1), False)


def test_revisions_that_changed_places_are_out_of_order() -> None:
    report = check(EXPECTED, [event(1), event(3), event(2), reply(1), reply(2), reply(2)])
    assert (report, report.balanced) == (DeliveryReport(6, 6, out_of_order=1), False)
