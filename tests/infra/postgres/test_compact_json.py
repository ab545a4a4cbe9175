"""JSON that is kept takes the memory it needs."""

from __future__ import annotations

import tracemalloc

import orjson

from infra.postgres.outbox import compact_json

_VALUE = {"patient_id": "199006022397", "doctor": {"name": "Åsa Berg"}, "text": "x" * 300}


def test_it_says_the_same() -> None:
    assert orjson.loads(compact_json(_VALUE)) == _VALUE


def test_ten_thousand_texts_of_400_bytes_take_about_four_megabytes() -> None:
    tracemalloc.start()
    try:
        kept = [compact_json(_VALUE) for _ in range(10_000)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(kept[0]) < 450
    assert taken < 6e6
