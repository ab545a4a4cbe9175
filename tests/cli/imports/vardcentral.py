"""A vårdcentral at a running service, and `fastlakare import` as its staff run it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from tests.harness.installation import ROOT, Installation, personnummer_in
from tests.harness.records import CHANGES, REPLY, Record, Sender, choice, employment
from tests.harness.topics import Topics
from tests.model.ids import personnummer

_units, _people = count(1), count(1)


class Done(NamedTuple):
    """What a run left behind."""

    status: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        return json.loads(self.stdout)


def born() -> Iterator[str]:
    """Patients that no other test has."""
    for number in _people:
        yield personnummer(f"{date(1940, 1, 1) + timedelta(days=number):%Y%m%d}", 238)


@dataclass
class Vardcentral:
    """One with a doctor who is active, and `listed` patients."""

    installation: Installation
    topics: Topics
    listed: int
    patients: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        number = next(_units)
        self.unit, self.doctor = f"SE2321000131-V{number:03}", f"SE2321000131-L{number:03}"
        self.sender = Sender(datetime(2026, 5, 26, 8, tzinfo=UTC), source=f"vc-{number}")
        one = born()
        self.patients = [next(one) for _ in range(self.listed)]
        self.strangers = [next(one) for _ in range(3)]
        for records in (
            [self.sender.day("2026-05-26")],
            [self.sender.unit(self.unit, 1)],
            [self.sender.staff(self.doctor, 1, employments=[employment(self.unit)])],
            [self.sender.listing(who, 1, who, current=choice(self.unit, "2026-01-01")) for who in self.patients],
        ):
            self.tell(records)
        self.activate(self.doctor)

    def tell(self, records: Sequence[Record]) -> None:
        """Says it, and waits until the service has taken it in."""
        self.topics.publish(records)
        self.installation.settle()

    def activate(self, doctor: str) -> None:
        """The doctor may have patients."""
        self.tell([self.sender.command("activate-doctor", self.unit, doctor_hsa_id=doctor)])

    def file(self, path: Path, patients: Sequence[str], doctor: str | None = None) -> Path:
        """A file as Swedish Excel writes it."""
        rows = [f"{one[2:8]}-{one[8:]};{self.unit};{doctor or self.doctor};2026-05-20" for one in patients]
        path.write_bytes("\r\n".join(["Personnummer;Enhet;Läkare;Datum", *rows, ""]).encode("cp1252"))
        return path

    def run(self, file: Path, *more: str, role: str = "VC-chef", **variables: str) -> Done:
        """Runs `fastlakare import` to its end."""
        who = ("--unit", self.unit, "--actor", "annsv4", "--role", role)
        words = self.installation.command("import", str(file), *who, *more)
        environment = self.installation.environment() | variables
        ran = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        everyone = [*self.patients, *self.strangers]
        assert personnummer_in([("stdout", ran.stdout), ("stderr", ran.stderr)], everyone[:50]) == []
        return Done(ran.returncode, ran.stdout, ran.stderr)

    def announced(self) -> int:
        """How many changes 1177 has heard of this vårdcentral's patients."""
        return len(self.events())

    def events(self) -> list[dict[str, Any]]:
        """Those changes."""
        self.installation.settle()
        events = [
            json.loads(record.value) for record in self.topics.collect() if record.topic == CHANGES and record.value
        ]
        return [event for event in events if event["unit"]["hsa_id"] == self.unit]

    def answers(self) -> list[dict[str, Any]]:
        """The replies to its imports."""
        self.installation.settle()
        replies = [json.loads(record.value or b"") for record in self.topics.collect() if record.topic == REPLY]
        return [one for one in replies if (one["unit_hsa_id"], one["command_type"]) == (self.unit, "import-links")]
