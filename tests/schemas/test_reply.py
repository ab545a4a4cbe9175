"""The one answer to each command."""

from __future__ import annotations

import pytest

from schemas.reply import Counts, Reply, Unplaced
from tests.schemas.builders import REPLY_DATA, UNIT, to_json


def test_the_example_of_the_contract_comes_out_as_it_went_in_c2() -> None:
    assert Reply.model_validate_json(to_json(REPLY_DATA)).model_dump(mode="json") == REPLY_DATA


@pytest.mark.parametrize(
    "extra",
    [
        {"dry_run": True},
        {"counts": None, "faulty_rows": None},
        {"counts": REPLY_DATA["counts"] | {"unplaced": {"no_free_place": 3, "age_outside_limits": 1}}},
    ],
)
def test_every_shape_of_a_reply_comes_out_as_it_went_in(extra: dict[str, object]) -> None:
    data = REPLY_DATA | extra

    assert Reply.model_validate_json(to_json(data)).model_dump(mode="json") == data


def test_what_was_not_counted_and_not_tried_dry_is_left_out() -> None:
    counts = Counts(total=1, approved=1, faulty=0, updated=1)
    reply = Reply(
        command_id="1",
        command_type="distribute-patients",
        unit_hsa_id=UNIT,
        outcome="accepted",
        code="done",
        message="Klart.",
        counts=counts,
    )

    dumped = reply.model_dump(mode="json")

    assert "dry_run" not in dumped
    assert dumped["counts"] == {"total": 1, "approved": 1, "faulty": 0, "updated": 1}
    placed = counts.model_copy(update={"unplaced": Unplaced(no_free_place=0, age_outside_limits=2)})
    assert placed.model_dump(mode="json")["unplaced"] == {"no_free_place": 0, "age_outside_limits": 2}
