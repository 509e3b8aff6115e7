"""What tracebacks, debuggers and the loop's own tools see of a traced function is the function."""

import asyncio
import collections.abc
import gc
import inspect
import traceback
import types
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from mtaio.monitoring import Profiler


def frames(call: Callable[[], Any]) -> list[tuple[str, str, int | None]]:
    """The frames of the traceback of the error that a call raises."""
    try:
        call()
    except LookupError as error:
        return [(frame.filename, frame.name, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    raise AssertionError("no error")


def test_the_traceback_is_that_of_the_plain_function() -> None:
    async def fails(depth: int) -> None:
        await asyncio.sleep(0)
        if depth:
            await fails(depth - 1)
        raise LookupError

    def fails_here() -> None:
        raise LookupError

    async def fails_between() -> collections.abc.AsyncIterator[int]:
        yield 1
        raise LookupError

    def fails_after() -> collections.abc.Iterator[int]:
        yield 1
        raise LookupError

    async def iterate(generator: Any) -> None:
        async for _ in generator:
            pass

    def calls(trace: Callable[..., Any]) -> list[Any]:
        return [
            lambda: asyncio.run(trace(fails)(2)),
            lambda: trace(fails_here)(),
            lambda: asyncio.run(iterate(trace(fails_between)())),
            lambda: list(trace(fails_after)()),
        ]

    for plain, traced in zip(calls(lambda function: function), calls(Profiler().trace), strict=True):
        assert frames(traced) == frames(plain)


def test_the_coroutine_shows_its_state() -> None:
    class Pause:
        def __await__(self) -> collections.abc.Iterator[str]:
            yield "paused"

    async def body() -> str:
        await Pause()
        seen.append(inspect.getcoroutinestate(coroutine))
        return "done"

    seen: list[str] = []
    coroutine = Profiler().trace(body)()
    assert isinstance(coroutine, collections.abc.Coroutine)
    assert isinstance(coroutine, collections.abc.Awaitable)
    assert asyncio.iscoroutine(coroutine)
    assert inspect.isawaitable(coroutine)
    assert coroutine.__name__ == "body"
    assert coroutine.__qualname__ == body.__qualname__
    assert "body" in repr(coroutine)
    assert (coroutine.cr_code, coroutine.cr_running, coroutine.cr_await) == (body.__code__, False, None)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    assert coroutine.send(None) == "paused"
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED
    assert isinstance(coroutine.cr_frame, types.FrameType)
    assert coroutine.cr_frame.f_code is body.__code__
    assert inspect.getcoroutinelocals(coroutine) == coroutine.cr_frame.f_locals
    assert coroutine.cr_await is not None
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    assert stop.value.value == "done"
    assert seen == [inspect.CORO_RUNNING]
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        coroutine.send(None)


def test_a_task_of_it_shows_where_it_is() -> None:
    async def waits() -> None:
        await asyncio.get_running_loop().create_future()

    async def main(function: Callable[[], Any]) -> tuple[Any, ...]:
        task = asyncio.create_task(function(), name="the task")
        await asyncio.sleep(0)
        shown, stack = repr(task), [(frame.f_code, frame.f_lineno) for frame in task.get_stack()]
        task.cancel()
        await asyncio.wait([task])
        assert f"coro=<{waits.__qualname__}() " in shown, shown
        assert f"{__file__}:" in shown, shown
        return shown.split("wait_for=")[0], stack

    assert asyncio.run(main(Profiler().trace(waits))) == asyncio.run(main(waits))


def test_python_says_that_it_was_never_awaited() -> None:
    async def forgotten() -> None: ...

    def said(function: Callable[[], Any]) -> list[tuple[str, type]]:
        gc.collect()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            function()
            gc.collect()
        return [(str(each.message), each.category) for each in warned]

    assert said(Profiler().trace(forgotten)) == said(forgotten) != []
