"""No handler can know that a record is judged again: nothing that it is given says so (operations.md)."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

from handlers.world import Patient, World
from handlers.world.changes import Cause
from workers.routes import ROUTES

HANDLERS = [(name, type_, handler) for name, route in ROUTES.items() for type_, handler in route.handlers.items()]
#: words that would tell
TELLING = ("run", "replay", "rehears", "dry", "preview", "plan", "again")


@pytest.mark.parametrize(("name", "type_", "handler"), HANDLERS, ids=[f"{n}-{t.__name__}" for n, t, _ in HANDLERS])
def test_a_handler_is_given_an_event_a_world_and_a_cause(name: str, type_: type, handler: object) -> None:
    for method in ("needs", "decide"):
        assert [*inspect.signature(getattr(handler, method)).parameters] == ["event", "world", "cause"]


def test_neither_world_nor_cause_says_that_a_record_is_judged_again() -> None:
    names = {*Cause._fields, *(field.name for field in (*fields(World), *fields(Patient)))}
    assert [name for name in sorted(names) if any(word in name.split("_") for word in TELLING)] == []
