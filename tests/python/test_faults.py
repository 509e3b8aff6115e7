"""Found by a reader with fresh eyes: each of these once went wrong."""

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest
from deadline import Told, eventually, run, samples
from mtaio.monitoring import ResourceMonitor, _monitor


async def cancelled_elsewhere() -> None:
    """Raises a CancelledError, although nobody cancelled this task."""
    other = asyncio.create_task(asyncio.sleep(10))
    await asyncio.sleep(0)
    other.cancel()
    await other


def test_collect_metrics_that_raises_instead_of_heeding_stop_does_not_start_again() -> None:
    class Stubborn(ResourceMonitor):
        runs = 0

        async def collect_metrics(self) -> None:
            self.runs += 1
            try:
                await asyncio.sleep(100)
            finally:
                raise RuntimeError("cleanup failed")

    async def main() -> None:
        monitor = Stubborn(interval=0.01)
        async with monitor:
            await samples(monitor)
            await asyncio.wait_for(monitor.stop(), 2.0)
        assert monitor.runs == 1
        assert monitor.health().collect_metrics_errors == 1
        assert [task for task in asyncio.all_tasks() if "collect_metrics" in task.get_name()] == []

    run(main())


def test_a_cancellation_that_is_not_ours_is_an_error_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_monitor, "BACK_OFF_SECONDS", (0.01, 0.02))

    class Awaiting(ResourceMonitor):
        async def collect_metrics(self) -> None:
            await cancelled_elsewhere()

    async def main() -> None:
        monitor = Awaiting(interval=0.01)

        @monitor.on_alert
        async def handler(*_alert: Any) -> None:
            await cancelled_elsewhere()

        async with monitor:
            await eventually(lambda: monitor.health().collect_metrics_errors > 2)
            await monitor.alert("look")
            await eventually(lambda: monitor.health().handler_errors == 1)

    run(main())


def test_repeats_do_not_wait_for_the_timer_to_be_late() -> None:
    async def main() -> None:
        told = Told()
        async with ResourceMonitor(interval=0.05) as monitor:
            monitor.on_threshold_exceeded(told)
            monitor.set_threshold("thread_count", 0.0, repeat_seconds=0.05)
            await eventually(lambda: monitor.health().samples >= 30)
        health = monitor.health()
        assert len(told.calls) >= health.samples - 1

    run(main())


def test_a_subclass_may_have_an_interval_of_its_own() -> None:
    class Own(ResourceMonitor):
        def __init__(self) -> None:
            super().__init__(interval=0.02)
            self.interval = "mine"  # type: ignore[assignment]
            self.history_size = self.scope = self.is_running = None  # type: ignore[assignment]

    async def main() -> None:
        async with Own() as monitor:
            await samples(monitor)
            assert "interval=0.02" in repr(monitor)
            assert "running" in repr(monitor)
            assert monitor.interval == "mine"

    run(main())


def test_after_a_restart_the_latest_value_is_of_this_run() -> None:
    async def main() -> None:
        monitor = ResourceMonitor(interval=0.2)
        async with monitor:
            await samples(monitor)
            before = await monitor.get_metric("thread_count")
        others = [threading.Thread(target=release.wait) for _ in range(20)]
        for other in others:
            other.start()
        try:
            async with monitor:
                assert await monitor.get_metric("thread_count") >= before + 20
        finally:
            release.set()
            for other in others:
                other.join()

    release = threading.Event()
    run(main())


def test_the_sampling_thread_takes_no_signal_of_the_hosts() -> None:
    """A host that blocks a signal in its own threads, to wait for it, must not be killed through ours."""
    program = """
import asyncio, os, signal
from mtaio.monitoring import ResourceMonitor
async def main():
    async with ResourceMonitor(interval=0.01):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        os.kill(os.getpid(), signal.SIGUSR1)
        print(signal.sigwait({signal.SIGUSR1}).name)
asyncio.run(main())
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert (result.returncode, result.stdout) == (0, "SIGUSR1\n"), result.stderr


def test_a_message_by_its_name() -> None:
    async def main() -> None:
        monitor, told = ResourceMonitor(), Told()
        monitor.on_alert(told)
        await monitor.alert(message="the disk is old")
        assert (told.calls[0].metric, told.calls[0].message) == (None, "the disk is old")
        with pytest.raises(TypeError, match="got nothing"):
            await monitor.alert()
        with pytest.raises(TypeError, match="mapping of names to values"):
            await monitor.record_metrics([("a", 1)])  # type: ignore[arg-type]

    run(main())
