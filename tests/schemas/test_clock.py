"""The turn of a day."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from schemas.clock import DayBegan
from tests.schemas.builders import to_json


def test_a_day_that_began_is_read_and_written_t1() -> None:
    began = DayBegan.model_validate_json('{"day": "2026-05-27"}')

    assert began == DayBegan(day=date(2026, 5, 27))
    assert began.model_dump_json() == '{"day":"2026-05-27"}'


@pytest.mark.parametrize(
    "data", [{}, {"day": None}, {"day": 20260527}, {"day": "2026-5-27"}, {"day": "2026-05-27T00:00:00Z"}, {"day": "0"}]
)
def test_anything_but_a_day_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DayBegan.model_validate_json(to_json(data))
