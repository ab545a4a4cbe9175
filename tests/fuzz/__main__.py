"""`make fuzz`: records bent in every way, as many as you like, and what became of them (docs/testing.md)."""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status
from rich.table import Table

from infra.postgres.migrations import upgrade
from tests.fuzz import in_memory
from tests.fuzz.report import Report
from tests.fuzz.service import Service
from tests.harness.installation import Installation
from tests.harness.kafka import Kafka
from tests.harness.postgres import FAST, LogNamesPatients, started_postgres

_IN_MEMORY, _THROUGH_SERVICE = 1_000_000, 50_000
_MOST_KINDS = 60


def main(
    records: Annotated[
        int | None, typer.Option(min=1, help="How many; 1000000 in memory, 50000 through the service.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the records; drawn when it is left out.")] = None,
    service: Annotated[bool, typer.Option("--service", help="Through a running service instead of in memory.")] = False,
    keep: Annotated[Path | None, typer.Option(help="An empty folder for what the service writes; it stays.")] = None,
) -> None:
    """Sends records that are made out of the schemas, sound ones and such as are bent in every way, through reading and
    deciding in memory, or with --service through a running service on real Kafka and PostgreSQL.

    Each must end in exactly one outcome, in the one that the contract promises where it promises one; nothing may be
    raised that nobody foresaw; and everything that comes out must be as AsyncAPI promises, small, and free of
    personnummer. The same seed gives the same records. Ends with 1 where anything is found.
    """
    drawn = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    report = Report(drawn)
    with Console(stderr=True).status(f"seed {drawn}") as status:
        if service:
            with tempfile.TemporaryDirectory(prefix="fastlakare-fuzz-") as temporary:
                _through_service(report, records or _THROUGH_SERVICE, keep or Path(temporary), status)
        else:
            for report in in_memory.run(drawn, records or _IN_MEMORY):
                _tell(status, report, records or _IN_MEMORY)
    _show(report)
    sys.exit(bool(report.findings.counts))


def _through_service(report: Report, records: int, folder: Path, status: Status) -> None:
    try:
        with _started(folder) as installation:
            service = Service(installation, report)
            service.run(records, lambda: _tell(status, report, records))
            for why, number in service.refused().most_common(10):
                text = f"{number} refused by the broker or its client: {why}"
                status.console.print(text, markup=False, highlight=False)
    except LogNamesPatients as error:
        report.findings.add("a personnummer in PostgreSQL's log", where=str(error)[:300])


@contextmanager
def _started(folder: Path) -> Iterator[Installation]:
    """Servers and one process. Raises LogNamesPatients (D1)."""
    with ExitStack() as stack:
        postgres = stack.enter_context(started_postgres(folder / "postgres", FAST))
        kafka = Kafka(folder / "kafka")
        stack.callback(kafka.kill)
        kafka.start()
        upgrade(postgres.url())
        installation = Installation(kafka.bootstrap, postgres.url(), "fuzz.", folder)
        stack.callback(installation.stop)
        installation.prepare()
        installation.start(1)
        yield installation


def _tell(status: Status, report: Report, wanted: int) -> None:
    rate = report.records / report.seconds if report.seconds else 0.0
    found = f", {report.findings.counts.total()} found" if report.findings.counts else ""
    status.update(f"seed {report.seed}: {report.records} of {wanted} records, {rate:.0f}/s{found}")


def _show(report: Report) -> None:
    rate = report.records / report.seconds if report.seconds else 0.0
    table = Table("what", "how many", title=f"seed {report.seed}: {report.seconds:.0f} s, {rate:.0f} records/s")
    table.add_row("records", f"{report.records}")
    table.add_row("ways they were bent", f"{len(report.bends)}")
    for counts, what in ((report.outcomes, "outcome"), (report.codes, "became"), (report.events, "events on")):
        table.add_section()
        for name, number in sorted(counts.items()):
            table.add_row(f"{what} {name}", f"{number}")
    table.add_section()
    table.add_row("kinds of faults found", f"{len(report.findings.counts)}")
    console = Console()
    console.print(table)
    for line in report.findings.lines()[:_MOST_KINDS]:
        console.print(f"- {line}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
