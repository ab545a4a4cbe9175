"""Every log event has one name, and docs/log-events.md says what it means."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.harness.installation import SHUTDOWN_TIMED_OUT

ROOT = Path(__file__).parents[1]
LEVELS = ("debug", "info", "warning", "error", "critical")
PAGE = (ROOT / "docs/log-events.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`[^|]+) \| (\w+) \| ([^|]*) \|", PAGE, flags=re.MULTILINE)


def logged() -> set[tuple[str, str]]:
    """Event and level of every `log.<level>(...)` in the product."""
    found = set()
    for folder in ("infra", "workers", "cli"):
        for module in (ROOT / folder).rglob("*.py"):
            for call in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if (
                    isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Attribute)
                    and isinstance(call.func.value, ast.Name)
                    and (call.func.value.id, call.func.attr in LEVELS) == ("log", True)
                ):
                    names = [node.value for node in ast.walk(call.args[0]) if isinstance(node, ast.Constant)]
                    assert names, f"{module}:{call.lineno}: the event must be a literal"
                    found |= {(str(name), call.func.attr) for name in names}
    return found


def test_the_page_lists_every_event_with_its_level_and_no_other() -> None:
    listed = {(event, level) for events, level, _ in ROWS for event in re.findall(r"`([^`]+)`", events)}
    assert listed == logged()


def test_no_event_has_two_levels() -> None:
    events = [event for event, _ in logged()]
    assert len(events) == len(set(events))


def test_the_event_by_which_the_harness_knows_a_process_that_ended_at_its_limit_is_one_of_them() -> None:
    assert (SHUTDOWN_TIMED_OUT, "critical") in logged()
