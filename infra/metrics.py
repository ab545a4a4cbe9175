"""What Prometheus is told of the process; labels are topic names of the contract and fixed words, never data (D1)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]

_EPOCH = date(1970, 1, 1)

records = Counter("fastlakare_records", "Records read, by what came of them.", ["topic", "outcome"])
batch_seconds = Histogram(
    "fastlakare_batch_duration_seconds",
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
retries = Counter("fastlakare_batch_retries", "Attempts at a batch that failed for a transient reason.", ["topic"])
relay_published = Counter("fastlakare_relay_published", "Records that Kafka has acknowledged.", ["topic"])
relay_round_seconds = Histogram(
    "fastlakare_relay_transaction_duration_seconds",
    "Time of one Kafka transaction of the relay.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
relay_leader = Gauge("fastlakare_relay_leader", "1 while this process publishes, 0 while it stands by.")
outbox = Gauge("fastlakare_outbox_events", "Events written but not yet acknowledged by Kafka.")
stale_doctors = Gauge("fastlakare_stale_doctors", "Doctors whose figures wait to be published.")
day_in_progress = Gauge("fastlakare_day_turn_in_progress", "1 while a day's chunks are still being worked off.")
day = Gauge("fastlakare_day_timestamp_seconds", "The beginning (UTC) of the last day that began (T1).")
lag = Gauge("fastlakare_consumer_lag_records", "Records of an input topic not yet handled.", ["topic"])
behind_open_transaction = Gauge(
    "fastlakare_records_behind_open_transaction",
    "Of those, acknowledged records behind a transaction of their topic's senders that is still open.",
    ["topic"],
)
open_transaction_seconds = Gauge(
    "fastlakare_open_transaction_seconds",
    "How long this process has seen the oldest open transaction on an input topic.",
    ["topic"],
)
verify_differences = Gauge(
    "fastlakare_verify_differences", "Differences that the last verification found (VERIFY_EVERY)."
)
verify_last_success = Gauge(
    "fastlakare_verify_last_success_timestamp_seconds",
    "When a verification of this process came to its end last, whatever it found.",
)
ready = Gauge("fastlakare_ready", "1 while /readyz answers 200.")


def begin(topic: str, outcomes: Iterable[str]) -> None:
    """Puts every counter of an input topic at 0: Prometheus sees no increase in one that is born at 1."""
    for outcome in outcomes:
        records.labels(topic, outcome)
    retries.labels(topic)


def set_day(value: date) -> None:
    """Tells which day it is to the system."""
    day.set((value - _EPOCH).total_seconds())
