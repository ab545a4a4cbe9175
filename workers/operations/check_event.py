"""What the service says to records before anybody sends them: whether each is understood, in the words of its dead
letter (contract.md, Dead letters)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from schemas.errors import Undecodable
from schemas.read import read
from schemas.record_lines import LineRecord, UnreadableLine, from_line
from schemas.topics import TOPICS

OK = "ok"
#: the topics that are read
_INPUTS = frozenset(topic.name for topic in TOPICS if topic.direction == "in")


class Verdict(NamedTuple):
    """What is said to the record of a line, counted from 1: `code` is `ok` or a `dlq_code`, then with its
    `dlq_detail`."""

    line: int
    topic: str
    code: str
    detail: str | None

    @property
    def ok(self) -> bool:
        """Whether the record is understood."""
        return self.code == OK


def records(lines: Iterable[bytes]) -> Iterator[tuple[int, LineRecord]]:
    """The records of a file's lines with the number of each line; empty lines are none. Raises UnreadableLine, which
    names the line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = from_line(line)
            if record.topic not in _INPUTS:
                raise UnreadableLine("topic: should be an input topic of the contract, without prefix")
        except UnreadableLine as error:
            raise UnreadableLine(f"line {number}: {error}") from None
        yield number, record


def check(lines: Iterable[bytes]) -> list[Verdict]:
    """What is said to each of a file's records. Raises UnreadableLine."""
    return [_verdict(number, record) for number, record in records(lines)]


def as_json(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """What `fastlakare check-event --json` prints."""
    said = [verdict._asdict() for verdict in verdicts]
    ok = sum(one["code"] == OK for one in said)
    return {"ok": ok, "not_ok": len(said) - ok, "records": said}


def _verdict(number: int, record: LineRecord) -> Verdict:
    try:
        read(record.topic, record)
    except Undecodable as error:
        return Verdict(number, record.topic, str(error.reason.code), error.reason.detail)
    return Verdict(number, record.topic, OK, None)
