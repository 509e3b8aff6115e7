"""When a threshold speaks, and what it says."""

import asyncio
import logging
import time
from typing import Any

import pytest
from deadline import Told, eventually, on_loop, run
from mtaio.monitoring import Alert, ResourceMonitor
from mtaio.monitoring._stats import MonitorHealth

LOGGER = "mtaio.monitoring"


class Watched:
    """A monitor that was never started, with a threshold on `queue`, and what its handlers were told."""

    def __init__(self, threshold: float = 10.0, **options: Any) -> None:
        self.monitor = ResourceMonitor()
        self.told: list[tuple[str, float, float]] = []
        self.monitor.on_threshold_exceeded(
            on_loop(lambda _metric, value, level: self.told.append(("exceeded", value, level)))
        )
        self.monitor.on_threshold_cleared(
            on_loop(lambda _metric, value, level: self.told.append(("cleared", value, level)))
        )
        self.monitor.set_threshold("queue", threshold, **options)

    async def record(self, *values: float) -> list[tuple[str, float]]:
        """Records the values and gives what the handlers were told since the last time."""
        before = len(self.told)
        for value in values:
            await self.monitor.record_metric("queue", value)
        return [(kind, value) for kind, value, _ in self.told[before:]]


def check(values: list[float], expected: list[tuple[str, float]], threshold: float = 10.0, **options: Any) -> None:
    """What a threshold says to a series of values."""

    async def main() -> None:
        assert await Watched(threshold, **options).record(*values) == expected

    run(main())


def test_fires_once_when_crossed_and_again_after_it_has_cleared() -> None:
    check([9, 11, 12, 13, 9, 8, 11], [("exceeded", 11), ("cleared", 9), ("exceeded", 11)])


def test_a_first_value_beyond_it_is_a_crossing() -> None:
    check([99], [("exceeded", 99)])


def test_the_level_itself_is_not_beyond_it_and_clears() -> None:
    check([10, 10.000001, 10], [("exceeded", 10.000001), ("cleared", 10)])


def test_below() -> None:
    check([11, 10, 9, 8, 10, 9], [("exceeded", 9), ("cleared", 10), ("exceeded", 9)], below=True)


def test_hysteresis() -> None:
    check([11, 9, 8, 11, 7, 9, 11], [("exceeded", 11), ("cleared", 7), ("exceeded", 11)], clear=7)
    check([9, 11, 12, 13, 9], [("exceeded", 9), ("cleared", 13), ("exceeded", 9)], below=True, clear=13)


def test_a_level_of_zero_and_a_negative_one() -> None:
    check([0, 1, 0], [("exceeded", 1), ("cleared", 0)], threshold=0)
    check([-6, -4, -5], [("exceeded", -4), ("cleared", -5)], threshold=-5)


def test_for_seconds_must_pass_beyond_it() -> None:
    async def main() -> None:
        watched = Watched(for_seconds=0.1)
        begun = time.monotonic()
        assert await watched.record(11) == []
        assert await watched.record(11, 9, 11) == [], "one good value starts anew"
        while not (said := await watched.record(12)):
            assert time.monotonic() < begun + 10
            await asyncio.sleep(0.005)
        assert said == [("exceeded", 12)]
        assert time.monotonic() - begun >= 0.1
        assert await watched.record(13, 14) == []
        assert await watched.record(9) == [("cleared", 9)]
        assert await watched.record(11) == [], "and the time is to be passed again"

    run(main())


def test_repeat_seconds() -> None:
    async def main() -> None:
        watched = Watched(repeat_seconds=0.05)
        begun = time.monotonic()
        assert await watched.record(11, 12, 13) == [("exceeded", 11)]
        while not (said := await watched.record(14)):
            assert time.monotonic() < begun + 10
            await asyncio.sleep(0.005)
        assert said == [("exceeded", 14)]
        assert time.monotonic() - begun >= 0.05
        assert await watched.record(9) == [("cleared", 9)]
        await asyncio.sleep(0.06)
        assert await watched.record(9) == [], "nothing to repeat"

    run(main())


