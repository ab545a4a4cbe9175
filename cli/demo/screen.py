"""How the story looks on a terminal, and as plain text where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from cli.demo.listener import Event

_WIDTH = 116
_SHOWN = 3
_KEY_LETTERS = 6
_LABEL = 6
_CHANGES = {
    "assigned": "green", "replaced": "cyan", "redated": "cyan", "renamed": "yellow", "rekeyed": "yellow",
    "ended": "red", "withdrawn": "magenta",
}  # fmt: skip


class Waiting(Protocol):
    """The line that changes while one waits."""

    def update(self, status: str) -> None:
        """Puts a new text there."""


class Screen:
    """Prints acts: what went in, what 1177 hears, what it came to."""

    def __init__(self, console: Console | None = None) -> None:
        found = console or Console(highlight=False)
        if not found.is_terminal or found.width > _WIDTH:
            found = Console(highlight=False, width=_WIDTH, file=found.file)
        self.console = found
        self._act = 0

    def title(self, text: str, *below: str) -> None:
        """The very first lines."""
        self.console.print(
            Panel(escape("\n".join(below)), title=f"[bold]{escape(text)}[/]", border_style="blue", padding=(0, 2))
        )

    def act(self, title: str) -> None:
        """A new act begins."""
        self._act += 1
        self.console.print()
        self.console.print(Rule(f"[bold]{self._act}  {escape(title)}[/]", align="left", style="blue"))

    def into(self, *lines: str) -> None:
        """What went in, or what happened outside."""
        for line in lines:
            self._line("[cyan]in →[/]", escape(line))

    def out(self, *lines: str) -> None:
        """What came out elsewhere than at 1177."""
        for line in lines:
            self._line("[green]out ←[/]", escape(line))

    def verbatim(self, lines: Iterable[str]) -> None:
        """What a command printed, line by line, the ends cut off where they do not fit."""
        for line in lines:
            # no grid: one that is too wide would cut the label as well
            text = Text.assemble((f"{'out ←':>{_LABEL}}", "green"), "  ", line)
            text.truncate(self.console.width, overflow="ellipsis")
            self.console.print(text)

    def note(self, line: str) -> None:
        """What a reader should notice."""
        self._line("", f"[dim]{escape(line)}[/]")

    def show_events(self, events: Sequence[Event]) -> None:
        """A few of the events: one of each kind, then some from all over."""
        if not events:
            self._line("[green]1177 ←[/]", "nothing, as it should be")
            return
        shown = _of_each_kind(events)
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        for name in ("patient", "change", "reason", "doctor", "vårdcentral", "from", "to", "rev."):
            table.add_column(name, no_wrap=True, justify="right" if name == "rev." else "left")
        for event in shown:
            table.add_row(*_row(event))
        more = len(events) - len(shown)
        word = "events" if len(events) > 1 else "event"
        self._line("[green]1177 ←[/]", f"[bold]{number(len(events))}[/] {word}{', such as' if more else ''}")
        self._indented(table)

    def counts(self, counts: Mapping[str, str]) -> None:
        """The figures after an act."""
        self._line("", "   ".join(f"[dim]{name}[/] {escape(text)}" for name, text in counts.items()))

    def figures(self, rows: Iterable[tuple[str, str]]) -> None:
        """Names and numbers below each other."""
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column()
        table.add_column(justify="right", style="bold")
        for name, text in rows:
            table.add_row(escape(name), escape(text))
        self._indented(table)

    def verdict(self, good: bool, text: str) -> None:
        """The last word."""
        self.console.print()
        self.console.print(f"[bold {'green' if good else 'red'}]{'✔' if good else '✘'} {escape(text)}[/]")

    def _line(self, label: str, text: str) -> None:
        """A label and what belongs to it, which keeps to its own column where it is long."""
        grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
        grid.add_column(width=_LABEL, justify="right", no_wrap=True)
        grid.add_column()
        grid.add_row(label, text)
        self.console.print(grid)

    def _indented(self, table: Table) -> None:
        self.console.print(Padding(table, (0, 0, 0, _LABEL + 2), expand=False))

    def addresses(self, rows: Mapping[str, str]) -> None:
        """Where to reach what goes on."""
        self.console.print()
        for name, text in rows.items():
            self.console.print(f"  {name:10}[bold]{escape(text)}[/]", soft_wrap=True)

    @contextmanager
    def waiting(self, text: str) -> Iterator[Waiting]:
        """A line that lives while one waits; on something else than a terminal there is none."""
        if self.console.is_terminal:
            with self.console.status(text, spinner="dots") as status:
                yield status
        else:
            yield _Silence()


class _Silence:
    def update(self, status: str) -> None:
        """Nobody would see it change."""


def number(count: int) -> str:
    """With a space between thousands, as Swedes write it."""
    return f"{count:,}".replace(",", " ")


def short(key: str) -> str:
    """Enough of a patient key to tell one from another."""
    return f"{key[:_KEY_LETTERS]}…"


def _of_each_kind(events: Sequence[Event]) -> list[Event]:
    """At most `_SHOWN` of them: the first of each kind, then some from all over, in the order they came."""
    kinds: dict[tuple[str, object], int] = {}
    for place, event in enumerate(events):
        kinds.setdefault((_change(event), event.data and event.data["reason"]), place)
    spread = [place * (len(events) - 1) // _SHOWN for place in range(1, _SHOWN + 1)]
    chosen = list(dict.fromkeys([*kinds.values(), *spread, *range(min(_SHOWN, len(events)))]))[:_SHOWN]
    return [events[place] for place in sorted(chosen)]


def _change(event: Event) -> str:
    return "withdrawn" if event.data is None else str(event.data["change"])


def _row(event: Event) -> list[str]:
    change, data = _change(event), event.data
    coloured = f"[{_CHANGES[change]}]{change}[/]"
    if data is None:
        return [short(event.key), coloured, "null value: forget", "", "", "", "", str(event.revision)]
    return [
        short(event.key), coloured, str(data["reason"]), escape(_doctor(data["doctor"])),
        escape(data["unit"]["name"] or data["unit"]["hsa_id"]), data["start"], data["end"] or "", str(event.revision),
    ]  # fmt: skip


def _doctor(doctor: Mapping[str, Any]) -> str:
    return str(doctor["name"] or doctor["hsa_id"].rpartition("-")[2])
