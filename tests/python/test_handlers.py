"""Handlers cannot hurt: not the caller, not the sampling, not each other (issue 2, "It must show" 4).

Long because each way to misbehave is a test of its own.
"""

import asyncio
import functools
import logging
import threading
import time
from typing import Any

import pytest
from deadline import Told, eventually, run
from mtaio.monitoring import Alert, ConfigurationError, ResourceMonitor
from undisturbed import undisturbed

FIRED = ("queue", 11.0, 10.0)
#: Calls of one handler that wait for room at most.
WAITING = 4096  # messages


def watched() -> ResourceMonitor:
    """A monitor that samples a hundred times a second, with a threshold on what the test records."""
    monitor = ResourceMonitor(interval=0.01)
    monitor.set_threshold("queue", 10.0)
    return monitor


async def cross(monitor: ResourceMonitor) -> None:
    """Makes the threshold fire once."""
    await monitor.record_metric("queue", 0.0)
    await monitor.record_metric("queue", 11.0)


def test_every_sort_of_callable() -> None:
    async def main() -> None:
        monitor, seen, threads = watched(), [], {}

        def keep(kind: str, arguments: tuple[Any, ...]) -> None:
            seen.append((kind, arguments))
            threads[kind] = threading.get_ident()

        class Method:
            async def told(self, *arguments: Any) -> None:
                keep("method", arguments)

        class Async:
            async def __call__(self, *arguments: Any) -> None:
                keep("async object", arguments)

        class Plain:
            def __call__(self, *arguments: Any) -> None:
                keep("plain object", arguments)

        async def with_prefix(prefix: str, *arguments: Any) -> None:
            keep(prefix, arguments)

        @monitor.on_threshold_exceeded
        def plain(metric: str, value: float, threshold: float) -> None:
            keep("def", (metric, value, threshold))

        @monitor.on_threshold_exceeded
        async def coroutine(metric: str, value: float, threshold: float) -> None:
            keep("async def", (metric, value, threshold))

        handlers = [Method().told, Async(), Plain(), functools.partial(functools.partial(with_prefix), "partial")]
        for handler in handlers:
            assert monitor.on_threshold_exceeded(handler) is handler
        # Called on a thread, it makes a coroutine, which runs on the loop.
        monitor.on_threshold_exceeded(lambda *arguments: with_prefix("lambda", *arguments))
        await cross(monitor)
        on_loop = ["async def", "method", "async object", "partial"]
        assert [told for told in seen if told[0] in on_loop] == [(kind, FIRED) for kind in on_loop]
        await eventually(lambda: len(seen) == 7)
        assert {kind for kind, arguments in seen if arguments == FIRED} == {*on_loop, "lambda", "def", "plain object"}
        own = threading.get_ident()
        assert {kind for kind, thread in threads.items() if thread != own} == {"def", "plain object"}
        assert plain.__name__ == "plain"
        assert asyncio.iscoroutinefunction(coroutine)

    run(main())


def test_the_same_handler_twice_is_called_once_and_can_be_removed() -> None:
    async def main() -> None:
        monitor, told = watched(), Told()
        for _ in range(2):
            monitor.on_threshold_exceeded(told)
        await cross(monitor)
        assert told.calls == [FIRED]
        assert monitor.remove_handler(told) is True
        assert monitor.remove_handler(told) is False
        await cross(monitor)
        assert told.calls == [FIRED]

    run(main())


def test_record_metric_returns_when_handlers_have_started_and_ended_if_they_do_not_suspend() -> None:
    async def main() -> None:
        monitor, steps, go_on = watched(), [], asyncio.Event()

        @monitor.on_threshold_exceeded
        async def suspends(*_arguments: Any) -> None:
            steps.append("begun")
            await go_on.wait()
            steps.append("ended")

        @monitor.on_threshold_exceeded
        async def straight(*_arguments: Any) -> None:
            steps.append("straight")

        for started in (False, True):
            if started:
                await monitor.start()
            steps.clear()
            go_on.clear()
            await monitor.record_metrics({"queue": 0.0, "other": 1.0})
            await monitor.record_metrics({"other": 1.0, "queue": 11.0})
            assert steps == ["begun", "straight"]
            go_on.set()
            await eventually(lambda: steps[-1] == "ended")
        await monitor.stop()

    run(main())


