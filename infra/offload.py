"""Long computations beside the event loop: whoever waits for a short answer must not wait for a large file (C11)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: patients or events; fewer are dealt with in less time than the threads would take from each other
_MANY = 6_000


async def run_in_thread_if_large(size: int, work: Callable[[], T]) -> T:
    """What `work` returns, which must not touch anything that others change; in a thread where `size` is large."""
    return work() if size < _MANY else await asyncio.to_thread(work)
