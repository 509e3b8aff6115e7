"""Every trace ends once, with its status, and nothing is raised, said or left behind because of it."""

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from ended import check, check_no_parent, generators
from mtaio.monitoring import Profiler
from quiet import quiet, run

ENDINGS: dict[str, tuple[BaseException, str, str | None]] = {
    "exception": (ValueError("no such row"), "error", "ValueError: no such row"),
    "no text": (KeyError(), "error", "KeyError"),
    "cancelled": (asyncio.CancelledError(), "cancelled", None),
    "interrupt": (KeyboardInterrupt(), "error", "KeyboardInterrupt"),
    "exit": (SystemExit(3), "error", "SystemExit: 3"),
    "closed": (GeneratorExit(), "abandoned", None),
}
on_each_ending = pytest.mark.parametrize("ending", ENDINGS)


@pytest.mark.parametrize("way", ["coroutine", "function", "block", "async block", "generator", "async generator"])
@on_each_ending
def test_an_exception_gives_the_status_and_passes(way: str, ending: str) -> None:
    error, status, text = ENDINGS[ending]
    profiler = Profiler()

    async def raises() -> None:
        raise error

    def function() -> None:
        raise error

    async def block() -> None:
        with profiler.trace_context("it"):
            raise error

    async def async_block() -> None:
        async with profiler.trace_context("it"):
            raise error

    def generator() -> Iterator[int]:
        yield 1
        raise error

    async def async_generator() -> AsyncIterator[int]:
        yield 1
        raise error

    trace = profiler.trace(name="it")

    async def iterate() -> None:
        async for _ in trace(async_generator)():
            check_no_parent(profiler)

    calls: dict[str, Callable[[], Any]] = {
        "coroutine": lambda: trace(raises)().send(None),
        "function": trace(function),
        "block": lambda: block().send(None),
        "async block": lambda: async_block().send(None),
        "generator": lambda: list(trace(generator)()),
        "async generator": lambda: iterate().send(None),
    }
    with quiet():
        with pytest.raises(type(error)) as raised:
            calls[way]()
        assert raised.value is error
        check_no_parent(profiler)
    profile = asyncio.run(profiler.get_profile())
    (found,) = [each for each in profile.traces if each.name == "it"]
    assert found.status == status
    assert found.error is None if text is None else (found.error or "").rstrip(": ") == text
    assert profile.open_traces == []


@on_each_ending
def test_end_trace_with_an_error(ending: str) -> None:
    error, status, _text = ENDINGS[ending]
    profiler = Profiler()

    async def main() -> None:
        trace = await profiler.start_trace("it")
        await profiler.end_trace(trace, error=error)
        assert trace.status == status

    run(main())
    check(profiler, ("it", None, status))


# --- traces that are ended twice, never, elsewhere ---


def test_ended_twice() -> None:
    profiler = Profiler()

    async def main() -> None:
        trace = await profiler.start_trace("it")
        await profiler.end_trace(trace)
        ended = trace.end_time
        async with profiler.trace_context("next") as following:
            await profiler.end_trace(trace, error=ValueError("late"))
            assert (trace.end_time, trace.status, trace.error) == (ended, "ok", None)
            assert following.parent_id is None
            # By hand, before the block's own end.
            await profiler.end_trace(following)
            check_no_parent(profiler)

    run(main())
    check(profiler, ("it", None, "ok"), ("next", None, "ok"), ("here", None, "ok"))


def test_ended_out_of_order() -> None:
    profiler = Profiler()

    async def main() -> None:
        first = await profiler.start_trace("first")
        second = await profiler.start_trace("second")
        await profiler.end_trace(first)
        async with profiler.trace_context("third"):
            pass
        await profiler.end_trace(second)
        check_no_parent(profiler)

    run(main())
    expected = [("first", None), ("second", "first"), ("third", "second"), ("here", None)]
    check(profiler, *((name, parent, "ok") for name, parent in expected))


def test_never_ended() -> None:
    profiler = Profiler()

    async def main() -> None:
        trace = await profiler.start_trace("it")
        assert trace.end_time is None
        (found,) = (await profiler.get_profile()).open_traces
        assert (found.name, found.status, found.trace_id) == ("it", "open", trace.trace_id)
        del trace

    run(main())
    gc.collect()
    check(profiler, ("it", None, "abandoned"))


@pytest.mark.parametrize("where", ["task", "thread"])
def test_ended_elsewhere(where: str) -> None:
    profiler = Profiler()

    async def main() -> None:
        async with profiler.trace_context("outer") as outer:
            trace = await profiler.start_trace("it")
            if where == "task":
                await asyncio.create_task(profiler.end_trace(trace))
            else:
                thread = threading.Thread(target=lambda: asyncio.run(profiler.end_trace(trace)))
                thread.start()
                thread.join()
            assert trace.status == "ok"
            with profiler.trace_context("here") as here:
                assert here.parent_id == outer.trace_id, "in this flow, what has ended is transparent"
            await profiler.end_trace(trace)

    run(main())
    check(profiler, ("outer", None, "ok"), ("it", "outer", "ok"), ("here", "outer", "ok"))


def test_reset_forgets_what_is_open() -> None:
    profiler = Profiler()

    async def main() -> None:
        async with profiler.trace_context("before"):
            await profiler.reset()
            async with profiler.trace_context("since"):
                pass

    run(main())
    check(profiler, ("since", None, "ok"))


# --- the profiler goes, the interpreter goes ---


def test_a_profiler_deleted_while_traces_are_open() -> None:
    async def main() -> None:
        profiler = Profiler()
        rows = generators(profiler)()
        await anext(rows)
        traced = profiler.trace(asyncio.sleep)
        sleeping = asyncio.create_task(traced(0.01))
        await asyncio.sleep(0)
        trace = await profiler.start_trace("it")
        async with profiler.trace_context("block"):
            del profiler
            gc.collect()
            await sleeping
        await rows.aclose()
        assert trace.status == "open"
        del trace

    run(main())


def test_the_interpreter_exits_with_open_traces() -> None:
    program = """
        import asyncio, threading, time
        from mtaio.monitoring import Profiler

        profiler = Profiler(collect_stack_trace=True)
        kept = []

        @profiler.trace
        async def rows():
            yield 1

        @profiler.trace
        def lines():
            yield 1

        @profiler.trace
        async def hangs():
            await asyncio.Event().wait()

        async def main():
            kept.extend([rows(), lines(), await profiler.start_trace("it"), asyncio.create_task(hangs())])
            await anext(kept[0])
            next(kept[1])
            kept.append(profiler.trace_context("block"))
            await kept[-1].__aenter__()
            kept.append(hangs())
            kept[-1].send(None)

        asyncio.run(main())
        def in_thread():
            with profiler.trace_context("of a thread"):
                time.sleep(60)
        threading.Thread(target=in_thread, daemon=True).start()
    """
    command = [sys.executable, "-X", "dev", "-c", textwrap.dedent(program)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_an_open_trace_in_a_cycle_is_collected_and_asked_no_more() -> None:
    profiler = Profiler()

    async def main() -> None:
        trace = await profiler.start_trace("in a cycle", {"state": "open"})
        trace.metadata["itself"] = trace

    # The context that holds the trace goes with the loop's task.
    asyncio.run(main())
    gc.collect()
    profile = asyncio.run(profiler.get_profile())
    assert profile.open_traces == []
    assert [(trace.name, trace.status) for trace in profile.traces] == [("in a cycle", "abandoned")]
