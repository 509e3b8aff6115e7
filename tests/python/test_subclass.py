"""Monitors and profilers that somebody derived: their names and arguments are their own."""

import asyncio
import dataclasses
import itertools
import logging
import time

import pytest
from deadline import alert_of_a_sample, eventually, run, samples, sampling_threads, soon
from mtaio.monitoring import ConfigurationTypeError, MonitoringError, Profiler, ResourceMonitor, _monitor


def test_collect_metrics_that_raises_is_started_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_monitor, "BACK_OFF_SECONDS", (0.02, 0.08))
    begun: list[float] = []

    class Failing(ResourceMonitor):
        async def collect_metrics(self) -> None:
            begun.append(time.monotonic())
            raise LookupError("no such row")

    async def main() -> None:
        async with Failing(interval=0.01) as monitor:
            await eventually(lambda: len(begun) == 6)
            await samples(monitor)
            health = monitor.health()
            assert health.collect_metrics_errors == 6
            assert health.panics == 0
        ended = len(begun)
        await asyncio.sleep(0.1)
        assert len(begun) == ended

    with caplog.at_level(logging.ERROR, "mtaio.monitoring"):
        run(main())
    pauses = [later - earlier for earlier, later in itertools.pairwise(begun)]
    assert all(pause >= least for pause, least in zip(pauses, [0.02, 0.04, 0.08, 0.08, 0.08], strict=True)), pauses
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [LookupError] * 6
    assert "starts again in 0.02 s" in caplog.messages[0]
    assert "starts again in 0.08 s" in caplog.messages[5]


def test_collect_metrics_that_returns_is_not_started_again() -> None:
    class Once(ResourceMonitor):
        rounds = 0

        async def collect_metrics(self) -> None:
            self.rounds += 1

    async def main() -> None:
        monitor = Once(interval=0.01)
        for expected in (1, 2):
            async with monitor:
                await samples(monitor)
            assert monitor.rounds == expected
        assert monitor.health().collect_metrics_errors == 0

    run(main())


def test_collect_metrics_that_is_no_coroutine_function() -> None:
    class Plain(ResourceMonitor):
        def collect_metrics(self) -> None:
            """Without async."""

    async def main() -> None:
        monitor = Plain()
        with pytest.raises(ConfigurationTypeError, match="collect_metrics must be an async def"):
            await monitor.start()
        assert not monitor.is_running

    run(main())
    soon(lambda: sampling_threads() == 0)


def test_a_subclass_that_forgets_super_init() -> None:
    class Forgetful(ResourceMonitor):
        def __init__(self) -> None:
            self.rows = 0

    async def main() -> None:
        monitor = Forgetful()
        assert repr(monitor) == "<Forgetful not initialised>"
        plain = [
            lambda: monitor.interval,
            lambda: monitor.is_running,
            lambda: monitor.set_threshold("cpu_usage", 1),
            lambda: monitor.remove_threshold("cpu_usage"),
            lambda: monitor.on_threshold_exceeded(print),
            lambda: monitor.on_threshold_cleared(print),
            lambda: monitor.on_alert(print),
            lambda: monitor.remove_handler(print),
            lambda: monitor.record("queue", 1),
            monitor.health,
        ]
        for call in plain:
            with pytest.raises(MonitoringError, match=r"must call super\(\).__init__\(\) first"):
                call()
        coroutines = [
            monitor.start,
            monitor.stop,
            monitor.get_current_stats,
            monitor.get_history,
            lambda: monitor.record_metric("queue", 1),
            lambda: monitor.get_metric("cpu_usage"),
            lambda: monitor.alert("queue"),
        ]
        for coroutine in coroutines:
            with pytest.raises(MonitoringError, match=r"must call super\(\).__init__\(\) first"):
                await coroutine()

    run(main())


def test_init_a_second_time_is_an_error() -> None:
    monitor = ResourceMonitor(interval=0.5)
    with pytest.raises(MonitoringError, match="__init__ was called a second time"):
        monitor.__init__()  # type: ignore[misc]
    assert monitor.interval == 0.5


def test_a_subclass_may_use_any_name_of_its_own() -> None:
    class Own(ResourceMonitor):
        def __init__(self) -> None:
            super().__init__(interval=0.01)
            for name in (
                "_tasks",
                "_loop",
                "_history",
                "_handlers",
                "_core",
                "_doorbell",
                "tasks",
                "loop",
                "rules",
            ):
                setattr(self, name, "mine")

        def __getattr__(self, name: str) -> str:
            if name.startswith("_mtaio_"):
                raise AssertionError(f"{name} should have been set by the monitor")
            return f"no {name}"

        collect_metrics = None

    async def main() -> None:
        async with Own() as monitor:
            await alert_of_a_sample(monitor)
            # The first 0.1 s have no window, and so no row.
            await samples(monitor, 15)
            assert len(await monitor.get_history()) > 0
            assert (monitor._tasks, monitor._loop, monitor._history) == ("mine",) * 3
            assert monitor.unheard_of == "no unheard_of"

    run(main())


def test_a_subclass_that_is_a_dataclass_with_an_equality_of_its_own() -> None:
    @dataclasses.dataclass(eq=True)
    class Service(ResourceMonitor):
        name: str = "web"

        def __post_init__(self) -> None:
            super().__init__(interval=0.01)

    async def main() -> None:
        first, second = Service(), Service()
        assert first == second
        async with first, second:
            await alert_of_a_sample(first)
            await alert_of_a_sample(second)
            await eventually(lambda: sampling_threads() == 2)

    run(main())


def test_a_profiler_with_arguments_of_its_own() -> None:
    class Named(Profiler):
        def __init__(self, service: str, *, keep: int) -> None:
            with self.trace_context("before it was set up"):
                super().__init__(max_traces=keep, memory=None)
            self.service = service

    async def main() -> None:
        profiler = Named("billing", keep=2)
        for number in range(5):
            with profiler.trace_context(f"{profiler.service} {number}"):
                pass
        profile = await profiler.get_profile()
        assert [trace.name for trace in profile.traces] == ["billing 3", "billing 4"]
        assert (profile.let_go, profile.traces[0].memory_start) == (3, 0)

    run(main())


def test_a_profiler_set_up_twice_begins_anew() -> None:
    async def main() -> None:
        profiler = Profiler()
        with profiler.trace_context("open") as trace:
            profiler.__init__(max_traces=7)  # type: ignore[misc]
            with profiler.trace_context("inner"):
                pass
            assert trace.name == "open"
        profile = await profiler.get_profile()
        assert [(trace.name, trace.parent_id) for trace in profile.traces] == [("inner", None)]

    run(main())
