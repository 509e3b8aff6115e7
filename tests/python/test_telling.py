"""When handlers are told, and when not any more: ends, restarts, busy loops, ended loops, and who tells meanwhile."""

import asyncio
import functools
import logging
import threading
from typing import Any

import pytest
from deadline import Told, eventually, run
from mtaio.monitoring import Alert, ResourceMonitor
from undisturbed import undisturbed


def watched() -> ResourceMonitor:
    """A monitor that samples a hundred times a second, with a threshold on what the test records."""
    monitor = ResourceMonitor(interval=0.01)
    monitor.set_threshold("queue", 10.0)
    return monitor


def crosses(monitor: ResourceMonitor, times: int) -> None:
    """Makes the threshold fire and end so often."""
    for index in range(times):
        monitor.record("queue", 11.0 + index)
        monitor.record("queue", 0.0)


@pytest.mark.parametrize("hangs", [False, True], ids=["heard", "flooded"])
def test_nobody_is_called_after_stop(hangs: bool) -> None:
    async def main() -> None:
        monitor, calls, go_on = ResourceMonitor(interval=0.01), [], asyncio.Event()

        @monitor.on_alert
        async def told(alert: Alert) -> None:
            calls.append(alert.message)
            if hangs:
                await go_on.wait()

        await monitor.start()
        # More than is told at once, and with one that hangs more than it lets wait.
        for index in range(4000):
            await monitor.alert(f"message {index}")
        await monitor.stop()
        made = len(calls)
        go_on.set()
        await asyncio.sleep(0.3)
        assert len(calls) == made, "what came too late waits for the next start"
        assert made == (64 if hangs else 4000)

    run(main(), seconds=40)


def test_what_waited_when_it_stopped_is_told_when_it_starts_again() -> None:
    async def main() -> None:
        monitor, go_on, slow, quick = watched(), asyncio.Event(), [], Told()

        @monitor.on_alert
        async def told(alert: Alert) -> None:
            slow.append(alert.message)
            await go_on.wait()

        await monitor.start()
        for index in range(70):
            await monitor.alert(f"first {index}")
        await monitor.stop()
        assert len(slow) == 64
        go_on.set()
        await monitor.start()
        monitor.on_alert(quick)
        await monitor.alert("second")
        await eventually(lambda: slow[-1] == "second")
        assert len(slow) == 65, "what stop() gave up is not told later"
        assert [alert.message for alert in quick.calls] == ["second"]
        await monitor.stop()

    run(main(), seconds=40)


def test_a_monitor_that_starts_while_it_stops_keeps_the_calls_of_its_new_run() -> None:
    async def main() -> None:
        monitor, steps, go_on = watched(), [], asyncio.Event()

        @monitor.on_alert
        async def told(alert: Alert) -> None:
            steps.append(f"begun {alert.message}")
            await go_on.wait()
            steps.append(f"ended {alert.message}")

        await monitor.start()
        await monitor.alert("old")
        stops = asyncio.create_task(monitor.stop())
        await eventually(lambda: not monitor.is_running)
        await monitor.start()
        await monitor.alert("new")
        await stops
        # Longer than stop() had left.
        await asyncio.sleep(5.2)
        assert steps == ["begun old", "begun new"]
        go_on.set()
        await eventually(lambda: steps[2:] == ["ended old", "ended new"])
        assert monitor.health().handler_errors == 0
        await monitor.stop()

    run(main(), seconds=40)


def test_a_loop_that_is_busy_is_called_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monitor, told, called = watched(), Told(), []
        monitor.on_alert(told)
        # Binds it to this loop; it is not started, and so has no bell.
        await monitor.alert("first")
        loop = asyncio.get_running_loop()
        call = loop.call_soon_threadsafe

        def counts(callback: Any, *arguments: Any, **named: Any) -> Any:
            called.append(callback)
            return call(callback, *arguments, **named)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counts)
        thread = threading.Thread(target=crosses, args=(monitor, 2000))
        thread.start()
        # Blocks the loop on purpose.
        thread.join()
        assert len(called) == 1
        await eventually(lambda: told.calls[-1].state == "resolved" and told.calls[-1].peak == 2010.0)
        monitor.record("queue", 99.0)
        thread = threading.Thread(target=crosses, args=(monitor, 1))
        thread.start()
        await eventually(lambda: told.calls[-1].peak == 99.0)
        assert len(called) <= 3, "and again when it has heard"
        thread.join()

    run(main())


