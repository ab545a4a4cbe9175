"""Long computations beside the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from infra.offload import run_in_thread_if_large


async def test_the_event_loop_goes_on_while_something_large_is_computed() -> None:
    released = threading.Event()
    computing = asyncio.create_task(run_in_thread_if_large(100_000, lambda: released.wait(10)))
    await asyncio.sleep(0)  # it begins; were it to compute here, nobody could tell it
    released.set()
    assert await computing


async def test_what_is_small_is_computed_where_it_stands() -> None:
    assert await run_in_thread_if_large(10, threading.current_thread) is threading.current_thread()


async def test_what_goes_wrong_there_is_told_here() -> None:
    with pytest.raises(ZeroDivisionError):
        await run_in_thread_if_large(100_000, lambda: 1 // 0)
