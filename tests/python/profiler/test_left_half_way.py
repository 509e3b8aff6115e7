"""Generators and coroutines that are left half-way: closed, closed by another task, dropped, collected."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from ended import check, check_no_parent, generators
from mtaio.monitoring import Profiler
from quiet import quiet, run


def test_left_by_break_and_closed() -> None:
    profiler = Profiler()

    async def main() -> None:
        rows = generators(profiler)()
        async for number in rows:
            if number == 3:
                break
        await rows.aclose()
        await rows.aclose()
        check_no_parent(profiler)
        await profiler.reset()
        async with profiler.trace_context("outer"):
            again = generators(profiler)()
            assert [await anext(again), await anext(again)] == [0, 1]
            await again.aclose()
            async with profiler.trace_context("inner"):
                pass

    run(main())
    check(profiler, ("outer", None, "ok"), ("rows", "outer", "abandoned"), ("inner", "outer", "ok"))


def test_closed_from_another_task() -> None:
    profiler = Profiler()

    async def main() -> None:
        rows = generators(profiler)()
        async with profiler.trace_context("reader"):
            await anext(rows)
        await asyncio.create_task(rows.aclose())
        check_no_parent(profiler)

    run(main())
    profile = check(profiler, ("reader", None, "ok"), ("rows", "reader", "abandoned"), ("here", None, "ok"))
    assert profile.traces[1].end_time > profile.traces[0].end_time


@pytest.mark.parametrize("way", ["dropped", "cycle", "unfinished task", "no loop any more"])
def test_collected_half_way(way: str) -> None:
    profiler = Profiler()
    kept: list[Any] = []

    async def main() -> None:
        rows = generators(profiler)()
        if way == "unfinished task":
            task = asyncio.create_task(rows.asend(None))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return
        await anext(rows)
        if way == "cycle":
            cycle = [rows]
            cycle.append(cycle)  # type: ignore[arg-type]
            del cycle
        if way == "no loop any more":
            kept.append(rows)
        del rows
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)

    run(main())
    kept.clear()
    gc.collect()
    check(profiler, ("rows", None, "cancelled" if way == "unfinished task" else "abandoned"))


def test_a_block_in_a_traced_generator_is_no_parent_outside_of_it() -> None:
    profiler = Profiler()

    @profiler.trace(name="rows")
    async def rows() -> AsyncIterator[int]:
        async with profiler.trace_context("held"):
            yield 1
            yield 2

    async def main() -> None:
        async with profiler.trace_context("reader"):
            async for number in rows():
                async with profiler.trace_context(f"row-{number}"):
                    pass

    run(main())
    check(
        profiler,
        ("reader", None, "ok"),
        ("rows", "reader", "ok"),
        ("held", "rows", "ok"),
        ("row-1", "reader", "ok"),
        ("row-2", "reader", "ok"),
    )


def test_a_plain_generator_dropped_half_way() -> None:
    profiler = Profiler()

    @profiler.trace(name="lines")
    def lines() -> Iterator[int]:
        yield from range(10)

    with quiet():
        taken = lines()
        next(taken)
        del taken
        gc.collect()
        left = lines()
        next(left)
        left.close()
        left.close()
    check(profiler, ("lines", None, "abandoned"), ("lines", None, "abandoned"))


@pytest.mark.parametrize("way", ["closed", "collected"])
def test_a_coroutine_left_half_way(way: str) -> None:
    profiler = Profiler()

    class Pause:
        def __await__(self) -> Iterator[None]:
            yield

    @profiler.trace(name="it")
    async def it() -> None:
        async with profiler.trace_context("within"):
            await Pause()

    with quiet():
        coroutine = it()
        coroutine.send(None)
        if way == "closed":
            coroutine.close()
            coroutine.close()
        del coroutine
        gc.collect()
        check_no_parent(profiler)
    check(profiler, ("it", None, "abandoned"), ("within", "it", "abandoned"), ("here", None, "ok"))


def test_one_never_begun_leaves_no_trace() -> None:
    profiler = Profiler()

    async def main() -> None:
        rows = generators(profiler)()
        await rows.aclose()

    @profiler.trace
    async def never() -> None:
        raise AssertionError

    run(main())
    with quiet():
        never().close()
    check(profiler)
