"""What would come of dead letters today: the open ones of a group are judged by the release that runs this, and nothing
of it is kept (operations.md, Looking at them)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from time import monotonic

from infra import timing
from infra.errors import DayUnknown
from infra.postgres import chosen_letters
from infra.postgres.chosen_letters import Choice, Group
from infra.postgres.connection import checkout, create_engine
from infra.postgres.rehearsal import snapshot
from infra.settings import Settings
from schemas.topics import LISTNING_CLOCK
from workers.operations.dead_letters import Judge
from workers.operations.judging import Rehearsal, judge_all
from workers.operations.letter_replay import LetterReplay
from workers.runtime import Runtime, remembered

#: so many letters of a group are judged, the newest
MOST_JUDGED = 10_000
#: letters that are open, and were not judged: there are too many, or it would take too long
NOT_JUDGED = "not_judged"

_CONNECTIONS = 2


@asynccontextmanager
async def judging(settings: Settings, choice: Choice) -> AsyncIterator[Judge | None]:
    """What judges the groups of the choice, for as long as `timing.LETTERS_JUDGED_SECONDS` in all; None for an
    installation that has never started. Raises InstallationError, SettingsError, and what the database raises."""
    engine = create_engine(settings, pool_size=_CONNECTIONS, application_name="fastlakare dlq list")
    try:
        runtime = await remembered(settings, engine)
        deadline = monotonic() + timing.LETTERS_JUDGED_SECONDS

        async def judge(group: Group) -> Mapping[str, int] | None:
            assert runtime is not None
            return await outcomes(runtime, choice, group, deadline)

        yield None if runtime is None else judge
    finally:
        await engine.dispose()


async def outcomes(runtime: Runtime, choice: Choice, group: Group, deadline: float) -> Mapping[str, int] | None:
    """How many of the group's open letters would end how, were they replayed now; None where that cannot be said: of
    the clock's (R4), and before the first day. `deadline` by `time.monotonic`."""
    if group.topic == LISTNING_CLOCK:
        return None
    async with checkout(runtime.engine) as pg:
        places = await chosen_letters.newest(pg, choice, group, MOST_JUDGED)
    ends: dict[int, int] = {}
    for _, partition, offset in places:
        ends[partition] = max(offset, ends.get(partition, offset))
    replay = LetterReplay(group.topic, Choice(places), ends)
    async with snapshot(runtime.engine) as state:
        try:
            judge = Rehearsal(runtime, state, replay.decide(rehearsal=True))
        except DayUnknown:
            return None
        await _judge_until(deadline, judge, replay, runtime)
    counts = dict(sorted(judge.tally.outcomes.items()))
    left = group.open - sum(counts.values())
    return counts | ({NOT_JUDGED: left} if left > 0 else {})


async def _judge_until(deadline: float, judge: Rehearsal, replay: LetterReplay, runtime: Runtime) -> None:
    for part in await replay.parts(runtime):
        async for _ in judge_all(judge, replay.letters(runtime, part)):
            if monotonic() >= deadline:
                return
