"""What Prometheus is told of the process; labels are topic names of the contract and fixed words, never data (D1)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]

_EPOCH = date(1970, 1, 1)

records = Counter("fastlakare_records", "Records read, by what came of them.", ["topic", "outcome"])
batch_seconds = Histogram(
    "fastlakare_batch_seconds",
    "Time of a batch's transaction, the attempt that succeeded; of a day, all that it caused.",
    ["topic"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
batch_records = Histogram(
    "fastlakare_batch_records",
    "Records in one batch.",
    ["topic"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
)
retries = Counter("fastlakare_retries", "Attempts that failed for a is_transient reason and were made again.", ["part"])
relay_published = Counter("fastlakare_relay_published", "Records that Kafka has acknowledged.", ["topic"])
relay_round_seconds = Histogram(
    "fastlakare_relay_round_seconds",
    "Time of one Kafka transaction of the relay.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
relay_leader = Gauge("fastlakare_relay_leader", "1 while this process publishes, 0 while it stands by.")
outbox = Gauge("fastlakare_outbox", "Events written but not yet acknowledged by Kafka.")
figures = Gauge("fastlakare_figures", "Doctors whose figures wait to be published.")
working = Gauge("fastlakare_working", "1 while a day's chunks are still being worked off.")
day = Gauge("fastlakare_day", "The last day that began (T1), in days since 1970-01-01.")
lag = Gauge("fastlakare_lag", "Records of an input topic not yet handled.", ["topic"])
ready = Gauge("fastlakare_ready", "1 while /readyz answers 200.")


def begin(topic: str, outcomes: Iterable[str]) -> None:
    """Puts every counter of an input topic at 0: Prometheus sees no increase in one that is born at 1."""
    for outcome in outcomes:
        records.labels(topic, outcome)
    retries.labels(topic)


def set_day(value: date) -> None:
    """Tells which day it is to the system."""
    day.set((value - _EPOCH).days)
