"""When a release is stopped instead of draining a topic into its DLQ."""

from __future__ import annotations

import pytest

from infra.errors import DeadLetterLimitExceeded
from workers.pipeline.dead_letters import DeadLetterLimit


@pytest.mark.parametrize(("failed", "handled", "stops"), [(20, 0, False), (21, 0, True), (20, 1_000, False)])
def test_a_release_is_stopped_when_too_much_of_the_last_fails(failed: int, handled: int, stops: bool) -> None:
    limit = DeadLetterLimit()
    for _ in range(failed - 1):
        limit.failed()
    limit.handled(handled)
    if stops:
        with pytest.raises(DeadLetterLimitExceeded):
            limit.failed()
    else:
        limit.failed()


def test_what_failed_long_ago_is_forgotten() -> None:
    limit = DeadLetterLimit()
    for _ in range(20):
        limit.failed()
    limit.handled(999)
    limit.failed()
    for _ in range(19):
        limit.failed()
    with pytest.raises(DeadLetterLimitExceeded):
        limit.failed()
