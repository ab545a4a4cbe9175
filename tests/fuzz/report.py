"""What became of the records of a run, held against what the contract says must become of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from schemas.envelope import Record
from schemas.errors import DeadLetterCode
from tests.fuzz.findings import Findings
from tests.fuzz.stream import FuzzedRecord


@dataclass
class Report:
    """What became of the records."""

    seed: int
    records: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    bends: Counter[str] = field(default_factory=Counter)
    findings: Findings = field(default_factory=Findings)

    def judge(self, record: FuzzedRecord, became: str, detail: str | None, where: str) -> None:
        """Notes what became of a record (`read`, or the code of its dead letter), and whether it had to."""
        for bend in record.bends:
            self.bends[bend.name] += 1
        self.codes[became] += 1
        expected = record.expected
        if expected is None or became in expected or became == DeadLetterCode.HANDLER_FAILED:
            return
        what = record.bends[0].name if record.bends else f"sound ({detail})"
        self.findings.add(f"{record.topic}: {min(expected)} expected, became {became}: {what}", record, where)


def size(record: Record) -> int:
    """Bytes of a record: key, value and headers."""
    headers = sum(len(name.encode()) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers
