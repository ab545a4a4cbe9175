"""Health: a process is ready when no part has a problem and every part gets somewhere."""

from __future__ import annotations

from workers.health import Health


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_parts_that_were_announced_are_not_ready_until_they_report() -> None:
    health = Health(["database", "kafka"])
    health.report("kafka", None)
    assert health.reasons() == ["database: starting"]
    health.report("database", None)
    assert health.reasons() == []


def test_a_problem_stands_until_it_is_cleared() -> None:
    health = Health()
    health.report("relay", "stands by for too long")
    health.report("relay", "broker away")
    assert health.reasons() == ["relay: broker away"]
    health.report("relay", None)
    assert health.reasons() == []


def test_a_problem_that_passes_quickly_turns_nothing_red() -> None:
    clock = Clock()
    health = Health(clock=clock)
    health.report("staff", "database away", after=10)
    clock.now += 9
    health.report("staff", "database still away", after=10)
    assert health.reasons() == []
    clock.now += 1
    assert health.reasons() == ["staff: database still away"]


def test_a_part_that_no_longer_gets_anywhere_is_named() -> None:
    clock = Clock()
    health = Health(stale_after=60, clock=clock)
    health.progress("listing")
    clock.now += 60
    assert health.reasons() == []
    clock.now += 1
    assert health.reasons() == ["listing: no progress for 61 s"]
    health.progress("listing")
    assert health.reasons() == []


def test_a_part_that_rests_need_not_get_anywhere() -> None:
    clock = Clock()
    health = Health(stale_after=60, clock=clock)
    health.progress("listing")
    health.idle("listing")
    clock.now += 61
    assert health.reasons() == []


def test_a_part_that_moved_away_is_forgotten() -> None:
    clock = Clock()
    health = Health(["command"], stale_after=60, clock=clock)
    health.progress("command")
    clock.now += 61
    health.forget("command")
    assert health.reasons() == []
