"""How many seeds a test of random histories takes."""

from __future__ import annotations

import os


def seeds(*few: int) -> list[int]:
    """The seeds of a test: these few, or as many as FASTLAKARE_TEST_SEEDS says (`200`, or `1000-1200`)."""
    text = os.environ.get("FASTLAKARE_TEST_SEEDS")
    if not text:
        return list(few)
    first, _, last = text.partition("-")
    return list(range(int(first), int(last))) if last else list(range(int(first)))
