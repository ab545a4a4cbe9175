"""Whatever is sent is read and decided on: one outcome a record, nothing raised that was not foreseen, nothing leaked.

The short run; `make fuzz` is the long one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from handlers import listing
from handlers.world import Needs, World
from handlers.world.changes import Cause, Outcome
from schemas.listing import ListingState, PatientIdChanged
from schemas.topics import FAST_LAKARKONTAKT, LISTNING_DOCTOR, LISTNING_REPLY, TOPICS, VARDVAL_LISTING
from tests.fuzz.in_memory import ROUTE_OF, Reader, run
from tests.fuzz.report import Report
from tests.fuzz.stream import chapter
from tests.harness.seeds import seeds
from workers.pipeline.route import Route

RECORDS = 12_000


@cache
def short_run(seed: int) -> Report:
    """The report on so many records."""
    (*_, report) = run(seed, RECORDS)
    return report


def test_every_record_ends_as_the_contract_says_and_nothing_unforeseen_happens() -> None:
    for seed in seeds(1):
        found = short_run(seed).findings.lines()
        assert not found, "\n".join(found)


def test_every_record_has_one_outcome() -> None:
    report = short_run(seeds(1)[0])

    assert report.records == RECORDS
    assert report.outcomes.total() == RECORDS
    assert report.codes.total() == RECORDS


def test_the_records_meet_a_world_in_which_every_kind_of_thing_happens() -> None:
    report = short_run(seeds(1)[0])

    assert report.outcomes.keys() == set(map(str, Outcome))
    letters = {topic.name for topic in TOPICS if topic.name.endswith(".dlq")}
    assert report.events.keys() == {FAST_LAKARKONTAKT, LISTNING_DOCTOR, LISTNING_REPLY, *letters}


class Stumbling:
    """The handler of listings, which raises for one patient in twelve."""

    def needs(self, event: ListingState, world: World, cause: Cause) -> Needs:
        """As it is."""
        return listing.needs(event, world, cause)

    def decide(self, event: Any, world: World, cause: Cause) -> Outcome:
        """Or an error that nobody foresaw."""
        if isinstance(event, ListingState) and event.patient_id.startswith("1940"):
            raise ZeroDivisionError("what nobody foresaw")
        return listing.decide(event, world, cause)


def test_a_handler_that_raises_is_found_and_takes_nobody_along() -> None:
    route = ROUTE_OF[VARDVAL_LISTING]
    handlers = {**route.handlers, ListingState: Stumbling()}
    stumbling = Route(route.topic, handlers, route.commit, route.known_upfront)
    report = Report(1)
    reader = Reader(report, 0, {**ROUTE_OF, VARDVAL_LISTING: stumbling})
    sent = 0
    for batch in _runs():
        sent += len(batch)
        reader.feed(batch[0].topic, batch)

    found = [kind for kind in report.findings.counts if "ZeroDivisionError" in kind]
    assert len(found) == 1
    assert 20 < report.codes["handler_failed"] == report.findings.counts[found[0]]
    assert report.outcomes.total() == sent
    assert PatientIdChanged in stumbling.handlers


def _runs() -> Iterator[list[Any]]:
    yield from chapter(1, 0, 3_000)
