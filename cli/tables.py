"""Tables on the terminal, for people; scripts take `--json`."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from infra.kafka.topics import Drift, TopicSpec
from workers.operations.lag import Lag

_DAY_MS = 24 * 60 * 60 * 1000


def topics(wanted: Iterable[TopicSpec]) -> None:
    """Prints the topics an installation needs."""
    table = _table("topic", "direction", "partitions", "cleanup", "retention", "largest record", "rights", "key")
    for topic in wanted:
        table.add_row(
            topic.name,
            topic.direction,
            str(topic.partitions),
            topic.cleanup_policy,
            "broker's" if topic.retention_ms is None else f"{topic.retention_ms // _DAY_MS} d",
            "broker's" if topic.max_message_bytes is None else f"{topic.max_message_bytes // 2**20} MiB",
            ", ".join(topic.rights),
            topic.key,
        )
    _print(table)


def differences(found: Iterable[Drift]) -> None:
    """Prints what is not as it should be."""
    table = _table("name", "what", "wanted", "found")
    for difference in found:
        table.add_row(difference.name, difference.what, difference.wanted, difference.found or "-")
    _print(table)


def lag(lag: Lag) -> None:
    """Prints how far behind the installation is."""
    table = _table("what", "waiting")
    for topic, count in lag.inputs.items():
        table.add_row(topic, str(count))
    table.add_row("outbox (events)", str(lag.outbox))
    table.add_row("figures (doctors)", str(lag.figures))
    table.add_row("day's own work", "yes" if lag.working else "no")
    table.add_row("day", lag.day.isoformat() if lag.day else "none yet")
    _print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print(table: Table) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 200  # a pipe has no width: nothing is folded for it
    console.print(table)
