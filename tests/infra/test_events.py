"""What is told of an event before it is built is what is built (O2)."""

from __future__ import annotations

from datetime import UTC, datetime

from handlers.world.changes import Cause, DoctorChange, LinkChange, Pair
from infra.events import EventBuilder, published
from infra.provenance import RUN_HEADER
from schemas.topics import FAST_LAKARKONTAKT, LISTNING_DOCTOR, LISTNING_REPLY

CAUSE = Cause("test", "1", datetime(2026, 5, 26, tzinfo=UTC))
CHANGES: tuple[LinkChange | DoctorChange, ...]
COUNTS = {FAST_LAKARKONTAKT: 3, LISTNING_DOCTOR: 3, LISTNING_REPLY: 3}
LINK = LinkChange(1, "abc", 2, 7, "ended", "relisted", None, None, {"status": "ended"}, CAUSE)
DOCTOR = DoctorChange(Pair("unit", "doctor"), 4, None, CAUSE)
CHANGES = LINK, DOCTOR


async def test_the_id_that_is_told_is_the_one_that_is_sent() -> None:
    builder = EventBuilder("fastlakare", COUNTS)
    sent = builder._link(LINK), builder.doctor(DOCTOR, None)
    for change, event in zip(CHANGES, sent, strict=True):
        told = published(change)
        assert told is not None
        assert (told.topic, told.id.encode()) == (event.topic, dict(event.headers)["ce_id"])


def test_o6_every_event_of_a_run_says_of_which() -> None:
    builder = EventBuilder("fastlakare", COUNTS)
    for of, expected in ((builder, None), (builder.of_run("2026-05-26-kzqwtb"), b"2026-05-26-kzqwtb")):
        for event in (of._link(LINK), of.doctor(DOCTOR, None)):
            assert dict(event.headers).get(RUN_HEADER) == expected
