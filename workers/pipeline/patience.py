"""For how long a batch that meets errors is tried again as it is."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from infra import timing
from infra.error_kinds import ErrorKind, is_outage, kind_of, may_be_of_the_batch

#: so often in a row the same batch may meet what it can have brought about itself before it is halved; a record alone,
#: before it is dead-lettered
_MOST_OF_A_BATCH = 3
_MOST_OF_A_RECORD = 10


class Patience:
    """Of one batch. Transient errors are waited for without end, unless the batch itself may be what brings them about:
    a timeout, or a lack of memory, that meets it again and again. What is wrong with the installation may be on its way
    to be fixed (a failover, a right that is given just now), and is waited for a while."""

    def __init__(self, *, single: bool, clock: Callable[[], float] = monotonic) -> None:
        """`single`: it is one record, which cannot be halved. `clock`: in seconds, from anywhere."""
        self._clock = clock
        self._most = _MOST_OF_A_RECORD if single else _MOST_OF_A_BATCH
        self._in_a_row = 0
        self._installation_since: float | None = None
        self.saw_outage = False

    def lasts(self, error: BaseException) -> bool:
        """Whether the batch is tried once more after this error."""
        self.saw_outage |= is_outage(error)
        self._in_a_row = self._in_a_row + 1 if may_be_of_the_batch(error) else 0
        kind = kind_of(error)
        if kind is ErrorKind.INSTALLATION:
            self._installation_since = self._installation_since or self._clock()
            return self._clock() < self._installation_since + timing.INSTALLATION_FAULT_SECONDS
        self._installation_since = None
        return kind is ErrorKind.TRANSIENT and self._in_a_row < self._most
