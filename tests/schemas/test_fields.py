"""What every message shares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.fields import Count, Flag, Int64, Many, Wire, instant


class Example(Wire):
    number: Int64 = 0
    count: Count = 0
    flag: Flag = False
    many: Many[str] = ()


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 5, 26, 9, 13, 5, tzinfo=UTC), "2026-05-26T09:13:05Z"),
        (datetime(2026, 5, 26, 9, 13, 5, 120, tzinfo=UTC), "2026-05-26T09:13:05.000120Z"),
        (datetime(2026, 5, 26, 0, 30, tzinfo=timezone(timedelta(hours=2))), "2026-05-25T22:30:00Z"),
    ],
)
def test_an_instant_is_written_in_utc_with_z(at: datetime, text: str) -> None:
    assert instant(at) == text


def test_integers_are_64_bit() -> None:
    ends = Example.model_validate_json('{"number": -9223372036854775808, "count": 9223372036854775807}')

    assert (ends.number, ends.count) == (-(2**63), 2**63 - 1)


@pytest.mark.parametrize(
    "text",
    [
        '{"number": 9223372036854775808}',
        '{"number": -9223372036854775809}',
        '{"number": 1e3}',
        '{"number": 5.0}',
        '{"number": "5"}',
        '{"number": true}',
        '{"number": null}',
        '{"count": -1}',
        '{"flag": 0}',
        '{"flag": "false"}',
        '{"many": "LK"}',
        '{"many": {"0": "LK"}}',
        '{"many": [1]}',
        '{"many": [null]}',
    ],
)
def test_nothing_is_coerced(text: str) -> None:
    with pytest.raises(ValidationError):
        Example.model_validate_json(text)


def test_null_is_the_default_where_that_is_harmless() -> None:
    assert Example.model_validate_json('{"flag": null, "many": null}') == Example()


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        setattr(Example(), "number", 1)  # noqa: B010  # the type checker knows it is refused


def test_a_list_in_python_becomes_a_tuple() -> None:
    assert TypeAdapter(Many[str]).validate_python(["LK"]) == ("LK",)
    assert Example.model_validate({"many": ["LK"]}).many == ("LK",)
