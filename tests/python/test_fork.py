"""A fork: stopped and startable in the child, unharmed in the parent (issue 2, "It must show" 5)."""

import asyncio
import contextlib
import math
import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from deadline import Told, eventually, in_thread, run, sampling_threads
from forking import check_life, child, goes_on, inherited, life, put_inherited_life, put_life_at_import
from mtaio.monitoring import ResourceMonitor

# From 3.12 on a fork beside other threads is warned of; it is what this file is about.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


@contextlib.asynccontextmanager
async def running(interval: float = 0.01) -> AsyncIterator[ResourceMonitor]:
    """A monitor with a past: samples, values, a threshold that has fired, losses, a call under way."""
    monitor, go_on, told = ResourceMonitor(interval=interval, history_size=1000), asyncio.Event(), Told()
    monitor.set_threshold("thread_count", 0.0)

    parent = os.getpid()

    @monitor.on_threshold_exceeded
    async def hangs(*_arguments: Any) -> None:
        if os.getpid() == parent:
            await go_on.wait()

    monitor.on_threshold_exceeded(told)
    await monitor.record_metrics({"queue": 7.0, "bad": math.nan})
    async with monitor:
        await told.wait()
        await eventually(lambda: monitor.health().samples > 0.15 / interval)
        monitor.remove_handler(told)
        try:
            yield monitor
        finally:
            go_on.set()


def check_inherited(found: dict[str, Any]) -> None:
    """Settings stay; everything that is the parent's is gone."""
    assert found == {
        "running": False,
        "sampling threads": 0,
        "settings": (0.01, 1000),
        "samples": 0,
        "losses": (0, 0, 0),
        "history": 0,
        "recorded": None,
    }


def test_in_the_child_it_is_stopped_and_nothing_of_the_parents_is_left() -> None:
    async def main() -> None:
        async with running() as monitor:
            check_inherited(child(lambda: inherited(monitor)))
            await goes_on(monitor)
            assert await monitor.get_metric("queue") == 7.0
            assert monitor.health().dropped_values == 1

    run(main())


def test_in_the_child_it_can_be_started_and_the_parents_goes_on() -> None:
    async def main() -> None:
        async with running() as monitor:
            before = await monitor.get_history()
            for _ in range(3):
                check_life(child(lambda: life(monitor)))
                await goes_on(monitor)
            rows = await monitor.get_history()
            assert rows[: len(before)] == before
            assert all(not row.gap for row in rows), "the child's start is none of the parent's"
            assert sampling_threads() == 1

    run(main())


def test_a_child_of_a_child() -> None:
    def generation(monitor: ResourceMonitor) -> tuple[dict[str, Any], dict[str, Any]]:
        async def main() -> tuple[dict[str, Any], dict[str, Any]]:
            async with monitor:
                return child(lambda: inherited(monitor)), child(lambda: life(monitor))

        return run(main())

    async def main() -> None:
        async with running() as monitor:
            found, lived = child(lambda: generation(monitor))
            check_inherited(found)
            check_life(lived)
            await goes_on(monitor)

    run(main())


def test_a_fork_in_a_thread() -> None:
    async def main() -> None:
        async with running() as monitor:
            check_inherited(await asyncio.to_thread(child, lambda: inherited(monitor)))
            check_life(await asyncio.to_thread(child, lambda: life(monitor)))
            await goes_on(monitor)

    run(main())


def test_a_monitor_that_does_not_run() -> None:
    monitor = ResourceMonitor(interval=0.01, history_size=1000)
    check_inherited(child(lambda: inherited(monitor)))
    monitor.set_threshold("thread_count", 0.0)
    check_life(child(lambda: life(monitor)))
    check_life(in_thread(lambda: child(lambda: life(monitor))))
    assert not monitor.is_running


def test_a_monitor_that_was_never_started_alerts_in_the_child_too() -> None:
    monitor = ResourceMonitor()
    monitor.set_threshold("queue", 10.0)

    async def alerts() -> list[Any]:
        told = Told()
        monitor.on_threshold_exceeded(told)
        await monitor.record_metric("queue", 11.0)
        await monitor.record_metric("queue", 12.0)
        return told.calls

    assert run(alerts()) == [("queue", 11.0, 10.0)]
    assert child(lambda: run(alerts())) == [("queue", 11.0, 10.0)], "a first value in the child is a crossing again"


def test_records_in_the_child_are_the_childs() -> None:
    monitor = ResourceMonitor()
    monitor.record("queue", 7.0)

    def record() -> float:
        monitor.record("queue", 8.0)
        return run(monitor.get_metric("queue"))

    assert child(record) == 8.0
    assert run(monitor.get_metric("queue")) == 7.0


