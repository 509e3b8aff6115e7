"""What is held of a profiler when everything should have ended."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from mtaio.monitoring import Profile, Profiler


def check(profiler: Profiler, *expected: tuple[str, str | None, str]) -> Profile:
    """The traces by beginning, as (name, parent, status); none is open, and what begins now has no parent."""

    async def look() -> Profile:
        profile = await profiler.get_profile()
        async with profiler.trace_context("afterwards") as trace:
            assert trace.parent_id is None
        return profile

    profile = asyncio.run(look())
    names = {trace.trace_id: trace.name for trace in profile.traces}
    names[None] = None
    found = [(trace.name, names[trace.parent_id], trace.status) for trace in profile.traces]
    assert found == list(expected), f"found {found}, expected {list(expected)}"
    assert profile.open_traces == [], profile.open_traces
    return profile


def check_no_parent(profiler: Profiler) -> None:
    """In this flow no trace is open."""
    with profiler.trace_context("here") as trace:
        assert trace.parent_id is None


def generators(profiler: Profiler) -> Callable[[], Any]:
    """An async generator, traced as `rows`, that suspends before each row and while it is closed."""

    @profiler.trace(name="rows")
    async def rows() -> AsyncIterator[int]:
        try:
            for number in range(100):
                await asyncio.sleep(0)
                yield number
        finally:
            await asyncio.sleep(0)

    return rows


def drive(coroutine: Any) -> Any:
    """The result of a coroutine that does not suspend, where no loop can be run."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it suspended")
