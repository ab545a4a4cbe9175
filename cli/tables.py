"""Tables on the terminal, for people; scripts take `--json`."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from infra.kafka.topic_comparison import Comparison
from infra.kafka.topics import TopicSpec
from workers.operations.check_event import Verdict
from workers.operations.lag import Lag
from workers.operations.verification.report import Report

_PIPE_WIDTH = 300  # a pipe has no width: nothing is folded for it


def topics(wanted: Iterable[TopicSpec]) -> None:
    """Prints the topics an installation needs; settings that are not asked for are the broker's."""
    table = _table("topic", "direction", "partitions", "settings", "rights", "key")
    for topic in wanted:
        settings = " ".join(f"{name}={value}" for name, value in topic.configs.items())
        table.add_row(topic.name, topic.direction, str(topic.partitions), settings, ", ".join(topic.rights), topic.key)
    _print(table)


def comparison(compared: Comparison) -> None:
    """Prints what is not as it should be, then what only a cluster to try things on may be like."""
    table = _table("name", "what", "wanted", "found")
    for found in compared.differences:
        table.add_row(found.name, found.what, found.wanted, found.found or "-")
    for found in compared.warnings:
        table.add_row(found.name, f"warning: {found.what}", found.wanted, found.found or "-")
    if table.row_count:
        _print(table)
    if not compared.differences:
        print("all topics are as they should be" + (", but for the warnings" if compared.warnings else ""))


def lag(lag: Lag) -> None:
    """Prints how far behind the installation is."""
    table = _table("what", "waiting")
    for topic, count in lag.inputs.items():
        table.add_row(topic, str(count))
    for topic, count in lag.behind_open_transaction.items():
        if count:
            table.add_row(f"{topic}, of these behind an open transaction of its senders", str(count))
    table.add_row("outbox (events)", str(lag.outbox))
    table.add_row("figures (doctors)", str(lag.figures))
    table.add_row("day's own work", "yes" if lag.working else "no")
    table.add_row("day", lag.day.isoformat() if lag.day else "none yet")
    _print(table)


def verification(report: Report) -> None:
    """Prints what each check compared and found, then the differences."""
    table = _table("check", "compared", "differences")
    for name, result in report.checks.items():
        table.add_row(name, str(result.compared), str(result.differences))
    _print(table)
    if report.differences:
        table = _table("check", "key", "what")
        for found in report.differences:
            table.add_row(*found)
        _print(table)
    if (left := report.total - len(report.differences)) > 0:
        print(f"... and {left} more")


def rows(names: Iterable[str], found: Iterable[Iterable[object]]) -> None:
    """Prints rows under these names."""
    table = _table(*names)
    for row in found:
        table.add_row(*map(escape, map(str, row)))
    _print(table)


def verdicts(found: Iterable[Verdict]) -> None:
    """Prints what is said to each record, each fault on a line of its own, and how many are not ok."""
    found = list(found)
    table = _table("line", "topic", "said", "field and rule")
    for verdict in found:
        faults = (verdict.detail or "").replace("; ", "\n")
        table.add_row(str(verdict.line), verdict.topic, verdict.code, Text(faults))
    if found:
        _print(table)
    bad = sum(not verdict.ok for verdict in found)
    Console(highlight=False).print(f"{len(found)} records, {bad or 'none'} of them not ok")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print(table: Table) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    console.print(table)
