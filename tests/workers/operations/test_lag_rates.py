"""What successive measurements say, without any server."""

from __future__ import annotations

from datetime import date
from typing import Any

from schemas.topics import KIV_STAFF, LISTNING_COMMAND, VARDVAL_LISTING
from workers.operations.lag import Lag
from workers.operations.lag_rates import LeavesRetention, Measurement, TopicRates, WaitingPartition, rates

NOW = 1_779_796_800_000
HOUR = 3_600_000


def measured(at: float, came: int = 0, handled: int = 0, *waiting: WaitingPartition, **lag: Any) -> Measurement:
    """One of the commands topic, and of another one of which nothing waits."""
    inputs = {KIV_STAFF: 0, LISTNING_COMMAND: sum(one.records for one in waiting)}
    behind = {KIV_STAFF: 0, LISTNING_COMMAND: 0} | lag.pop("behind", {})
    whole = Lag(date(2026, 5, 26), inputs, lag.get("outbox", 0), 0, False, behind)
    return Measurement(at, NOW, whole, {LISTNING_COMMAND: came}, {LISTNING_COMMAND: handled}, waiting)


def waiting(partition: int, records: int, offset: int = 0, age_ms: int | None = None, **more: Any) -> WaitingPartition:
    timestamp = None if age_ms is None else NOW - age_ms
    return WaitingPartition(more.pop("topic", LISTNING_COMMAND), partition, records, offset, timestamp, **more)


def of_commands(*measurements: Measurement) -> TopicRates:
    (found,) = [one for one in rates(measurements).topics if one.topic == LISTNING_COMMAND]
    return found


def test_one_measurement_knows_no_rate_and_no_end() -> None:
    found = of_commands(measured(0, 0, 0, waiting(0, 5)))
    assert (found.waiting, found.in_per_second, found.out_per_second, found.drained_seconds) == (5, None, None, None)


def test_rates_are_those_of_all_measurements_together() -> None:
    found = of_commands(measured(10, 999, 999), measured(12, 10, 40), measured(14, 30, 80, waiting(0, 50)))
    assert (found.in_per_second, found.out_per_second) == (10, 30)


def test_it_is_drained_as_soon_as_what_goes_out_faster_than_it_comes_in_is_through() -> None:
    assert of_commands(measured(0), measured(4, 40, 120, waiting(0, 100))).drained_seconds == 5
    assert of_commands(measured(0), measured(4, 40, 40, waiting(0, 100))).drained_seconds is None
    assert of_commands(measured(0), measured(4, 40, 0, waiting(0, 100))).drained_seconds is None


def test_where_nothing_waits_it_is_drained_whatever_comes() -> None:
    assert of_commands(measured(0), measured(4, 40, 20)).drained_seconds == 0


def test_the_oldest_record_of_all_partitions_counts_and_one_of_the_future_is_new() -> None:
    assert of_commands(measured(0, 0, 0, waiting(0, 5, 0, 2_000), waiting(1, 1, 0, 90_000))).oldest_seconds == 90
    assert of_commands(measured(0, 0, 0, waiting(0, 5, 0, -2_000), waiting(1, 1))).oldest_seconds == 0
    assert of_commands(measured(0, 0, 0, waiting(0, 5))).oldest_seconds is None


def test_the_worst_partition_of_a_topic_has_most_records_and_of_all_the_oldest_one() -> None:
    many, old = waiting(2, 800, 7, 1_000), waiting(3, 2, 9, HOUR)
    assert of_commands(measured(0, 0, 0, old, many)).worst == many
    assert rates([measured(0, 0, 0, many, old)]).worst == old
    assert rates([measured(0, 0, 0, waiting(1, 5), waiting(2, 6))]).worst == waiting(2, 6)
    assert rates([measured(0)]).worst is None


def test_what_leaves_retention_first_is_told_with_the_time_left() -> None:
    day = 24 * HOUR
    later, sooner = waiting(0, 5, 40, 2 * HOUR, retention_ms=day), waiting(1, 5, 812, 21 * HOUR, retention_ms=day)
    found = rates([measured(0, 0, 0, later, sooner, waiting(2, 5, 1, HOUR), waiting(3, 5, 1, retention_ms=day))])
    assert found.leaving == [LeavesRetention(LISTNING_COMMAND, 1, 812, 3 * 3_600)]


def test_what_is_kept_no_longer_may_go_at_any_moment() -> None:
    found = rates([measured(0, 0, 0, waiting(1, 5, 812, 2 * HOUR, retention_ms=HOUR))])
    assert found.leaving == [LeavesRetention(LISTNING_COMMAND, 1, 812, 0)]


def test_partitions_of_other_topics_do_not_count() -> None:
    found = of_commands(measured(0, 0, 0, waiting(1, 5, 0, HOUR, topic=VARDVAL_LISTING)))
    assert (found.oldest_seconds, found.worst) == (None, None)


def test_the_document_is_that_of_lag_with_more() -> None:
    before = measured(0)
    last = measured(4, 6, 12, waiting(3, 42, 812, 7_200_000, retention_ms=5 * HOUR), behind={LISTNING_COMMAND: 14})
    document = rates([before, last]).as_json()
    assert document.items() >= last.lag.as_json().items()
    worst = {"partition": 3, "records": 42, "offset": 812}
    assert document["at"] == "2026-05-26T12:00:00Z"
    assert document["worst"] == {"topic": LISTNING_COMMAND, **worst}
    assert document["behind_open_transaction"][LISTNING_COMMAND] == 14
    assert document["topics"] == {
        KIV_STAFF: {
            "in_per_second": 0.0,
            "out_per_second": 0.0,
            "drained_in_seconds": 0.0,
            "oldest_seconds": None,
            "worst": None,
            "leaves_retention": None,
        },
        LISTNING_COMMAND: {
            "in_per_second": 1.5,
            "out_per_second": 3.0,
            "drained_in_seconds": 28.0,
            "oldest_seconds": 7_200.0,
            "worst": worst,
            "leaves_retention": {"partition": 3, "offset": 812, "in_seconds": 10_800.0},
        },
    }