def test_who_records_while_it_is_told_does_not_hear_the_newer_before_the_older() -> None:
    class Records(logging.Handler):
        """A handler of the log, called in the middle of telling."""

        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage().split()[1])
            if len(seen) == 1:
                monitor.record("e", 99.0)

    monitor, seen = ResourceMonitor(), []
    for name in "abcde":
        monitor.set_threshold(name, 10.0)
    records, logger = Records(), logging.getLogger("mtaio.monitoring")
    logger.addHandler(records)

    async def main() -> None:
        await monitor.record_metrics(dict.fromkeys("abcd", 11.0))
        await eventually(lambda: len(seen) == 5)
        assert seen == list("abcde")

    try:
        run(main())
    finally:
        logger.removeHandler(records)


def test_calls_that_cancel_themselves_leave_their_room_to_those_that_wait() -> None:
    async def main() -> None:
        monitor, begun, go_on = ResourceMonitor(), [], asyncio.Event()

        @monitor.on_alert
        async def cancels_itself(alert: Alert) -> None:
            begun.append(alert.message)
            await go_on.wait()
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(60.0)

        for index in range(70):
            await monitor.alert(str(index))
        assert len(begun) == 64
        go_on.set()
        await eventually(lambda: len(begun) == 70)
        assert begun == [str(index) for index in range(70)]
        await eventually(lambda: monitor.health().dropped_calls == 0)

    run(main())


def test_calls_of_a_loop_that_has_ended_take_no_room_on_the_next() -> None:
    monitor, begun = ResourceMonitor(), []

    @monitor.on_alert
    async def never_ends(alert: Alert) -> None:
        begun.append(alert.message)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            # As long as its loop lives, which is not to be long.
            await asyncio.Event().wait()

    loop = asyncio.new_event_loop()
    # It would say that they were destroyed while pending.
    loop.set_exception_handler(lambda _loop, _context: None)
    for index in range(64):
        loop.run_until_complete(monitor.alert(f"first {index}"))
    # Closed under them: they never end.
    loop.close()

    async def again() -> None:
        for index in range(3):
            await monitor.alert(f"second {index}")
        await eventually(lambda: len(begun) == 67)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:  # type: ignore[arg-type]
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()

    run(again())
    assert begun[64:] == ["second 0", "second 1", "second 2"]
    assert monitor.health().dropped_calls == 0


def test_one_that_swallows_its_time_out_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        monitor, ended = ResourceMonitor(interval=0.01, handler_timeout=0.05), []

        @monitor.on_alert
        async def swallows(_alert: Alert) -> None:
            try:
                await asyncio.sleep(60.0)
            except asyncio.CancelledError:
                ended.append("went on")

        async with undisturbed(monitor):
            await monitor.alert("a message")
            await eventually(lambda: monitor.health().handler_errors == 1)
            assert ended == ["went on"]

    run(main())
    (said,) = [message for message in caplog.messages if "handler_timeout" in message]
    assert "which it did not heed" in said


def test_evidence_of_the_beginning_stays_where_a_newer_value_is_told_in_its_place() -> None:
    async def main() -> None:
        monitor, told, go_on = ResourceMonitor(), [], asyncio.Event()
        monitor.set_threshold("queue", 10.0, repeat_seconds=0.001)

        @monitor.on_alert
        async def hangs(alert: Alert) -> None:
            told.append(alert)
            await go_on.wait()

        for index in range(64):
            await monitor.alert(str(index))
        await monitor.record_metric("queue", 11.0)
        await asyncio.sleep(0.01)
        await monitor.record_metric("queue", 12.0)
        assert len(told) == 64
        go_on.set()
        await eventually(lambda: len(told) == 65)
        assert told[-1].value == 12.0
        assert told[-1].evidence is not None, "what was going on when it fired"

    run(main())


def test_the_log_names_a_handler_and_not_what_it_holds(caplog: pytest.LogCaptureFixture) -> None:
    class Holds:
        def __init__(self) -> None:
            self.password = "hunter2"

        def __repr__(self) -> str:
            return f"Holds({self.password})"

        async def __call__(self, _alert: Alert) -> None:
            raise LookupError

    class Emits:
        async def emit(self, _name: str, _alert: Alert) -> None:
            raise LookupError

    async def page(_token: str, _alert: Alert) -> None:
        raise LookupError

    async def main() -> None:
        monitor = ResourceMonitor()
        monitor.on_alert(Holds())
        monitor.on_alert(functools.partial(page, "hunter2"))
        monitor.add_destination(Emits())
        await monitor.alert("a message")
        await eventually(lambda: monitor.health().handler_errors == 3)
        assert monitor.health().destinations[0].last_error == "LookupError"

    run(main())
    said = [message for message in caplog.messages if "raised" in message]
    for name, message in zip(("Holds", "page", "Emits"), said, strict=True):
        assert f".{name} raised" in message
    assert "hunter2" not in caplog.text
