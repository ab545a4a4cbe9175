"""The names and labels of every metric, as alerts and dashboards know them (operating.md, Metrics)."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from infra import metrics

PAGE = Path(__file__).parents[2] / "docs/operating.md"
_LISTED = re.compile(r"`(fastlakare_[a-z_]+)(?:\{([a-z,]+)\})?`")


def defined() -> dict[str, tuple[str, ...]]:
    """Each metric's name as Prometheus stores it, without a histogram's endings, and its labels."""
    found = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    return {metric._name + ("_total" if metric._type == "counter" else ""): metric._labelnames for metric in found}


def test_the_operators_page_lists_every_metric_with_its_labels_and_no_other() -> None:
    rows = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `fast")]
    listed = {name: tuple(filter(None, labels.split(","))) for row in rows for name, labels in _LISTED.findall(row)}
    assert listed == defined()


def test_the_operators_page_names_no_metric_that_is_not_there() -> None:
    named = re.findall(r"\bfastlakare_[a-z_]+", PAGE.read_text(encoding="utf-8"))
    known = {name + ending for name in defined() for ending in ("", "_bucket", "_sum", "_count")}
    assert {name for name in named if name not in known} == set()