def test_a_replaced_threshold_begins_anew_and_the_same_one_changes_nothing() -> None:
    async def main() -> None:
        watched = Watched()
        alerts = Told()
        watched.monitor.on_alert(alerts)
        assert await watched.record(11) == [("exceeded", 11)]
        watched.monitor.set_threshold("queue", 10.0)
        assert await watched.record(12) == [], "it is firing still"
        assert len(alerts.calls) == 1

        watched.monitor.set_threshold("queue", 11.5)
        await alerts.wait(2)
        assert (alerts.calls[1].state, alerts.calls[1].threshold, alerts.calls[1].value) == (
            "resolved",
            10.0,
            None,
        )
        assert await watched.record(11) == []
        assert await watched.record(12) == [("exceeded", 12)]
        assert watched.told[-1] == ("exceeded", 12, 11.5)

    run(main())


def test_a_removed_threshold_resolves_what_fired_and_is_silent() -> None:
    async def main() -> None:
        watched = Watched()
        alerts = Told()
        watched.monitor.on_alert(alerts)
        await watched.record(11)
        assert watched.monitor.remove_threshold("queue") is True
        await alerts.wait(2)
        assert [alert.state for alert in alerts.calls] == ["firing", "resolved"]
        assert "was removed while it fired" in alerts.calls[1].message
        assert watched.monitor.remove_threshold("queue") is False
        assert await watched.record(99) == []
        assert len(alerts.calls) == 2

    run(main())


def test_a_threshold_set_after_values_came_waits_for_the_next_one() -> None:
    async def main() -> None:
        monitor, told = ResourceMonitor(), Told()
        monitor.on_threshold_exceeded(told)
        await monitor.record_metric("queue", 99)
        monitor.set_threshold("queue", 10)
        await asyncio.sleep(0)
        assert told.calls == []
        await monitor.record_metric("queue", 98)
        assert told.calls == [("queue", 98.0, 10.0)]

    run(main())


def test_built_in_metrics_are_checked_at_each_sample() -> None:
    async def main() -> None:
        monitor, told, cleared = ResourceMonitor(interval=0.02), Told(), Told()
        monitor.on_threshold_exceeded(told)
        monitor.on_threshold_cleared(cleared)
        for name in ("memory_usage", "thread_count", "host_memory_total_bytes"):
            monitor.set_threshold(name, 0.0)
        monitor.set_threshold("load_average", 1e9)
        async with monitor:
            calls = await told.wait(3)
            assert {(metric, level) for metric, _, level in calls} == {
                ("memory_usage", 0.0),
                ("thread_count", 0.0),
                ("host_memory_total_bytes", 0.0),
            }
            assert all(value > 0 for _, value, _ in calls)
            samples = monitor.health().samples
            await eventually(lambda: monitor.health().samples >= samples + 5)
            assert len(told.calls) == 3, "once, while it lasts"
            assert cleared.calls == []

    run(main())


def test_the_alert_of_a_threshold() -> None:
    async def main() -> None:
        monitor, alerts = ResourceMonitor(), Told()
        monitor.on_alert(alerts)
        monitor.set_threshold("queue", 10)
        await monitor.record_metric("queue", 12.5)
        await monitor.record_metric("queue", 3)
        fired, cleared = alerts.calls
        said = "queue 12.5 is above its threshold of 10"
        assert fired == Alert("queue", 12.5, 10.0, said, "firing", "warning", fired.timestamp)
        assert abs(fired.timestamp - time.time()) < 5.0
        assert (cleared.metric, cleared.value, cleared.threshold) == ("queue", 3.0, 10.0)
        assert cleared.state == "resolved"
        assert "back within" in cleared.message
        assert cleared.timestamp >= fired.timestamp

    run(main())


