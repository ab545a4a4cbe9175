"""The check of what is published finds what is not promised."""

from __future__ import annotations

import orjson
import pytest

from tests.harness.published import require_promised
from tests.schemas.builders import EXAMPLES, headers

CHANGES = "se.vgregion.1177.fast-lakarkontakt.v1"
TOPIC, DATA = EXAMPLES[CHANGES]


def test_a_record_as_promised_passes() -> None:
    require_promised(TOPIC, orjson.dumps(DATA), headers(CHANGES))


@pytest.mark.parametrize("broken", [{"change": "moved"}, {"revision": 0}, {"start": "today"}, {"doctor": None}])
def test_a_record_that_breaks_the_schema_fails(broken: dict[str, object]) -> None:
    with pytest.raises(AssertionError, match=TOPIC):
        require_promised(TOPIC, orjson.dumps(DATA | broken), headers(CHANGES))


def test_a_record_of_another_type_fails() -> None:
    with pytest.raises(AssertionError, match="no message of the topic"):
        require_promised(TOPIC, b"{}", headers("se.vgregion.kiv.staff.v1"))


def test_null_is_a_withdrawal_and_nothing_else() -> None:
    require_promised(TOPIC, None, headers(CHANGES.replace(".v1", "-withdrawn.v1")))
    with pytest.raises(AssertionError):
        require_promised(TOPIC, None, headers(CHANGES))


@pytest.mark.parametrize("broken", [{"ce_id": b""}, {"ce_specversion": b"0.3"}, {"content_type": None}])
def test_headers_that_break_the_schema_fail(broken: dict[str, bytes | None]) -> None:
    kept = [(name, value) for name, value in headers(CHANGES, **broken) if value is not None]
    with pytest.raises(AssertionError, match=TOPIC):
        require_promised(TOPIC, orjson.dumps(DATA), kept)


def test_a_dead_letter_says_where_it_stood_and_why() -> None:
    own = {
        "topic": b"t",
        "partition": b"0",
        "offset": b"7",
        "code": b"invalid_json",
        "detail": b"value: should be JSON",
    }
    own |= {"at": b"2026-05-26T09:13:05Z", "attempts": b"1", "timestamp": b"-1", "release": b"1.0.0"}
    sound = [("ce_id", b"\xff"), ("x", None), *((f"dlq_{name}", value) for name, value in own.items())]
    require_promised("kiv.staff.v1.dlq", b"{", sound)
    with pytest.raises(AssertionError, match="dlq_detail"):
        require_promised("kiv.staff.v1.dlq", b"{", [one for one in sound if one[0] != "dlq_detail"])
    with pytest.raises(AssertionError, match="dlq_code"):
        require_promised("kiv.staff.v1.dlq", b"{", [*sound, ("dlq_code", b"because")])
