"""Bounded memory: what goes through is counted, what is let go is reported, and the process stays where it was."""

import asyncio
import time

import psutil
import pytest
from mtaio.monitoring import Profiler

HELD = 100_000
FIRST = 200_000
#: Beside what the allocator and the other threads do of their own.
GROWTH = 6 << 20


def resident() -> int:
    return psutil.Process().memory_info().rss


def check_bounded(count: int) -> None:
    """So many traces go through a profiler that holds a few of them."""
    profiler = Profiler(max_traces=HELD)
    shares = {"block": 4, "coroutine": 2, "function": 1, "with metadata": 1}

    @profiler.trace(name="coroutine")
    async def coroutine() -> None:
        pass

    @profiler.trace(name="function")
    def function() -> None:
        pass

    async def through(passes: int) -> None:
        for number in range(passes):
            async with profiler.trace_context("block"):
                await coroutine()
            async with profiler.trace_context("block"):
                function()
            async with profiler.trace_context("block"):
                await coroutine()
            with profiler.trace_context("block"), profiler.trace_context("with metadata", {"number": number}):
                pass

    async def main() -> None:
        begun = time.monotonic()
        passes = sum(shares.values())
        await through(FIRST // passes)
        before = resident()
        await through((count - FIRST) // passes)
        after, took = resident(), time.monotonic() - begun
        assert after - before < GROWTH, f"grew by {(after - before) / 2**20:.1f} MiB"

        profile = await profiler.get_profile()
        assert len(profile.traces) == HELD
        assert profile.let_go == count - HELD
        assert (profile.open_traces, profile.dropped) == ([], 0)
        assert profile.get_metrics().call_count == count
        for name, share in shares.items():
            metrics = profile.get_metrics(name)
            assert metrics.call_count == share * count // passes
            assert metrics.avg_time == pytest.approx(metrics.total_time / metrics.call_count)
            assert metrics.min_time <= metrics.percentiles[50] <= metrics.percentiles[99] <= metrics.max_time * 1.01
        assert 0.0 < profile.get_metrics("block").total_time < took
        last = [trace.metadata["number"] for trace in profile.traces if trace.name == "with metadata"]
        end = (count - FIRST) // passes
        assert last == list(range(end - len(last), end)), "the newest are held"

    asyncio.run(main())


def test_a_million_traces() -> None:
    check_bounded(1_000_000)


@pytest.mark.soak
def test_ten_million_traces() -> None:
    check_bounded(10_000_000)


def test_traces_open_for_long_are_not_let_go() -> None:
    profiler = Profiler(max_traces=10)

    async def main() -> None:
        async with profiler.trace_context("long") as long:
            for _ in range(1000):
                async with profiler.trace_context("short"):
                    pass
            profile = await profiler.get_profile()
            assert [trace.name for trace in profile.open_traces] == ["long"]
            assert (len(profile.traces), profile.let_go) == (10, 990)
            assert {trace.parent_id for trace in profile.traces} == {long.trace_id}
        profile = await profiler.get_profile()
        assert (len(profile.traces), profile.let_go) == (10, 991)
        assert profile.get_metrics("long").call_count == 1

    asyncio.run(main())