def test_one_that_raises_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        monitor, told = watched(), Told()

        @monitor.on_threshold_exceeded
        async def raises(*_arguments: Any) -> None:
            raise LookupError("no such admin")

        @monitor.on_alert
        def raises_at_once(_alert: object) -> None:
            raise ZeroDivisionError

        @monitor.on_threshold_exceeded
        def takes_too_few() -> None:
            """A handler that cannot be called with what it is called with."""

        monitor.on_threshold_exceeded(told)
        async with undisturbed(monitor):
            await cross(monitor)
            assert told.calls == [FIRED], "the others are called"
            await eventually(lambda: monitor.health().handler_errors == 3)
            await cross(monitor)
            assert len(told.calls) == 2, "and called again"
            # At the second cross it resolved and fired: on_alert hears of both.
            await eventually(lambda: monitor.health().handler_errors == 7)

    with caplog.at_level(logging.ERROR, "mtaio.monitoring"):
        run(main())
    errors = [record.exc_info[0] for record in caplog.records if record.exc_info]
    assert errors[0] is LookupError
    assert set(errors[1:3]) == {TypeError, ZeroDivisionError}
    assert "on_threshold_exceeded" in caplog.messages[0]
    assert "raises" in caplog.messages[0]


def test_one_that_takes_long_delays_nobody() -> None:
    async def main() -> None:
        monitor, told = watched(), Told()
        ended: list[float] = []

        @monitor.on_threshold_exceeded
        async def takes_a_second(*_arguments: Any) -> None:
            await asyncio.sleep(1.0)
            ended.append(time.monotonic())

        monitor.on_threshold_exceeded(told)
        async with undisturbed(monitor):
            begun = time.monotonic()
            for _ in range(5):
                await cross(monitor)
            assert told.calls == [FIRED] * 5
            assert time.monotonic() - begun < 0.9, "neither the caller nor the other handler waited"
            assert ended == []
            await eventually(lambda: len(ended) == 5)
            assert ended[-1] - begun < 2.5, "the five calls ran at the same time"

    run(main())


