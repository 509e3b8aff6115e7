"""Run and wait time, and memory, each held against what the program itself measures at the same moment."""

import asyncio
import contextlib
import mmap
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from mtaio.monitoring import Profile, Profiler, ProfileTrace

#: Of a time, at least 0.2 ms.
TOLERANCE = 0.02
LEAST = 0.0002


def check_time(found: float | None, expected: float) -> None:
    assert found is not None
    assert found == pytest.approx(expected, rel=TOLERANCE, abs=LEAST)


class Clock:
    """What the program itself measures, without gaps: whoever holds it up holds up both measurements."""

    def __init__(self, *outer: "Clock") -> None:
        """The outer ones wait while this one does."""
        self.outer, self.spent, self.state, self.since = outer, {"running": 0.0, "waiting": 0.0}, "running", 0.0

    @property
    def running(self) -> float:
        return self.spent["running"]

    @property
    def waiting(self) -> float:
        return self.spent["waiting"]

    def begin(self) -> None:
        self.since = time.perf_counter()

    def turn(self, state: str = "running") -> None:
        """From now on it is running, or waiting."""
        now = time.perf_counter()
        self.spent[self.state] += now - self.since
        self.state, self.since = state, now
        for clock in self.outer:
            clock.turn(state)

    async def sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_later(seconds, future.set_result, None)
        self.turn("waiting")
        await future
        self.turn()

    async def load(self) -> None:
        """30 ms of work and 60 ms of sleep, in turns."""
        self.begin()
        for _ in range(3):
            burn(0.01)
            await self.sleep(0.02)
        self.turn()

    def check(self, trace: ProfileTrace) -> None:
        check_time(trace.run_time, self.running)
        check_time(trace.wait_time, self.waiting)
        check_time(trace.duration, self.running + self.waiting)


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


async def profile_of(profiler: Profiler, *names: str) -> tuple[Profile, list[ProfileTrace]]:
    """The one trace of each name."""
    profile = await profiler.get_profile()
    found = []
    for name in names:
        (trace,) = [trace for trace in profile.traces if trace.name == name]
        found.append(trace)
    return profile, found


def test_a_coroutine() -> None:
    async def main() -> None:
        profiler, clock = Profiler(), Clock()
        await profiler.trace(name="it")(clock.load)()
        _, (trace,) = await profile_of(profiler, "it")
        clock.check(trace)
        assert abs(trace.end_time - time.time()) < 5.0

    asyncio.run(main())


def test_a_function_only_runs() -> None:
    async def main() -> None:
        profiler, clock = Profiler(), Clock()

        @profiler.trace(name="it")
        def works() -> None:
            clock.begin()
            burn(0.02)
            clock.turn()

        works()
        _, (trace,) = await profile_of(profiler, "it")
        clock.check(trace)

    asyncio.run(main())


def test_coroutines_beside_each_other() -> None:
    """While one runs, the others wait: each is charged with its own."""

    async def main() -> None:
        profiler, clocks = Profiler(), [Clock() for _ in range(5)]
        await asyncio.gather(*(profiler.trace(name=f"{n}")(clock.load)() for n, clock in enumerate(clocks)))
        _, traces = await profile_of(profiler, *(f"{n}" for n in range(5)))
        for trace, clock in zip(traces, clocks, strict=True):
            clock.check(trace)

    asyncio.run(main())


def test_a_coroutine_within_another() -> None:
    async def main() -> None:
        profiler, clock = Profiler(), Clock()
        inner = Clock(clock)

        @profiler.trace(name="outer")
        async def outer() -> None:
            clock.begin()
            burn(0.01)
            await profiler.trace(name="inner")(inner.load)()
            await clock.sleep(0.01)
            clock.turn()

        await outer()
        _, (trace, within) = await profile_of(profiler, "outer", "inner")
        inner.check(within)
        clock.check(trace)

    asyncio.run(main())


@pytest.mark.parametrize("place", ["traced coroutine", "recorded task", "nowhere"])
def test_a_block(place: str) -> None:
    """Known where something watches the steps of what it is in."""

    async def main() -> None:
        profiler, clock = Profiler(), Clock()

        async def body() -> None:
            burn(0.01)
            await asyncio.sleep(0.005)
            async with profiler.trace_context("it"):
                await clock.load()
            burn(0.01)

        if place == "traced coroutine":
            await profiler.trace(name="around")(body)()
        elif place == "recorded task":
            async with profiler.trace_context("around"):
                await asyncio.create_task(body())
        else:
            await body()
        _, (trace,) = await profile_of(profiler, "it")
        check_time(trace.duration, clock.running + clock.waiting)
        if place == "nowhere":
            assert (trace.run_time, trace.wait_time) == (None, None)
        else:
            clock.check(trace)

    asyncio.run(main())


def test_generators_are_not_charged_with_their_consumers() -> None:
    async def main() -> None:
        profiler, clock, plain = Profiler(), Clock(), Clock()

        @profiler.trace(name="rows")
        async def rows() -> AsyncIterator[int]:
            clock.begin()
            for number in range(3):
                burn(0.005)
                await clock.sleep(0.005)
                clock.turn("waiting")
                yield number
                clock.turn()
            clock.turn()

        @profiler.trace(name="lines")
        def lines() -> Iterator[int]:
            plain.begin()
            for number in range(3):
                burn(0.005)
                plain.turn("waiting")
                yield number
                plain.turn()
            plain.turn()

        async for _ in rows():
            burn(0.01)
        for _ in lines():
            burn(0.01)
        _, (trace, line) = await profile_of(profiler, "rows", "lines")
        clock.check(trace)
        plain.check(line)

    asyncio.run(main())


