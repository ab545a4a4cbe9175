"""What should have been heard against what was, event by event."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.harness.observed import Observed
from tests.harness.records import CHANGES, REPLY, Record, header


@dataclass
class DeliveryReport:
    """Counts of 1177's events and of replies: `expected` by the model, `heard`, and what is wrong with them."""

    expected: int = 0
    received: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every one was heard once and in order."""
        return (self.expected, self.lost, self.doubled, self.out_of_order) == (self.received, 0, 0, 0)


def check(expected: Observed, received: Sequence[Record]) -> DeliveryReport:
    """Every event has an id (P4, C2), so each is looked for by itself; the order is that of a patient's revisions."""
    due: Counter[str] = Counter()
    for key, events in expected.events.items():
        due.update(f"{key}/{revision}" for revision in range(1, len(events) + 1))
    for reply, answers in expected.replies.items():
        due[reply] += len(answers)
    ids, revisions = Counter[str](), defaultdict[str, list[int]](list)
    for record in received:
        if record.topic in (CHANGES, REPLY):
            ids[header(record.headers, "ce_id") or "?"] += 1
        if record.topic == CHANGES:
            key, _, revision = (header(record.headers, "ce_id") or "?/0").rpartition("/")
            revisions[key].append(int(revision))
    turned = sum(later <= earlier for numbers in revisions.values() for earlier, later in pairwise(numbers))
    return DeliveryReport(due.total(), ids.total(), (due - ids).total(), (ids - due).total(), turned)
