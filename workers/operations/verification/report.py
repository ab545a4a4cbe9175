"""What a verification found, and what it stands for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from infra.logs import masked
from infra.postgres.verification import Snapshot

#: of each check so many differences are told one by one; all are counted
MOST_TOLD = 1_000


class Difference(NamedTuple):
    """One key of which a check found other than it must be. Neither holds a personnummer: `difference` makes them."""

    check: str
    key: str
    what: str


def difference(check: str, key: str, what: str) -> Difference:
    """One with what strangers wrote into a topic masked (D1)."""
    return Difference(check, masked(key), masked(what))


@dataclass
class Result:
    """Of one check: how much was compared, and how many differences there are."""

    compared: int = 0
    differences: int = 0


@dataclass
class Report:
    """Of one verification; `differences` are the first of each check."""

    snapshot: Snapshot
    checks: dict[str, Result]
    differences: list[Difference] = field(default_factory=list)

    def compared(self, check: str, number: int) -> None:
        """So much more was compared."""
        self.checks[check].compared += number

    def add(self, found: Iterable[Difference]) -> None:
        """Counts them, and keeps the first."""
        for one in found:
            result = self.checks[one.check]
            result.differences += 1
            if result.differences <= MOST_TOLD:
                self.differences.append(one)

    @property
    def total(self) -> int:
        """All differences there are."""
        return sum(result.differences for result in self.checks.values())

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` prints (operations.md, V5)."""
        return {
            "checks": {
                name: {"compared": result.compared, "differences": result.differences}
                for name, result in self.checks.items()
            },
            "differences": [one._asdict() for one in self.differences],
            "verified_through": {
                "outbox": {f"{one.topic}/{one.partition}": one.last_seq for one in self.snapshot.outputs},
                "inputs": {f"{topic}/{number}": offset for (topic, number), offset in self.snapshot.inputs.items()},
            },
        }
