"""Whether the process is making progress: every part reports here, readiness reads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable


class Health:
    """Problems by part, and when each part last got anywhere. Ready means: no reasons not to be."""

    def __init__(
        self, parts: Iterable[str] = (), *, stale_after: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`parts` are not ready until they report; a part that made progress must do so every `stale_after` s, until it
        rests."""
        self._clock = clock
        self._stale_after = stale_after
        self._problems: dict[str, tuple[str, float]] = dict.fromkeys(parts, ("starting", 0.0))
        self._progress: dict[str, float] = {}

    def report(self, part: str, problem: str | None, *, after: float = 0.0) -> None:
        """Sets a part's problem, or clears it with None. It counts once it has stood for `after` seconds, so that a
        retry that succeeds at once turns nothing red. The text is shown to operators: never data of persons (D1)."""
        if problem is None:
            self._problems.pop(part, None)
            return
        counts_from = self._clock() + after
        if part in self._problems:
            counts_from = min(counts_from, self._problems[part][1])
        self._problems[part] = (problem, counts_from)

    def progress(self, part: str) -> None:
        """Says that the part begins something, got somewhere, or had nothing to do and looked."""
        self._progress[part] = self._clock()

    def rests(self, part: str) -> None:
        """The part has nothing to do, and need not say so."""
        self._progress.pop(part, None)

    def forget(self, part: str) -> None:
        """The part no longer exists here (a partition moved away, a worker was not asked for)."""
        self._problems.pop(part, None)
        self._progress.pop(part, None)

    def reasons(self) -> list[str]:
        """Why the process is not ready, one `part: problem` each; empty when it is."""
        now = self._clock()
        found = {part: problem for part, (problem, since) in self._problems.items() if since <= now}
        for part, last in self._progress.items():
            if now - last > self._stale_after:
                found.setdefault(part, f"no progress for {now - last:.0f} s")
        return [f"{part}: {problem}" for part, problem in sorted(found.items())]
