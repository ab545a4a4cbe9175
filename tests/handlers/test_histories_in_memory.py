"""Random histories, decided in memory and by the model: everything heard is the same.

The same histories run against whole installations in tests/system; here there are more of them in a second.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.harness.compare import differences, outcome_differences
from tests.harness.histories import World as History
from tests.harness.in_memory import SETTINGS, InMemory
from tests.harness.observed import distributions, from_model
from tests.harness.records import Record
from tests.harness.seeds import seeds
from tests.model.model import Model

STEPS = 120


def differing(history: Iterable[Record]) -> list[str]:
    """Between what the product says of a history and what the model does."""
    product, sent = InMemory(), list(history)
    for record in sent:
        product.feed(record)
    changes_of = product.observed_in_the_end()
    model = Model(settings=SETTINGS, observed=distributions(changes_of, sent))
    for record in sent:
        model.feed(record)
    expected = from_model(model)
    return [*differences(expected, changes_of), *outcome_differences(expected.outcomes, changes_of.outcomes)]


@pytest.mark.parametrize("seed", seeds(*range(100, 120)))
def test_a_history_decided_in_memory_comes_out_as_the_model_says(seed: int) -> None:
    found = differing(record for step in History(seed).steps(STEPS) for record in step.records)
    assert not found, "\n".join(found[:20])
