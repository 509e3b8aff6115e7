"""From made to gone: loops come and go, and nothing is left behind."""

import asyncio
import gc
import threading
import time
import warnings
import weakref
from typing import Any

import pytest
import uvloop
from deadline import (
    Told,
    alert_of_a_sample,
    eventually,
    in_thread,
    on_loop,
    open_descriptors,
    run,
    samples,
    sampling_threads,
    soon,
)
from mtaio.monitoring import MonitoringError, ResourceMonitor

#: Made at import time, where no loop runs.
AT_IMPORT = ResourceMonitor(interval=0.01)


def test_start_and_stop_are_idempotent() -> None:
    async def main() -> None:
        monitor = ResourceMonitor(interval=0.01)
        await monitor.stop()
        for _ in range(3):
            assert not monitor.is_running
            for _ in range(3):
                await monitor.start()
            assert monitor.is_running
            await eventually(lambda: sampling_threads() == 1)
            await samples(monitor)
            for _ in range(3):
                await monitor.stop()
            await eventually(lambda: sampling_threads() == 0)

    run(main())


def test_async_with() -> None:
    async def main() -> None:
        monitor = ResourceMonitor(interval=0.01)
        async with monitor as entered:
            assert entered is monitor
            assert monitor.is_running
        assert not monitor.is_running
        with pytest.raises(LookupError):
            await raises_inside(monitor)
        assert not monitor.is_running

    async def raises_inside(monitor: ResourceMonitor) -> None:
        async with monitor:
            raise LookupError

    run(main())


def test_made_at_import_time_and_used_on_one_loop_after_another() -> None:
    async def main() -> None:
        async with AT_IMPORT:
            await alert_of_a_sample(AT_IMPORT)

    for _ in range(3):
        run(main())
    uvloop.run(asyncio.wait_for(main(), 20))
    in_thread(lambda: run(main()))


def test_a_loop_that_ends_without_stop_leaves_a_monitor_that_starts_on_the_next() -> None:
    monitor = ResourceMonitor(interval=0.01)
    rounds: list[int] = []

    class Collecting(ResourceMonitor):
        async def collect_metrics(self) -> None:
            rounds.append(1)
            await asyncio.Event().wait()

    collecting = Collecting(interval=0.01)

    async def starts_only() -> None:
        await monitor.start()
        await collecting.start()
        await asyncio.sleep(0)

    async def between_the_two() -> None:
        # Makes the monitor tell something on a loop on which it was not started.
        monitor.set_threshold("queue", 1.0)
        await monitor.record_metric("queue", 2.0)

    async def starts_again() -> None:
        await between_the_two()
        await monitor.start()
        await collecting.start()
        await alert_of_a_sample(monitor)
        await alert_of_a_sample(collecting)
        await monitor.stop()
        await collecting.stop()

    run(starts_only())
    assert monitor.is_running, "sampling needs no loop"
    run(between_the_two())
    run(starts_again())
    assert len(rounds) == 2
    run(starts_only())

    async def stops_only() -> None:
        begun = time.monotonic()
        await monitor.stop()
        await collecting.stop()
        assert time.monotonic() - begun < 1.0

    run(stops_only())
    assert not monitor.is_running


def test_two_loops_at_once_is_an_error_that_says_so() -> None:
    async def main() -> None:
        async with ResourceMonitor(interval=0.01) as monitor:

            def elsewhere(method: Any) -> None:
                with pytest.raises(MonitoringError, match=r"runs on another event loop: await its stop\(\) there"):
                    run(method())

            await asyncio.to_thread(elsewhere, monitor.start)
            await asyncio.to_thread(elsewhere, monitor.stop)
            assert monitor.is_running
            await alert_of_a_sample(monitor)

    run(main())


def test_records_from_another_loop_are_told_on_the_monitors_own() -> None:
    async def main() -> None:
        async with ResourceMonitor() as monitor:
            threads: list[int] = []
            monitor.on_threshold_exceeded(on_loop(lambda *_arguments: threads.append(threading.get_ident())))
            monitor.set_threshold("queue", 1.0)
            await asyncio.to_thread(lambda: run(monitor.record_metric("queue", 2.0)))
            await eventually(lambda: threads)
            assert threads == [threading.get_ident()]

    run(main())


def test_on_uvloop() -> None:
    async def main() -> None:
        monitor, told = ResourceMonitor(interval=0.01), Told()
        monitor.on_threshold_exceeded(told)
        monitor.set_threshold("queue", 10.0)
        async with monitor:
            await monitor.record_metric("queue", 11.0)
            assert told.calls == [("queue", 11.0, 10.0)], "the handler has ended when record_metric returns"
            await alert_of_a_sample(monitor)
            await asyncio.to_thread(monitor.record, "queue", 9.0)
            await asyncio.to_thread(monitor.record, "queue", 12.0)
            assert (await told.wait(3))[-1] == ("queue", 12.0, 10.0)
            monitor.on_threshold_exceeded(Told())
        await eventually(lambda: sampling_threads() == 0)

    uvloop.run(asyncio.wait_for(main(), 20))


def test_start_without_a_running_loop() -> None:
    coroutine = ResourceMonitor().start()
    with pytest.raises(MonitoringError, match=r"start\(\) needs a running event loop.*asyncio\.run\(\)"):
        coroutine.send(None)


def test_a_hundred_monitors() -> None:
    async def main() -> None:
        monitors = [ResourceMonitor(interval=0.05) for _ in range(100)]
        before = len(open_descriptors())
        await asyncio.gather(*(monitor.start() for monitor in monitors))
        await eventually(lambda: sampling_threads() == 100)
        for monitor in monitors:
            await samples(monitor, 1)
        await asyncio.gather(*(monitor.stop() for monitor in monitors))
        await eventually(lambda: sampling_threads() == 0)
        del monitor
        monitors.clear()
        gc.collect()
        assert len(open_descriptors()) <= before

    # A loop's own descriptors are opened before the count.
    run(main())


def test_a_dropped_monitor_takes_its_thread_and_descriptors_with_it() -> None:
    async def starts_only() -> "weakref.ref[ResourceMonitor]":
        monitor = ResourceMonitor(interval=0.01)
        await monitor.start()
        await samples(monitor)
        return weakref.ref(monitor)

    gc.collect()
    before = open_descriptors()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unraisable: list[Any] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.unraisablehook", unraisable.append)
            dropped = run(starts_only())
            gc.collect()
        assert unraisable == [], "no ResourceWarning for a stop() that was forgotten"
    assert dropped() is None
    soon(lambda: sampling_threads() == 0)
    soon(lambda: len(open_descriptors()) == len(before))


def test_a_running_monitor_lives_as_long_as_its_loop() -> None:
    async def main() -> None:
        told = Told()

        async def set_up() -> None:
            monitor = ResourceMonitor(interval=0.01)
            monitor.on_threshold_exceeded(told)
            monitor.set_threshold("host_threads", 0.0)
            await monitor.start()

        await set_up()
        gc.collect()
        await told.wait()

    run(main())
    gc.collect()
    soon(lambda: sampling_threads() == 0)
