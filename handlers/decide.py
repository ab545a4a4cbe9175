"""The one way from a batch of events to outcomes: ask what is needed, have it loaded, then decide in offset order.

A generator, so that the same code runs on a database, in a dry run and in a test: it yields what must be loaded into
the world before it goes on, and returns the outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, Protocol

from handlers import reevaluate
from handlers.world import Needs, World
from handlers.world.changes import Cause, Outcome


class Handler(Protocol):
    """A module of this package: what an event needs of the world, and what it does to it."""

    #: whether the event alone tells what is needed, so that it has to be asked once and not after every load
    FORESEEN: bool

    def needs(self, event: Any, world: World, cause: Cause) -> Needs:
        """Keys to load, given what is already there."""

    def decide(self, event: Any, world: World, cause: Cause) -> Outcome:
        """Changes the world through its verbs; the time of the changes is the cause's (T2)."""


Handlers = Mapping[type, Handler]
Loading = Generator[Needs, None, None]


def deciding(
    events: list[tuple[Any, Cause]], handlers: Handlers, world: World
) -> Generator[Needs, None, list[Outcome]]:
    """Outcomes in the order of the events. Whole batches load in few steps: all that can be foreseen comes first."""
    steps = [(handlers[type(event)], event, cause) for event, cause in events]
    foreseen = _all((step for step in steps if step[0].FORESEEN), world)
    others = [step for step in steps if not step[0].FORESEEN]
    yield from having(world, lambda: _all(others, world, foreseen))
    outcomes = []
    for handler, event, cause in steps:
        if world.overdue or not handler.FORESEEN:
            yield from having(world, lambda h=handler, e=event, c=cause: h.needs(e, world, c))  # type: ignore[misc]
        outcomes.append(handler.decide(event, world, cause))
    return outcomes


def having(world: World, wanted: Callable[[], Needs]) -> Loading:
    """Has loaded what is wanted, until nothing is missing; what the day left to do on it is done before anything else
    is decided (T5)."""
    while True:
        missing = wanted().minus(world.met)
        if missing is None and world.overdue:
            missing = reevaluate.needs_of_overdue(world).minus(world.met)
        if missing is not None:
            world.met.add(missing)
            yield missing
        elif world.overdue:
            reevaluate.catch_up(world)
        else:
            return


def _all(steps: Iterable[tuple[Handler, Any, Cause]], world: World, more: Needs | None = None) -> Needs:
    union = Needs()
    if more is not None:
        union.add(more)
    for handler, event, cause in steps:
        union.add(handler.needs(event, world, cause))
    return union