def test_tasks() -> None:
    async def main() -> None:
        profiler, clock, begun = Profiler(), Clock(), time.time()
        created: list[int] = []

        async def fails() -> None:
            raise LookupError

        async with profiler.trace_context("around") as around:
            created.append(sys._getframe().f_lineno + 1)
            task = asyncio.create_task(clock.load(), name="loaded")
            hanging = asyncio.create_task(asyncio.Event().wait(), name="hanging")
            failing = asyncio.create_task(fails(), name="failing")
            await task
            hanging.cancel()
            await asyncio.wait([hanging, failing])
            assert isinstance(failing.exception(), LookupError)
        outside = asyncio.create_task(asyncio.sleep(0), name="outside")
        await outside
        profile = await profiler.get_profile()
        assert [trace.name for trace in profile.traces] == ["around"], "only what was asked for by name"
        assert [(task.name, task.status) for task in profile.tasks] == [
            ("loaded", "ok"),
            ("hanging", "cancelled"),
            ("failing", "error"),
        ]
        loaded, hung, _failed = profile.tasks
        assert (loaded.coroutine, hung.coroutine) == ("Clock.load", "Event.wait")
        place, function = loaded.created_at.split(" in ")
        assert (place, function.split(".")[-1]) == (f"{__file__}:{created[0]}", "main")
        assert {task.parent_id for task in profile.tasks} == {around.trace_id}
        assert len({task.task_id for task in profile.tasks}) == 3
        assert (loaded.steps, hung.steps) == (4, 2)
        check_time(loaded.run_time, clock.running)
        assert begun - 0.01 <= loaded.start_time < loaded.end_time <= time.time() + 0.01
        check_time(loaded.run_time + loaded.wait_time, loaded.end_time - loaded.start_time)
        # From its creation to its first step it waits, too.
        assert loaded.wait_time >= clock.waiting * (1 - TOLERANCE) - LEAST

    asyncio.run(main())


def test_a_task_that_runs_has_no_end_yet() -> None:
    async def main() -> None:
        profiler = Profiler()
        async with profiler.trace_context("around"):
            task = asyncio.create_task(asyncio.sleep(60), name="sleeps")
            await asyncio.sleep(0)
            (found,) = (await profiler.get_profile()).tasks
            assert (found.name, found.status, found.steps) == ("sleeps", "open", 1)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(main())


def test_no_tasks_where_they_are_not_wanted() -> None:
    async def main() -> None:
        profiler = Profiler(trace_async_tasks=False)
        async with profiler.trace_context("around") as around, asyncio.TaskGroup() as group:
            group.create_task(profiler.trace(name="it")(Clock().load)())
        profile, (trace,) = await profile_of(profiler, "it")
        assert profile.tasks == []
        assert trace.parent_id == around.trace_id

    asyncio.run(main())


# --- memory ---

MEGABYTE = 1 << 20


def test_memory() -> None:
    async def main() -> None:
        profiler = Profiler()
        async with profiler.trace_context("nothing"):
            await asyncio.sleep(0.03)
        async with profiler.trace_context("allocates"):
            # A reading is at most 10 ms old.
            await asyncio.sleep(0.03)
            # Of the system, and not out of what other tests left to the allocator.
            memory = mmap.mmap(-1, 64 * MEGABYTE)
            for page in range(0, 64 * MEGABYTE, 4096):
                memory[page] = 1
            await asyncio.sleep(0.03)
        async with profiler.trace_context("frees"):
            await asyncio.sleep(0.03)
            memory.close()
            await asyncio.sleep(0.03)
        _, (nothing, allocates, frees) = await profile_of(profiler, "nothing", "allocates", "frees")
        assert abs(nothing.memory_delta) < 8 * MEGABYTE
        assert 60 * MEGABYTE < allocates.memory_delta < 72 * MEGABYTE
        assert -72 * MEGABYTE < frees.memory_delta < -60 * MEGABYTE
        assert allocates.memory_delta == allocates.memory_end - allocates.memory_start
        assert 4 * MEGABYTE < allocates.memory_start < allocates.memory_end < 64 << 30

    asyncio.run(main())


def test_no_memory_where_it_is_not_wanted() -> None:
    async def main() -> None:
        profiler = Profiler(memory=None)
        async with profiler.trace_context("it") as live:
            assert live.memory_start == 0
        profile, (trace,) = await profile_of(profiler, "it")
        assert (trace.memory_start, trace.memory_end, trace.memory_delta) == (0, 0, 0)
        assert profile.get_metrics("it").memory_total == 0

    asyncio.run(main())


def test_threads() -> None:
    async def main() -> None:
        profiler, clock = Profiler(), Clock()
        idents: list[int] = []

        def work() -> None:
            idents.append(threading.get_native_id())
            clock.begin()
            burn(0.02)
            clock.turn()

        await asyncio.to_thread(profiler.trace(name="it")(work))
        async with profiler.trace_context("here"):
            idents.append(threading.get_native_id())
        _, (trace, here) = await profile_of(profiler, "it", "here")
        clock.check(trace)
        assert [trace.thread_id, here.thread_id] == idents

    asyncio.run(main())
