"""Very many, very deep, very long: what is open is let go of, and nothing grows."""

import asyncio
import gc
import itertools
import sys
import threading
from typing import Any

import psutil
import pytest
from mtaio.monitoring import Profiler
from quiet import quiet, run


def resident() -> int:
    return psutil.Process().memory_info().rss


@pytest.mark.parametrize("kept", [True, False])
def test_fifty_thousand_never_ended(kept: bool) -> None:
    """Each the parent of the next: letting go of one must not let go of all within one call stack."""
    count = 50_000
    profiler = Profiler()

    async def main() -> None:
        traces: list[Any] = []
        for number in range(count):
            trace = await profiler.start_trace("it", metadata={"number": number})
            if kept:
                traces.append(trace)
        del trace
        if kept:
            profile = await profiler.get_profile()
            assert len(profile.open_traces) == count
            for parent, child in itertools.pairwise(traces):
                assert child.parent_id == parent.trace_id
        traces.clear()

    run(main())
    gc.collect()
    profile = asyncio.run(profiler.get_profile())
    assert len(profile.traces) == count
    assert {trace.status for trace in profile.traces} == {"abandoned"}
    assert profile.open_traces == []


def test_fifty_thousand_dropped_with_their_profiler() -> None:
    async def main() -> None:
        profiler = Profiler()
        traces = [await profiler.start_trace("it") for _ in range(50_000)]
        del profiler
        traces.reverse()
        del traces

    run(main())


def test_recursion_up_to_the_limit() -> None:
    """The exception is Python's own, at about its own depth, and every level has ended."""
    profiler = Profiler()
    deepest = [0, 0]

    def plain(depth: int) -> None:
        deepest[0] = depth
        plain(depth + 1)

    @profiler.trace(name="deeper")
    def traced(depth: int) -> None:
        deepest[1] = depth
        traced(depth + 1)

    def recurse() -> None:
        with quiet():
            for function in (plain, traced):
                with pytest.raises(RecursionError):
                    function(1)

    # A stack of its own, on which native frames have room, whatever the main thread has.
    before, size = sys.getrecursionlimit(), threading.stack_size(64 << 20)
    sys.setrecursionlimit(3000)
    try:
        thread = threading.Thread(target=recurse)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(before)
    # 3.12 allows native calls half as deep as others, and two of them are a level.
    assert deepest[1] > deepest[0] / 5
    profile = asyncio.run(profiler.get_profile())
    assert deepest[1] <= len(profile.traces) <= deepest[1] + 1
    assert {trace.status for trace in profile.traces} == {"error"}
    assert all((trace.error or "").startswith("RecursionError") for trace in profile.traces)
    for parent, child in itertools.pairwise(profile.traces):
        assert child.parent_id == parent.trace_id
    assert profile.open_traces == []


def test_coroutines_awaited_up_to_the_limit() -> None:
    profiler = Profiler()
    deepest = [0]

    @profiler.trace(name="deeper")
    async def deeper(depth: int) -> None:
        deepest[0] = depth
        await deeper(depth + 1)

    async def main() -> None:
        with pytest.raises(RecursionError):
            await deeper(1)

    run(main())
    profile = asyncio.run(profiler.get_profile())
    assert deepest[0] <= len(profile.traces) <= deepest[0] + 1
    assert {trace.status for trace in profile.traces} == {"error"}
    assert profile.open_traces == []


def test_a_chain_of_tasks_holds_no_ancestors() -> None:
    """Each generation spawns the next one inside its trace and ends: what is kept does not grow with them."""
    profiler = Profiler(max_traces=100)
    generations, measured = 5_000, [1_000, 5_000]
    objects: list[int] = []
    memory: list[int] = []

    async def generation(number: int, done: asyncio.Future[None]) -> None:
        async with profiler.trace_context("generation", metadata={"number": number}):
            if number in measured:
                await asyncio.sleep(0)
                gc.collect()
                objects.append(len(gc.get_objects()))
                memory.append(resident())
            if number == generations:
                done.set_result(None)
            else:
                following = asyncio.create_task(generation(number + 1, done))
                following.add_done_callback(lambda task: task.result())

    async def main() -> None:
        done = asyncio.get_running_loop().create_future()
        first = asyncio.create_task(generation(1, done))
        await done
        await first

    run(main())
    assert objects[1] - objects[0] < 400, "objects that the collector knows"
    assert memory[1] - memory[0] < 4 << 20
    profile = asyncio.run(profiler.get_profile())
    assert profile.get_metrics("generation").call_count == generations
    assert profile.let_go == generations - 100
    for parent, child in itertools.pairwise(profile.traces):
        assert child.parent_id == parent.trace_id
    assert profile.traces[-1].metadata == {"number": generations}
