"""A fork inside a trace: the trace is the parent's, and the child's profiler begins empty."""

import asyncio
import os
from typing import Any

import pytest
from ended import check, drive
from forking import child
from mtaio.monitoring import Profiler

# From 3.12 on a fork beside other threads is warned of.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


@pytest.mark.parametrize("way", ["block", "coroutine", "started"])
def test_fork_inside_a_trace(way: str) -> None:
    profiler = Profiler()

    def in_child(trace: Any) -> list[tuple[str, Any, str]]:
        begun = drive(profiler.get_profile())
        assert (begun.traces, begun.open_traces, begun.total_time) == ([], [], 0.0)
        assert begun.get_metrics().call_count == 0
        with profiler.trace_context("own"):
            pass
        if trace is not None:
            drive(profiler.end_trace(trace))
        after = drive(profiler.get_profile())
        assert after.open_traces == []
        return [(each.name, each.parent_id, each.status) for each in after.traces]

    async def main() -> None:
        async with profiler.trace_context("outer"):
            if way == "block":
                async with profiler.trace_context("it"):
                    assert child(lambda: in_child(None)) == [("own", None, "ok")]
            elif way == "started":
                trace = await profiler.start_trace("it")
                assert child(lambda: in_child(trace)) == [("own", None, "ok")]
                await profiler.end_trace(trace)
            else:

                @profiler.trace(name="it")
                async def it() -> None:
                    await asyncio.sleep(0)
                    assert child(lambda: in_child(None)) == [("own", None, "ok")]

                await it()

    asyncio.run(main())
    check(profiler, ("outer", None, "ok"), ("it", "outer", "ok"))


def test_a_block_that_the_child_of_a_fork_leaves_records_nothing_there() -> None:
    profiler = Profiler()
    with profiler.trace_context("it"):
        process = os.fork()
    if process == 0:
        code = 1
        try:
            profile = drive(profiler.get_profile())
            code = 0 if (profile.traces, profile.open_traces) == ([], []) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    check(profiler, ("it", None, "ok"))
