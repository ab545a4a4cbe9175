"""Whether the process is making progress: every component reports here, readiness reads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from infra import timing


class Health:
    """Problems by component, and when each component last made progress. Ready means: no reasons not to be."""

    def __init__(
        self,
        components: Iterable[str] = (),
        *,
        stale_after: float = timing.NO_PROGRESS_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`components` are not ready until they report; one that made progress must do so every `stale_after` s, until
        it is idle."""
        self._clock = clock
        self._stale_after = stale_after
        self._problems: dict[str, tuple[str, float]] = dict.fromkeys(components, ("starting", 0.0))
        self._progress: dict[str, float] = {}

    def report(self, component: str, problem: str | None, *, after: float = 0.0) -> None:
        """Sets a component's problem, or clears it with None. It counts once it has stood for `after` seconds, so that
        a retry that succeeds at once turns nothing red. The text is shown to operators: never data of persons (D1)."""
        if problem is None:
            self._problems.pop(component, None)
            return
        counts_from = self._clock() + after
        if component in self._problems:
            counts_from = min(counts_from, self._problems[component][1])
        self._problems[component] = (problem, counts_from)

    def progress(self, component: str) -> None:
        """Says that the component begins something, got further, or looked and had nothing to do."""
        self._progress[component] = self._clock()

    def idle(self, component: str) -> None:
        """The component has nothing to do, and need not say so."""
        self._progress.pop(component, None)

    def forget(self, component: str) -> None:
        """The component no longer exists here (a partition moved away, a worker was not asked for)."""
        self._problems.pop(component, None)
        self._progress.pop(component, None)

    def reasons(self) -> list[str]:
        """Why the process is not ready, one `component: problem` each; empty when it is."""
        now = self._clock()
        found = {component: problem for component, (problem, since) in self._problems.items() if since <= now}
        for component, last in self._progress.items():
            if now - last > self._stale_after:
                found.setdefault(component, f"no progress for {now - last:.0f} s")
        return [f"{component}: {problem}" for component, problem in sorted(found.items())]
