"""`make chaos`: faults for as long as you like, and a report of what was delivered (docs/testing.md)."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.chaos.supervisor import RECOVERY_SECONDS, Report, Supervisor, started_testbed


def main(
    minutes: Annotated[float, typer.Option(help="How long faults are injected; each round is finished.")] = 10.0,
    seed: Annotated[int | None, typer.Option(help="Of the faults and the history; drawn when it is left out.")] = None,
    keep: Annotated[Path | None, typer.Option(help="An empty folder for what the processes write; it stays.")] = None,
) -> None:
    """Runs three processes on real Kafka and PostgreSQL while a seeded history of all kinds of records and a load of
    vårdval and commands stream in. Meanwhile processes are killed, stopped and told to leave, broker and database
    crash, connections are reset and the network stands still.

    Afterwards everything heard is held against the rules' model. Ends with 1 where anything is lost, doubled, out of
    order or other than the model says, where a process ended by itself or did not recover in time, or where
    PostgreSQL's log names a patient.
    """
    drawn = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    console = Console(stderr=True)
    report = Report(drawn)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="fastlakare-chaos-") as temporary,
            started_testbed(keep or Path(temporary)) as ready,
            console.status(f"seed {drawn}") as status,
        ):
            supervisor = Supervisor(ready, drawn, lambda text: status.update(f"seed {drawn}: {text}"))
            report = supervisor.report
            supervisor.run(minutes * 60)
            supervisor.judge()
    except AssertionError as error:
        report.faults.append(str(error))
    _show(report)
    sys.exit(bool(report.faults) or not report.delivery.balanced)


def _show(report: Report) -> None:
    table = Table("what", "how many", title=f"a run of {report.seconds:.0f} s, seed {report.seed}")
    table.add_row("rounds of sending, faults and recovery", f"{report.rounds}")
    for topic, number in sorted(report.sent.items()):
        table.add_row(f"sent to {topic}", f"{number}")
    table.add_section()
    for fault, number in sorted(report.injected.items()):
        table.add_row(fault, f"{number}")
    table.add_section()
    delivery = report.delivery
    table.add_row("1177's events and replies the rules ask for", f"{delivery.expected}")
    table.add_row("heard", f"{delivery.received}")
    for what, number in (
        ("lost", delivery.lost),
        ("doubled", delivery.doubled),
        ("out of order", delivery.out_of_order),
    ):
        table.add_row(what, f"{number}")
    table.add_section()
    table.add_row("other differences from the rules' model", f"{len(report.faults)}")
    if report.recoveries:
        worst = f"{median(report.recoveries):.1f} s, {max(report.recoveries):.1f} s (of {RECOVERY_SECONDS:.0f} s)"
        table.add_row("all recovered to all answered: median, worst", worst)
    console = Console()
    console.print(table)
    for fault in report.faults[:20]:
        console.print(f"- {fault}", markup=False, highlight=False)


if __name__ == "__main__":
    typer.run(main)
