"""Stacks read as Python's own do, outermost first, and without frames of ours."""

import asyncio
import traceback

from mtaio.monitoring import Profiler


def check_stack(found: str | None, expected: list[str]) -> None:
    """As Python's own, but for the line of the innermost frame, which is another one of the same function."""
    assert found is not None
    *outer, last = expected
    assert found.startswith("".join(outer))
    rest = found[len("".join(outer)) :]
    frame, own = rest.splitlines()[0], last.splitlines()[0]
    assert frame.split(", line ")[0] == own.split(", line ")[0]
    assert frame.split(", in ")[1] == own.split(", in ")[1]
    assert rest.count("  File ") == 1, f"frames beyond the caller's: {rest}"


def test_stacks_read_as_a_traceback_does() -> None:
    async def main() -> None:
        profiler = Profiler(collect_stack_trace=True)
        stacks: dict[str, list[str]] = {}

        async def deeper(depth: int) -> None:
            if depth:
                await deeper(depth - 1)
                return
            async with profiler.trace_context("async block"):
                stacks["async block"] = traceback.format_stack()
            with profiler.trace_context("block"):
                stacks["block"] = traceback.format_stack()
            trace = await profiler.start_trace("started")
            stacks["started"] = traceback.format_stack()
            await profiler.end_trace(trace)
            profiler.trace(name="function")(lambda: None)()
            stacks["function"] = traceback.format_stack()
            await profiler.trace(name="coroutine")(asyncio.sleep)(0)
            stacks["coroutine"] = traceback.format_stack()

        await deeper(20)
        profile = await profiler.get_profile()
        assert [trace.name for trace in profile.traces] == list(stacks)
        for trace in profile.traces:
            check_stack(trace.stack_trace, stacks[trace.name])
            assert "async with profiler.trace_context" in trace.stack_trace or trace.name != "async block"

    asyncio.run(main())


def test_no_stack_where_none_is_wanted() -> None:
    async def main() -> None:
        profiler = Profiler()
        async with profiler.trace_context("it") as live:
            assert live.stack_trace is None
        (trace,) = (await profiler.get_profile()).traces
        assert trace.stack_trace is None

    asyncio.run(main())
