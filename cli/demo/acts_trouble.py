"""Acts in which something goes wrong, and nothing is lost."""

from __future__ import annotations

from cli.demo.screen import number
from cli.demo.stage import Stage
from schemas.topics import VARDVAL_LISTING

#: the vårdcentraler whose residents all choose another one at once
_FROM = range(7, 14)
_KILLED_AFTER = 700
#: the vårdcentral whose residents vårdval lists elsewhere by mistake, and how many of them
_MISTAKEN, _MISTAKES = 11, 40


async def malformed_record(stage: Stage) -> None:
    """It is dead-lettered with the field and the rule, never a value; the stream goes on."""
    resident = stage.region.listed_at(stage.region.units[10])[0]
    stage.screen.into("vårdval: a listing whose sequence is a word instead of a number")
    async with stage.await_events():
        await stage.upstream.malformed(resident)
    for dead in stage.listener.dead:
        stage.screen.out(f"{dead['dlq_topic']}.dlq: {dead['dlq_code']}, {dead['dlq_detail']}")


async def bad_range(stage: Stage) -> None:
    """Wrong records, and right ones with the same sequence behind them: the later stand, whatever is judged again."""
    region = stage.region
    here, there = region.units[_MISTAKEN], region.units[_MISTAKEN + 1]
    residents = region.listed_at(here)[:_MISTAKES]
    for resident in residents:
        resident.unit, resident.sequence = there, resident.sequence + 1
    stage.screen.into(f"vårdval: {number(len(residents))} residents are listed at {there.name}, by mistake")
    async with stage.await_events():
        await stage.upstream.listings(residents)
    for resident in residents:
        resident.unit = here
    stage.screen.into("vårdval: the same residents at their own vårdcentral, with the same sequence")
    async with stage.await_events():
        await stage.upstream.listings(residents)
    stage.screen.into(f"fastlakare replay {VARDVAL_LISTING}: all of it is judged once more, the mistakes too")
    lines = await stage.installation.run("replay", VARDVAL_LISTING, "--yes", "--reason", "to see that it is safe")
    for line in lines:
        if line.startswith(("outcomes", "Run")):
            stage.screen.out(line)
    stage.screen.into("fastlakare verify")
    for line in await stage.installation.run("verify"):
        stage.screen.out(line)


async def killed_in_the_middle(stage: Stage) -> None:
    """kill -9 while relistings stream in; what comes after goes on where the database says."""
    region = stage.region
    movers = [resident for place in _FROM for resident in region.listed_at(region.units[place])]
    target = region.units[14]
    for resident in movers:
        resident.unit, resident.sequence = target, resident.sequence + 1
    stage.screen.into(f"vårdval: {number(len(movers))} residents are listed at {target.name} from today, all at once")
    async with stage.await_events() as events:
        await stage.upstream.listings(movers)
        await stage.listener.until(lambda: len(stage.listener.events) >= _KILLED_AFTER)
        await stage.installation.kill()
        await stage.listener.up_to_date()
        before = len(stage.listener.events)
        stage.screen.into("kill -9 of `fastlakare run`")
        process = await stage.installation.start()
        stage.screen.into(f"`fastlakare run` again, process {process}")
    stage.screen.note(
        f"{number(before)} events were heard before the kill, {number(len(events) - before)} after it; "
        f"{stage.listener.out_of_order} of them doubled, missing or out of order"
    )
