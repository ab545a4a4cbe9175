"""The check of what is published finds what is not promised."""

from __future__ import annotations

import orjson
import pytest

from tests.harness.published import require_promised
from tests.schemas.builders import EXAMPLES

CHANGES = "se.vgregion.1177.fast-lakarkontakt.v1"
TOPIC, DATA = EXAMPLES[CHANGES]


def test_a_record_as_promised_passes() -> None:
    require_promised(TOPIC, orjson.dumps(DATA), [("ce_type", CHANGES.encode())])


@pytest.mark.parametrize("broken", [{"change": "moved"}, {"revision": 0}, {"start": "today"}, {"doctor": None}])
def test_a_record_that_breaks_the_schema_fails(broken: dict[str, object]) -> None:
    with pytest.raises(AssertionError, match=TOPIC):
        require_promised(TOPIC, orjson.dumps(DATA | broken), [("ce_type", CHANGES.encode())])


def test_a_record_of_another_type_fails() -> None:
    with pytest.raises(AssertionError, match="no message of the topic"):
        require_promised(TOPIC, b"{}", [("ce_type", b"se.vgregion.kiv.staff.v1")])


def test_null_is_a_withdrawal_and_nothing_else() -> None:
    require_promised(TOPIC, None, [("ce_type", b"se.vgregion.1177.fast-lakarkontakt-withdrawn.v1")])
    with pytest.raises(AssertionError):
        require_promised(TOPIC, None, [("ce_type", CHANGES.encode())])
