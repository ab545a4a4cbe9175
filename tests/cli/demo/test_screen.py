"""What the demo prints: plain text without control codes where there is no terminal, and keys that are shortened."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cli.demo.listener import Event
from cli.demo.screen import Screen, number

KEY = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def screen(out: io.StringIO) -> Screen:
    return Screen(Console(file=out))


def linked(number: int, reason: str = "imported") -> Event:
    data = {
        "patient_id": "191212121212", "change": "assigned", "reason": reason,
        "doctor": {"hsa_id": "", "name": "Anna Ek"}, "unit": {"hsa_id": "", "name": "Vårdcentralen [Majorna]"},
        "start": "2026-05-26", "end": None,
    }  # fmt: skip
    return Event(f"{number:02}{KEY}"[:26], 1, data)


def test_patients_are_named_by_the_first_letters_of_their_key(screen: Screen, out: io.StringIO) -> None:
    screen.show_events([linked(1)])
    assert "01abcd…" in out.getvalue()
    assert "01abcde" not in out.getvalue()
    assert "1912" not in out.getvalue()


def test_of_many_events_a_few_are_shown_with_one_of_each_kind(screen: Screen, out: io.StringIO) -> None:
    screen.show_events([*map(linked, range(50)), linked(50, "moved"), Event(KEY, 7, None)])
    printed = out.getvalue()
    assert "52 events" in printed
    assert printed.count("…") == 3
    assert all(word in printed for word in ("imported", "moved", "withdrawn"))


def test_what_is_no_terminal_gets_no_control_codes(screen: Screen, out: io.StringIO) -> None:
    screen.title("fast läkarkontakt", "[in →] is what goes in")
    screen.act("An act [of many]")
    screen.into("KiV: something")
    screen.show_events([linked(1)])
    with screen.waiting("waiting") as line:
        line.update("still waiting")
    screen.verdict(True, "all is well")
    printed = out.getvalue()
    assert "\x1b" not in printed
    assert "waiting" not in printed
    assert all(
        text in printed for text in ("[in →]", "An act [of many]", "KiV: something", "[Majorna]", "✔ all is well")
    )


def test_thousands_are_set_apart() -> None:
    assert number(1_234_567) == "1 234 567"


def test_what_a_command_printed_is_cut_at_its_end_and_never_at_its_label(screen: Screen, out: io.StringIO) -> None:
    screen.verbatim([" Antal  Fel", "x" * 200, "[rad] 1"])
    lines = out.getvalue().splitlines()
    assert [line[:8] for line in lines] == [" out ←  "] * 3
    assert lines[0].endswith(" Antal  Fel")
    assert lines[2].endswith("[rad] 1")
    assert (len(lines[1]), lines[1][-2:]) == (screen.console.width, "x…")