def test_alerts_of_the_programs_own() -> None:
    async def main() -> None:
        monitor, alerts, told = ResourceMonitor(), Told(), Told()
        monitor.on_alert(alerts)
        monitor.on_threshold_exceeded(told)
        monitor.set_threshold("queue", 10)
        await monitor.alert("the cache is cold")
        await monitor.alert("queue", 4, "the queue grows")
        await monitor.alert("depth", 4, message="no threshold here")
        assert told.calls == [], "alert() is for on_alert"
        message, metric, free = alerts.calls
        assert (message.metric, message.value, message.threshold) == (None, None, None)
        assert message.message == "the cache is cold"
        assert (metric.metric, metric.value, metric.threshold) == ("queue", 4.0, 10.0)
        assert metric.message == "the queue grows"
        assert free.threshold is None
        assert {alert.state for alert in alerts.calls} == {"firing"}

    run(main())


def test_without_a_handler_alerts_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        monitor.set_threshold("queue", 10)
        await monitor.record_metric("queue", 11)
        await monitor.alert("the cache is cold")

    with caplog.at_level(logging.DEBUG, LOGGER):
        run(main())
    assert [(record.name, record.levelname) for record in caplog.records] == [(LOGGER, "WARNING")] * 2
    assert "queue 11 is above its threshold of 10" in caplog.messages[0]
    assert "the cache is cold" in caplog.messages[1]


def test_with_a_handler_the_log_stays_empty(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        watched = Watched()
        await watched.record(11, 9, 11)
        watched.monitor.on_alert(Told())
        await watched.monitor.alert("heard")

    run(main())
    assert caplog.messages == []


def test_a_threshold_without_data_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> MonitorHealth:
        monitor = ResourceMonitor(interval=0.01)
        monitor.set_threshold("cpu_usge", 80)
        monitor.set_threshold("zzz", 1)
        monitor.set_threshold("memory_usage", 101)
        async with monitor:
            await eventually(lambda: len(caplog.messages) >= 2)
            assert monitor.health().samples >= 3
            samples = monitor.health().samples
            await eventually(lambda: monitor.health().samples >= samples + 10)
            health = monitor.health()
            await monitor.record_metric("zzz", 0)
            assert monitor.health().thresholds_without_data == ["cpu_usge"], "a value came after all"
        return health

    health = run(main())
    assert sorted(health.thresholds_without_data) == ["cpu_usge", "zzz"]
    assert len(caplog.messages) == 2, "once each"
    misspelt, unknown = sorted(caplog.messages)
    assert '"cpu_usge" has had no value for three intervals; did you mean "cpu_usage"?' in misspelt
    assert '"zzz" has had no value for three intervals' in unknown
    assert "did you mean" not in unknown


def test_a_monitor_that_was_never_started_serves_one_loop_after_another() -> None:
    told = Told()
    monitor = ResourceMonitor()
    monitor.on_threshold_exceeded(told)
    monitor.set_threshold("queue", 10)
    for value in (11, 12, 13):

        async def main(value: float = value) -> None:
            await monitor.record_metric("queue", value)
            await monitor.record_metric("queue", 0)

        run(main())
    # Loops that end without being closed must not keep it either.
    loops = [asyncio.new_event_loop() for _ in range(2)]
    try:
        for loop in loops:
            loop.run_until_complete(monitor.record_metric("queue", 14))
            loop.run_until_complete(monitor.record_metric("queue", 0))
    finally:
        for loop in loops:
            loop.close()
    assert [value for _, value, _ in told.calls] == [11, 12, 13, 14, 14]


def test_what_is_recorded_before_any_loop_runs_is_told_once_one_does() -> None:
    told = Told()
    monitor = ResourceMonitor()
    monitor.on_threshold_exceeded(told)
    monitor.set_threshold("queue", 10)
    monitor.record("queue", 11)
    assert told.calls == []

    async def main() -> None:
        async with monitor:
            await told.wait()

    run(main())
    assert told.calls == [("queue", 11.0, 10.0)]
