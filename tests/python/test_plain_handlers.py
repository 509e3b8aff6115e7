"""Plain functions as handlers: they may block, for they are called on a thread."""

import asyncio
import contextvars
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from deadline import Told, eventually, run
from forking import child
from mtaio.monitoring import Alert, ResourceMonitor
from undisturbed import undisturbed


def watched() -> ResourceMonitor:
    """A monitor that samples a hundred times a second, with a threshold on what the test records."""
    monitor = ResourceMonitor(interval=0.01)
    monitor.set_threshold("queue", 10.0)
    return monitor


async def cross(monitor: ResourceMonitor) -> None:
    """Makes the threshold fire once."""
    await monitor.record_metric("queue", 0.0)
    await monitor.record_metric("queue", 11.0)


class Gate:
    """A plain function that blocks its thread until the test says so, and keeps what it was told."""

    def __init__(self) -> None:
        """Shut."""
        self.go_on = threading.Event()
        self.begun: list[Any] = []
        self.ended: list[Any] = []

    def __call__(self, alert: Alert) -> None:
        """Waits for the test, and no longer than the longest of them."""
        told = alert.value if alert.metric else alert.message
        self.begun.append(told)
        self.go_on.wait(60.0)
        self.ended.append(told)


@pytest.fixture(name="gate")
def _gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.go_on.set()


def test_a_plain_function_that_blocks_holds_up_neither_the_loop_nor_another_handler(gate: Gate) -> None:
    async def main() -> None:
        monitor, told, other = watched(), Told(), []
        monitor.on_alert(gate)
        monitor.on_alert(told)

        @monitor.on_alert
        def plain(alert: Alert) -> None:
            other.append(alert.message)

        async with undisturbed(monitor):
            for index in range(10):
                await monitor.alert(f"message {index}")
            assert len(told.calls) == 10
            await eventually(lambda: len(other) == 10)
            await eventually(lambda: gate.begun == ["message 0"])
            assert gate.ended == []
            gate.go_on.set()
            await eventually(lambda: gate.ended == [f"message {index}" for index in range(10)])
            assert gate.begun == gate.ended == other, "one after the other, as they came"
            assert monitor.health().dropped_calls == monitor.health().handler_errors == 0
        await eventually(lambda: not any(thread.name == "mtaio-handler" for thread in threading.enumerate()))

    run(main())


def test_a_plain_function_has_the_context_of_its_call_and_may_record() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="outside")

    async def main() -> None:
        monitor, seen = watched(), []
        monitor.set_threshold("second", 1.0)

        @monitor.on_threshold_exceeded
        def reacts(metric: str, value: float, _threshold: float) -> None:
            seen.append((metric, variable.get()))
            monitor.record("second", value)

        variable.set("inside")
        await cross(monitor)
        await eventually(lambda: len(seen) == 2)
        assert seen[0] == ("queue", "inside")
        assert seen[1][0] == "second"

    run(main())


def test_a_plain_function_that_hangs_is_counted_and_hears_of_the_last_state_when_it_goes_on(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        monitor = ResourceMonitor(interval=0.01, handler_timeout=0.05)
        monitor.set_threshold("queue", 10.0)
        monitor.on_alert(gate)
        async with undisturbed(monitor):
            for _ in range(100):
                await cross(monitor)
            await monitor.record_metric("queue", 0.0)
            await monitor.record_metric("queue", 99.0)
            await eventually(lambda: monitor.health().handler_errors == 1)
            await asyncio.sleep(0.2)
            assert monitor.health().handler_errors == 1, "those behind it have not begun: their time does not run"
            assert gate.begun == [11.0]
            gate.go_on.set()
            await eventually(lambda: gate.ended[-1:] == [99.0])
            assert gate.ended[-2] == 0.0, "what began had ended before"
            # 101 crossings fire, and all but the first end the one before. Of those behind the call that hung, it heard
            # the newest and the one before it, and nothing stale.
            assert gate.ended == [11.0, 0.0, 99.0]
            assert monitor.health().dropped_calls == 198

    run(main())
    (said,) = [message for message in caplog.messages if "handler_timeout" in message]
    assert "is left to its thread" in said


def test_stop_does_not_wait_for_a_plain_function_that_hangs_and_can_be_followed_by_start(gate: Gate) -> None:
    async def main() -> None:
        monitor = watched()
        monitor.on_alert(gate)
        await monitor.start()
        for index in range(3):
            await monitor.alert(f"before {index}")
        await eventually(lambda: gate.begun == ["before 0"])
        begun = time.monotonic()
        await monitor.stop()
        assert 4.0 < time.monotonic() - begun < 7.0
        # The first; for it the others wait, which is what stop() gives up.
        assert (monitor.health().handler_errors, monitor.health().dropped_calls) == (1, 2)
        await monitor.start()
        await monitor.alert("after")
        gate.go_on.set()
        await eventually(lambda: gate.ended == ["before 0", "after"])
        await monitor.stop()

    run(main(), seconds=40)


def test_the_child_of_a_fork_calls_plain_functions_of_its_own(gate: Gate) -> None:
    def tells(monitor: ResourceMonitor) -> str:
        async def main() -> str:
            gate.go_on.set()
            async with monitor:
                await monitor.alert("of the child")
                await eventually(lambda: "of the child" in gate.ended)
            return repr(gate.ended)

        return run(main())

    async def main() -> None:
        monitor = ResourceMonitor()
        monitor.on_alert(gate)
        await monitor.alert("of the parent")
        await eventually(lambda: gate.begun == ["of the parent"])
        # While a thread of the parent is in the handler.
        assert await asyncio.to_thread(child, lambda: tells(monitor)) == "['of the child']"
        gate.go_on.set()
        await eventually(lambda: gate.ended == ["of the parent"])

    run(main(), seconds=60)
