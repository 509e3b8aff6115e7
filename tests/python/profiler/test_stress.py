"""The binding under stress: threads that are switched as often as can be, while others look, forget and collect."""

import asyncio
import gc
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from mtaio.monitoring import Profiler

THREADS = 4
ROUNDS = 12


@pytest.fixture(autouse=True)
def _hasty_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def work(profiler: Profiler, number: int) -> int:
    """Everything that a program does with a profiler, on a loop of this thread. Gives how many traces that were."""

    @profiler.trace(name=f"call-{number}")
    async def call(depth: int) -> None:
        await asyncio.sleep(0)
        if depth:
            await asyncio.gather(call(depth - 1), call(depth - 1))

    @profiler.trace(name=f"generator-{number}")
    async def generator() -> AsyncIterator[int]:
        for item in range(3):
            yield item

    async def main() -> int:
        count = 0
        for turn in range(ROUNDS):
            async with profiler.trace_context(f"block-{number}", {"turn": turn}) as block:
                await call(2)
                async for _ in generator():
                    break
                with profiler.trace_context("inner"):
                    pass
                assert block.status == "open"
            trace = await profiler.start_trace("by hand")
            await profiler.end_trace(trace)
            await profiler.end_trace(trace)
            count += 1 + 7 + 1 + 1 + 1
            # A generator that was left by `break` is closed by the loop.
            await asyncio.sleep(0)
        return count

    return asyncio.run(main())


def in_threads(profiler: Profiler, meanwhile: list[threading.Thread]) -> list[int]:
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda number=number: counts.append(work(profiler, number)))
        for number in range(THREADS)
    ]
    for thread in [*threads, *meanwhile]:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def repeated(seen: list[object], stop: threading.Event, act: Callable[[], object]) -> threading.Thread:
    """Acts again and again, and keeps what came last."""

    def run() -> None:
        while not stop.is_set():
            seen[:] = [act()]

    return threading.Thread(target=run)


def test_each_trace_once_while_others_look() -> None:
    profiler = Profiler(max_traces=200_000, collect_stack_trace=True)
    stop = threading.Event()

    def look() -> int:
        profile = asyncio.run(profiler.get_profile())
        ids = [trace.trace_id for trace in [*profile.traces, *profile.open_traces]]
        assert len(ids) == len(set(ids)), "each once"
        return len(profile.export("json"))

    seen: list[object] = []
    onlookers = [repeated(seen, stop, look), repeated([], stop, lambda: gc.collect(1))]
    try:
        counts = in_threads(profiler, onlookers)
    finally:
        stop.set()
        for onlooker in onlookers:
            onlooker.join()
    profile = asyncio.run(profiler.get_profile())
    assert len(counts) == THREADS, "a thread failed"
    assert len(seen) == 1
    assert profile.get_metrics().call_count == sum(counts)
    assert profile.open_traces == []
    names = {trace.trace_id: trace.name for trace in profile.traces}
    for trace in profile.traces:
        family = trace.name.rsplit("-", 1)
        if family[0] in ("call", "generator"):
            assert trace.parent_id is not None
            assert names[trace.parent_id].rsplit("-", 1)[1] == family[1], "a parent of its own thread"


def test_nothing_breaks_while_others_forget() -> None:
    profiler = Profiler(max_traces=1_000)
    stop = threading.Event()
    forgetful = repeated([], stop, lambda: asyncio.run(profiler.reset()))
    try:
        counts = in_threads(profiler, [forgetful])
    finally:
        stop.set()
        forgetful.join()
    assert len(counts) == THREADS, "a thread failed"
    asyncio.run(profiler.reset())
    with profiler.trace_context("after"):
        pass
    (after,) = asyncio.run(profiler.get_profile()).traces
    assert (after.name, after.parent_id) == ("after", None)
