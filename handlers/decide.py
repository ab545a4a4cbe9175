"""The one way from a batch of events to outcomes: ask what is needed, have it loaded, then decide in offset order.

A generator, so that the same code runs on a database, in a dry run and in a test: it yields what must be loaded into
the world before it goes on, and returns the outcomes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from handlers import reevaluate
from handlers.world import Needs, World
from handlers.world.changes import Cause, Outcome

E_contra = TypeVar("E_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Handler(Protocol[E_contra, R_co]):
    """A module of this package: what an event needs of the world, and what it does to it.

    Handlers of topics return an Outcome, those of commands an Answer (`handlers.command.answering` makes one of the
    other).
    """

    def needs(self, event: E_contra, world: World, cause: Cause) -> Needs:
        """Keys to load, given what is already there."""

    def decide(self, event: E_contra, world: World, cause: Cause) -> R_co:
        """Changes the world through its verbs; the time of the changes is the cause's (T2)."""


#: the handler of each type of event
Handlers = Mapping[type, Handler[Any, Outcome]]
#: yields what must be loaded, until nothing is missing
LoadRequests = Generator[Needs, None, None]


class Step(NamedTuple):
    """One event of a batch with the handler that decides on it; `late_needs`: what it needs depends on the world."""

    handler: Handler[Any, Outcome]
    event: Any
    cause: Cause
    late_needs: bool = True


def decide_batch(
    events: Iterable[tuple[Any, Cause]], handlers: Handlers, world: World, known_upfront: frozenset[type] = frozenset()
) -> Generator[Needs, None, list[Outcome]]:
    """Outcomes in the order of the events. Whole batches load in few steps: what is `known_upfront` comes first.

    `known_upfront`: types of events that alone tell what they need, so that it is asked once and not after every load.
    """
    steps = [Step(handlers[type(event)], event, cause, type(event) not in known_upfront) for event, cause in events]
    upfront = _union((step for step in steps if not step.late_needs), world)
    yield from load_missing(world, [step for step in steps if step.late_needs], upfront)
    outcomes = []
    for step in steps:
        if world.overdue or step.late_needs:
            yield from load_missing(world, [step])
        outcomes.append(step.handler.decide(step.event, world, step.cause))
    return outcomes


def load_missing(world: World, steps: Sequence[Step], upfront: Needs | None = None) -> LoadRequests:
    """Asks for what the steps need, and for `upfront`, until nothing is missing; what the day left to do on it is done
    before anything else is decided (T5)."""
    while True:
        missing = _union(steps, world, upfront).minus(world.loaded)
        if missing is None and world.overdue:
            missing = reevaluate.needs_of_overdue(world).minus(world.loaded)
        if missing is not None:
            world.loaded.add(missing)
            yield missing
        elif world.overdue:
            reevaluate.catch_up(world)
        else:
            return


def _union(steps: Iterable[Step], world: World, upfront: Needs | None = None) -> Needs:
    union = Needs()
    if upfront is not None:
        union.add(upfront)
    for handler, event, cause, _ in steps:
        union.add(handler.needs(event, world, cause))
    return union
