"""Waiting for a condition, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], Awaitable[object]], *, what: str, timeout: float = 30.0) -> None:
    """Asks until the condition holds. Raises AssertionError after `timeout` seconds, saying what was waited for."""
    deadline = time.monotonic() + timeout
    while not await condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:.0f} s in vain for {what}")
        await asyncio.sleep(0.02)