def test_collect_metrics_runs_in_the_child_once_it_is_started_there() -> None:
    rounds: list[int] = []

    class Collecting(ResourceMonitor):
        async def collect_metrics(self) -> None:
            while True:
                rounds.append(os.getpid())
                await asyncio.sleep(0.001)

    def in_child(monitor: ResourceMonitor) -> bool:
        async def main() -> bool:
            rounds.clear()
            await asyncio.sleep(0.02)
            assert rounds == [], "the parent's task does not run here"
            async with monitor:
                await eventually(lambda: len(rounds) > 3)
            return set(rounds) == {os.getpid()}

        return run(main())

    async def main() -> None:
        async with Collecting(interval=0.01) as monitor:
            await eventually(lambda: len(rounds) > 3)
            assert child(lambda: in_child(monitor))
            count = len(rounds)
            await eventually(lambda: len(rounds) > count + 3)

    run(main())


@pytest.mark.once
def test_fifty_forks_beside_samplers_at_a_millisecond_and_busy_threads() -> None:
    """Whatever lock some thread of the parent holds at that moment, no child waits for it.

    Eight samplers that sleep and wake a thousand times a second also hold what locks are made of: a table of
    waiters that all locks of the process share would be caught locked.
    """

    async def main() -> None:
        over = threading.Event()
        monitors = [ResourceMonitor(interval=0.001) for _ in range(8)]

        async with running(interval=0.001) as monitor, contextlib.AsyncExitStack() as stack:
            for other in monitors:
                await stack.enter_async_context(other)

            def record() -> None:
                while not over.is_set():
                    monitor.record("queue", time.monotonic())

            def read() -> None:
                while not over.is_set():
                    # Copies the history without the GIL, under a lock.
                    monitor._mtaio_history(None, None)
                    monitor.health()

            threads = [threading.Thread(target=target) for target in (record, read)]
            for thread in threads:
                thread.start()

            def short_life() -> list[bool]:
                async def main() -> list[bool]:
                    for each in (monitor, *monitors):
                        await each.start()
                    for each in (monitor, *monitors):
                        await eventually(lambda each=each: each.health().samples >= 2)
                        await each.stop()
                    return [each.is_running for each in (monitor, *monitors)]

                return run(main())

            try:
                for _ in range(50):
                    assert child(short_life) == [False] * 9
            finally:
                over.set()
                for thread in threads:
                    thread.join()
            await goes_on(monitor)

    run(main(), seconds=50)


def test_multiprocessing_fork() -> None:
    context = multiprocessing.get_context("fork")

    async def main() -> None:
        async with running() as monitor:
            queue = context.SimpleQueue()
            process = context.Process(target=put_inherited_life, args=(queue, monitor))
            process.start()
            said = await asyncio.to_thread(queue.get)
            process.join(10)
            assert process.exitcode == 0
            assert not isinstance(said, str), said
            was_running, lived = said
            assert was_running is False
            check_life(lived)
            await goes_on(monitor)

    run(main())


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_multiprocessing_with_a_process_of_its_own(method: str) -> None:
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        # The server imports it, and each child is forked from the server.
        context.set_forkserver_preload(["forking"])

    async def main() -> None:
        async with running() as monitor:
            for _ in range(2):
                queue = context.SimpleQueue()
                process = context.Process(target=put_life_at_import, args=(queue,))
                process.start()
                said = await asyncio.to_thread(queue.get)
                process.join(10)
                assert process.exitcode == 0
                assert not isinstance(said, str), said
                was_running, lived = said
                assert was_running is False
                check_life(lived)
            await goes_on(monitor)

    run(main(), seconds=40)


def test_a_monitor_cannot_be_sent_to_another_process() -> None:
    with pytest.raises(TypeError, match="cannot pickle 'ResourceMonitor'"):
        pickle.dumps(ResourceMonitor())


def test_a_child_that_ends_as_programs_do_leaves_no_word() -> None:
    """Interpreter shutdown in the child and then in the parent, with the monitor running in both.

    The fork is outside of the loop, since a child that closes its parent's loop closes it for the parent too.
    """
    program = """
        import asyncio, os, sys, warnings
        from mtaio.monitoring import ResourceMonitor

        monitor = ResourceMonitor(interval=0.001)

        async def start():
            await monitor.start()
            await asyncio.sleep(0.05)

        asyncio.run(start())
        assert monitor.is_running
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if child == 0:
            assert not monitor.is_running
            asyncio.run(start())
            assert monitor.is_running
            sys.exit(7)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 7, status
        assert monitor.is_running
    """
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(program)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