def test_at_most_64_calls_of_one_handler_are_under_way(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        monitor, told, go_on, begun = watched(), Told(), asyncio.Event(), []

        @monitor.on_threshold_exceeded
        async def hangs(*_arguments: Any) -> None:
            begun.append(None)
            await go_on.wait()

        monitor.on_threshold_exceeded(told)
        async with undisturbed(monitor):
            for _ in range(100):
                await cross(monitor)
            assert len(begun) == 64
            assert monitor.health().dropped_calls == 36
            assert len(told.calls) == 100, "the limit of one handler is not another's"
            go_on.set()
            await asyncio.sleep(0)
            await cross(monitor)
            assert len(begun) == 65, "and there is room again"

    run(main())
    assert sum("64 calls under way" in message for message in caplog.messages) == 1, "said once"


def test_of_what_waits_for_room_the_newest_state_is_told() -> None:
    async def main() -> None:
        monitor, go_on, told = watched(), asyncio.Event(), []

        @monitor.on_alert
        async def hangs(alert: Alert) -> None:
            told.append((alert.metric, alert.state, alert.value))
            await go_on.wait()

        monitor.set_threshold("other", 1.0)
        async with undisturbed(monitor):
            for _ in range(50):
                await cross(monitor)
            await monitor.record_metric("other", 2.0)
            await monitor.record_metric("queue", 12.0)
            assert len(told) == 64
            before = monitor.health().dropped_calls
            go_on.set()
            await eventually(lambda: len(told) == 67)
            # A pair of one, since it changed; and one of the other.
            assert told[64:] == [("queue", "resolved", 0.0), ("queue", "firing", 11.0), ("other", "firing", 2.0)]
            assert monitor.health().dropped_calls == before - 3 == 33

    run(main())


def test_a_storm_that_one_handler_sleeps_through_loses_no_last_state_and_holds_nobody_up() -> None:
    storm = 1900

    async def main() -> None:
        monitor, go_on, last = ResourceMonitor(), asyncio.Event(), {}

        @monitor.on_alert
        async def hangs(alert: Alert) -> None:
            await go_on.wait()
            last[alert.metric] = (alert.state, alert.value)

        for index in range(storm):
            monitor.set_threshold(f"queue_{index}", 10.0)
        took = []
        for value in (11.0, 9.0, 12.0, 9.0, 13.0):
            begun = time.perf_counter()
            for index in range(storm):
                monitor.record(f"queue_{index}", value)
            await asyncio.sleep(0)
            took.append(time.perf_counter() - begun)
        go_on.set()
        await eventually(lambda: monitor.health().dropped_calls == 3 * storm - 64)
        await eventually(lambda: len(last) == storm)
        await eventually(lambda: set(last.values()) == {("firing", 13.0)})
        # 1 900 alerts, made and put in line on the loop where 3 800 wait.
        assert min(took[2:]) < 0.4

    run(main())


def test_messages_of_the_program_are_not_put_together_and_have_a_limit() -> None:
    async def main() -> None:
        monitor, go_on, told = watched(), asyncio.Event(), []

        @monitor.on_alert
        async def hangs(alert: Alert) -> None:
            told.append(alert.message)
            await go_on.wait()

        for index in range(64 + WAITING + 7):
            await monitor.alert(f"message {index}")
        assert len(told) == 64
        go_on.set()
        await eventually(lambda: len(told) == 64 + WAITING)
        assert told[64:] == [f"message {index}" for index in range(64 + 7, 64 + WAITING + 7)], "the oldest go"
        assert monitor.health().dropped_calls == 7

    run(main())


def test_one_that_takes_longer_than_it_may_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        monitor, told, cancelled = ResourceMonitor(interval=0.01, handler_timeout=0.05), Told(), []

        @monitor.on_alert
        async def hangs(_alert: Alert) -> None:
            try:
                await asyncio.sleep(30.0)
            except asyncio.CancelledError:
                cancelled.append(None)
                raise

        @monitor.on_alert
        async def times_out_by_itself(_alert: Alert) -> None:
            raise TimeoutError("of its own")

        monitor.on_alert(told)
        async with undisturbed(monitor):
            await monitor.alert("the disk is on fire")
            assert len(told.calls) == 1
            await eventually(lambda: cancelled == [None])
            await eventually(lambda: monitor.health().handler_errors == 2)

    run(main())
    assert sum("has not ended within 0.05 s (handler_timeout)" in message for message in caplog.messages) == 1


def test_the_time_that_calls_may_take() -> None:
    async def main() -> None:
        monitor, ended = ResourceMonitor(handler_timeout=None), []

        @monitor.on_alert
        async def takes_a_while(_alert: Alert) -> None:
            await asyncio.sleep(0.1)
            ended.append(None)

        await monitor.alert("the disk is on fire")
        await eventually(lambda: ended == [None])
        assert monitor.health().handler_errors == 0

    run(main())
    for wrong in (0, -1, float("nan"), 86_401, 10**400):
        with pytest.raises(ConfigurationError, match="handler_timeout must be a number of seconds above 0"):
            ResourceMonitor(handler_timeout=wrong)
    with pytest.raises(TypeError, match="handler_timeout"):
        ResourceMonitor(handler_timeout="30")  # type: ignore[arg-type]


def test_calls_that_never_began_leave_their_room() -> None:
    begun: list[None] = []
    monitor = watched()

    @monitor.on_threshold_exceeded
    async def told(*_arguments: Any) -> None:
        begun.append(None)

    async def ends_at_once() -> None:
        # The handler's task is cancelled by the end of the loop before its first step.
        monitor.record("queue", 0.0)
        monitor.record("queue", 11.0)

    for _ in range(70):
        run(ends_at_once())
    run(cross(monitor))
    assert begun
    assert monitor.health().dropped_calls == 0


#: How a loop may make its tasks: as it does by itself, or (3.12 on) with their first step taken at once.
FACTORIES = [None, *([asyncio.eager_task_factory] if hasattr(asyncio, "eager_task_factory") else [])]


@pytest.mark.parametrize("factory", FACTORIES)
def test_however_the_loop_makes_its_tasks(factory: Any) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        monitor, told = watched(), Told()
        monitor.on_threshold_exceeded(told)

        @monitor.on_threshold_exceeded
        async def suspends(*_arguments: Any) -> None:
            await asyncio.sleep(0)
            monitor.record("seen", 1)

        async with undisturbed(monitor):
            for _ in range(200):
                await cross(monitor)
            assert told.calls == [FIRED] * 200
            assert monitor.health().dropped_calls == 0
            assert await monitor.get_metric("seen") == 1.0

    run(main())


def test_one_that_stops_the_monitor() -> None:
    async def main() -> None:
        monitor, ended = watched(), []

        # Two at once: neither may wait for the other.
        for index in range(2):

            @monitor.on_threshold_exceeded
            async def stops(*_arguments: Any, index: int = index) -> None:
                await monitor.stop()
                ended.append(index)

        await monitor.start()
        begun = time.monotonic()
        await cross(monitor)
        await eventually(lambda: len(ended) == 2)
        assert time.monotonic() - begun < 2.0
        assert not monitor.is_running

    run(main())


def test_one_that_records_and_sets_thresholds() -> None:
    async def main() -> None:
        monitor, told = watched(), Told()
        monitor.set_threshold("second", 1.0)

        @monitor.on_threshold_exceeded
        async def reacts(metric: str, value: float, threshold: float) -> None:
            await told(metric, value, threshold)
            if metric == "queue":
                monitor.set_threshold("queue", 20.0)
                await monitor.record_metric("second", value)
                monitor.on_threshold_cleared(Told())
                await monitor.alert("reacted")

        async with undisturbed(monitor):
            await cross(monitor)
            assert await told.wait(2) == [FIRED, ("second", 11.0, 1.0)]
            await monitor.record_metric("queue", 15.0)
            await monitor.record_metric("queue", 21.0)
            assert (await told.wait(3))[2] == ("queue", 21.0, 20.0)

    run(main())
