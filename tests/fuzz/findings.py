"""What a run found wrong, by kind, with the first example of each."""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.stream import FuzzedRecord

_ROOT = Path(__file__).parents[2]
_SHOWN = 300


@dataclass
class Findings:
    """`counts` by kind; `examples` the first record of each, and where in the run it was."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, record: FuzzedRecord | None = None, where: str = "") -> None:
        """One more of the kind."""
        self.counts[kind] += 1
        if kind not in self.examples:
            self.examples[kind] = f"{where} {'' if record is None else shown(record)}".strip()

    def lines(self) -> list[str]:
        """Every kind with its number and example, the most frequent first."""
        return [f"{number} x {kind}\n    {self.examples[kind]}" for kind, number in self.counts.most_common()]


def shown(record: FuzzedRecord) -> str:
    """The record in one line, long parts cut."""
    value = None if record.value is None else record.value[:_SHOWN]
    bends = [bend.name for bend in record.bends]
    content = f"key={record.key!r:.60} value={value!r} headers={record.headers!r:.400}"
    return f"{record.topic} #{record.offset} {bends} {content}"


def where_of(error: BaseException) -> str:
    """The exception's type and the last line of ours that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_ROOT) and ".venv" not in frame.filename]
    last = (ours or frames)[-1]
    path = Path(last.filename)
    name = path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path.name
    return f"{type(error).__name__} at {name}:{last.lineno} {last.name}"
