"""stop(): at once, or within its budget behind what hangs; and nothing runs afterwards."""

import asyncio
import contextlib
import time
from typing import Any

import pytest
from deadline import Told, eventually, run, sampling_threads
from mtaio.monitoring import ResourceMonitor, _monitor


async def cross(monitor: ResourceMonitor) -> None:
    """Makes the threshold on `queue` fire once."""
    monitor.set_threshold("queue", 10.0)
    await monitor.record_metric("queue", 0.0)
    await monitor.record_metric("queue", 11.0)


async def seconds_to_stop(monitor: ResourceMonitor) -> float:
    begun = time.monotonic()
    await monitor.stop()
    assert not monitor.is_running
    return time.monotonic() - begun


def test_returns_at_once_where_nothing_hangs() -> None:
    async def main() -> None:
        for interval in (0.001, 1.0, 86_400.0):
            monitor = ResourceMonitor(interval=interval)
            await monitor.start()
            await eventually(lambda: sampling_threads() == 1)
            assert await seconds_to_stop(monitor) < 0.5
            await eventually(lambda: sampling_threads() == 0)
            assert await seconds_to_stop(monitor) < 0.1, "there is nothing left to stop"

    run(main())


def test_waits_for_a_handler_that_takes_a_while() -> None:
    async def main() -> None:
        monitor, steps = ResourceMonitor(), []

        @monitor.on_threshold_exceeded
        async def takes_a_while(*_arguments: Any) -> None:
            await asyncio.sleep(0.2)
            # What a handler sets off is waited for too.
            await monitor.alert("half way")
            steps.append("handler")

        @monitor.on_alert
        async def alerted(alert: Any) -> None:
            if alert.message == "half way":
                await asyncio.sleep(0.2)
                steps.append("alert")

        await monitor.start()
        await cross(monitor)
        assert 0.1 < await seconds_to_stop(monitor) < 4.0
        assert steps == ["handler", "alert"]

    run(main())


def test_keeps_its_budget_behind_a_handler_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        monitor, ended = ResourceMonitor(interval=0.01), []

        @monitor.on_threshold_exceeded
        async def hangs(*_arguments: Any) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("cancelled")

        await monitor.start()
        await cross(monitor)
        assert 4.0 <= await seconds_to_stop(monitor) <= 5.0
        assert ended == ["cancelled"]
        assert await seconds_to_stop(monitor) < 0.1

    run(main())
    assert sum("hangs did not end within the budget" in message for message in caplog.messages) == 1


def test_keeps_its_budget_behind_a_handler_that_heeds_no_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_monitor, "STOP_BUDGET_SECONDS", 0.5)

    async def main() -> None:
        monitor, go_on = ResourceMonitor(), asyncio.Event()

        @monitor.on_threshold_exceeded
        async def deaf(*_arguments: Any) -> None:
            while not go_on.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await go_on.wait()

        await monitor.start()
        await cross(monitor)
        assert await seconds_to_stop(monitor) < 2.0
        go_on.set()
        await asyncio.sleep(0.01)

    run(main())


def test_keeps_its_budget_behind_collect_metrics_that_heeds_no_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_monitor, "STOP_BUDGET_SECONDS", 0.5)
    go_on: list[None] = []

    class Deaf(ResourceMonitor):
        async def collect_metrics(self) -> None:
            while not go_on:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)

    async def main() -> None:
        monitor = Deaf()
        await monitor.start()
        await asyncio.sleep(0)
        assert await seconds_to_stop(monitor) < 2.0
        go_on.append(None)
        await asyncio.sleep(0.05)

    run(main())


def test_ends_when_it_is_cancelled_itself_and_takes_the_handlers_with_it() -> None:
    async def main() -> None:
        monitor, ended = ResourceMonitor(), []

        @monitor.on_threshold_exceeded
        async def hangs(*_arguments: Any) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("cancelled")

        await monitor.start()
        await cross(monitor)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(monitor.stop(), 0.1)
        await eventually(lambda: ended == ["cancelled"])
        assert not monitor.is_running
        await eventually(lambda: sampling_threads() == 0)

    run(main())


def test_collect_metrics_may_stop_its_own_monitor() -> None:
    steps = []

    class Short(ResourceMonitor):
        async def collect_metrics(self) -> None:
            await self.stop()
            steps.append("goes on")
            await self.record_metric("rounds", 1)

    async def main() -> None:
        monitor = Short()
        await monitor.start()
        await eventually(lambda: steps)
        assert not monitor.is_running
        assert await seconds_to_stop(monitor) < 0.5
        assert await monitor.get_metric("rounds") == 1.0

    run(main())


def test_many_stops_at_once() -> None:
    async def main() -> None:
        monitor, told = ResourceMonitor(interval=0.01), Told()
        monitor.on_threshold_exceeded(told)
        await monitor.start()
        await cross(monitor)
        begun = time.monotonic()
        await asyncio.gather(*(monitor.stop() for _ in range(20)))
        assert time.monotonic() - begun < 2.0
        assert told.calls == [("queue", 11.0, 10.0)]
        await monitor.start()
        assert monitor.is_running
        await monitor.stop()

    run(main())


def test_what_the_last_sample_had_to_tell_is_told() -> None:
    async def main() -> None:
        for _ in range(20):
            monitor, told = ResourceMonitor(interval=0.001), Told()
            monitor.on_threshold_exceeded(told)
            monitor.set_threshold("thread_count", 0.0)
            await monitor.start()
            # The loop is blocked while the sample is taken, so that nobody has answered the bell.
            while monitor.health().samples < 3:
                time.sleep(0.001)  # noqa: ASYNC251 - it is to be blocked
            await monitor.stop()
            assert len(told.calls) == 1
            assert told.calls[0][0] == "thread_count"

    run(main())
