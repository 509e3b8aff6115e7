"""Every block of the reference that concerns the monitor runs as printed (issue 2, "It must show" 1)."""

import asyncio
import contextlib
import dataclasses
import inspect
import re
import time
import types
from typing import Any, List  # noqa: UP035 - a name that the reference leaves open

import pytest
import reference
from burners import burning, usable_cores
from deadline import Told, eventually, run, sampling_threads
from mtaio.monitoring import Alert, CPUStats, IOStats, MemoryStats, Profiler, ResourceMonitor, SystemStats

executes = reference.Executed()


def block(name: str) -> reference.Block:
    return reference.block(reference.MONITOR[name])


class ShortSleeps:
    """Stands in for `asyncio` in a block that sleeps for a minute: notes how long, and sleeps for no time."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0.001)


@executes("usage")
def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        namespace = await block("usage").run()
        monitor = namespace["monitor"]
        try:
            assert type(monitor) is ResourceMonitor
            assert monitor.is_running
            assert inspect.iscoroutinefunction(namespace["handle_alert"]), "the decorator gives the handler back"
            told = Told()
            monitor.on_threshold_exceeded(told)
            with burning([-1] * (2 * len(usable_cores()))):
                calls = await told.wait()
            assert calls[0][0] == "cpu_usage"
            assert 80.0 < calls[0][1] <= 100.0
            assert calls[0][2] == 80.0
        finally:
            await monitor.stop()
        printed = re.search(r"警告: cpu_usageがしきい値を超過 \((.+) > (.+)\)\n", capsys.readouterr().out)
        assert printed is not None
        assert (float(printed[1]), float(printed[2])) == (calls[0][1], 80.0)

    run(main(), seconds=50)


@executes("class")
def test_class_reference() -> None:
    async def main() -> type:
        return (await block("class").run(SystemStats=SystemStats))["ResourceMonitor"]

    printed = run(main())
    methods = {name: method for name, method in vars(printed).items() if inspect.isfunction(method)}
    assert list(methods) == ["__init__", "start", "stop", "set_threshold", "get_current_stats"]
    for name, method in methods.items():
        ours = getattr(ResourceMonitor, name)
        assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(method), name
        expected, signature = inspect.signature(method), inspect.signature(ours)
        count = len(expected.parameters)
        # The reference's parameters as printed; whatever we add is by keyword and may be left out.
        assert list(signature.parameters.values())[:count] == list(expected.parameters.values()), name
        for added in list(signature.parameters.values())[count:]:
            assert added.kind is inspect.Parameter.KEYWORD_ONLY, f"{name}({added})"
            assert added.default is not inspect.Parameter.empty, f"{name}({added})"
        if expected.return_annotation is not inspect.Signature.empty:
            assert signature.return_annotation == expected.return_annotation, name


@executes("stats")
def test_statistics() -> None:
    async def main() -> dict[str, Any]:
        # Each class is used above the line that defines it; as printed, those names are open.
        real = {"CPUStats": CPUStats, "MemoryStats": MemoryStats, "IOStats": IOStats}
        return await block("stats").run(dataclass=dataclasses.dataclass, List=List, **real)  # noqa: UP006

    printed = run(main())
    values = {"float": 1.5, "int": 7, "List[float]": [0.5, 0.25, 0.125]}
    for ours in (CPUStats, MemoryStats, IOStats, SystemStats):
        expected = dataclasses.fields(printed[ours.__name__])
        fields = dataclasses.fields(ours)
        first = [(field.name, field.type, field.default) for field in fields[: len(expected)]]
        assert first == [(field.name, field.type, field.default) for field in expected], ours.__name__
        for added in fields[len(expected) :]:
            assert (added.default, added.default_factory) != (dataclasses.MISSING, dataclasses.MISSING), added.name
        arguments = [values.get(getattr(field.type, "__name__", ""), [0.5]) for field in expected]
        made = ours(*arguments)
        assert [getattr(made, field.name) for field in expected] == arguments
        assert made == ours(**{field.name: value for field, value in zip(expected, arguments, strict=True)})


@executes("stats")
def test_statistics_of_this_machine_have_every_field_of_the_reference() -> None:
    async def main() -> SystemStats:
        return await ResourceMonitor().get_current_stats()

    stats = run(main())
    assert type(stats) is SystemStats
    assert abs(stats.timestamp - time.time()) < 5.0
    assert type(stats.cpu.usage_percent) is float
    assert [type(load) for load in stats.cpu.load_average] == [float, float, float]
    assert type(stats.cpu.thread_count) is int
    for value in (stats.memory.total, stats.memory.available, stats.memory.used):
        assert type(value) is int
    assert stats.memory.used == stats.memory.total - stats.memory.available
    assert stats.memory.percent == pytest.approx(100 * stats.memory.used / stats.memory.total)
    for value in (stats.io.read_bytes, stats.io.write_bytes, stats.io.read_count, stats.io.write_count):
        assert type(value) is int


@executes("application")
def test_application_monitor() -> None:
    async def main() -> None:
        sleeps = ShortSleeps()
        namespace = await block("application").run(asyncio=sleeps)
        monitor = namespace["ApplicationMonitor"]()
        assert monitor.metrics == namespace["CustomMetrics"](0, 0, 0.0)
        told = Told()
        monitor.on_alert(told)
        await asyncio.sleep(0)
        assert sleeps.asked == [], "collect_metrics does not run before start()"

        await monitor.start()
        await eventually(lambda: len(sleeps.asked) >= 3)
        monitor.metrics.error_count = 100
        before = len(sleeps.asked)
        await eventually(lambda: len(sleeps.asked) >= before + 3)
        assert told.calls == [], "100 is not more than 100"
        monitor.metrics.error_count = 101
        alert = (await told.wait())[0]
        assert alert == Alert(None, None, None, "エラー率が高くなっています", "firing", "warning", alert.timestamp)
        assert abs(alert.timestamp - time.time()) < 5.0

        await monitor.stop()
        asked, calls = len(sleeps.asked), len(told.calls)
        await asyncio.sleep(0.05)
        assert (len(sleeps.asked), len(told.calls)) == (asked, calls), "collect_metrics ends with stop()"
        assert set(sleeps.asked) == {60}
        assert monitor.health().collect_metrics_errors == 0
        await eventually(lambda: sampling_threads() == 0)

    run(main())


@executes("web")
def test_web_application() -> None:
    async def process_request(request: str) -> str:
        if request == "bad":
            raise LookupError(request)
        await asyncio.sleep(0.01)
        return request.upper()

    async def main() -> None:
        names = {"ResourceMonitor": ResourceMonitor, "Profiler": Profiler}
        namespace = await block("web").run(time=time, process_request=process_request, **names)
        application = namespace["WebAppMonitor"]()
        told = Told()
        application.monitor.on_threshold_exceeded(told)
        application.monitor.set_threshold("request_duration", 0.005)
        application.monitor.set_threshold("request_error", 0.5)

        assert await application.monitor_request("good") == "GOOD"
        duration = await application.monitor.get_metric("request_duration")
        assert 0.01 <= duration < 5.0
        with pytest.raises(KeyError):
            await application.monitor.get_metric("request_error")
        # The monitor was never started: thresholds are checked all the same.
        assert told.calls == [("request_duration", duration, 0.005)]

        with pytest.raises(LookupError, match="bad"):
            await application.monitor_request("bad")
        assert told.calls[1:] == [("request_error", 1.0, 0.5)]
        assert await application.monitor.get_metric("request_duration") == duration

        profile = await application.profiler.get_profile()
        good, bad = profile.traces
        assert [(trace.name, trace.status, trace.error) for trace in (good, bad)] == [
            ("http_request", "ok", None),
            ("http_request", "error", "LookupError: bad"),
        ]
        # The block measures its duration inside the trace.
        assert duration - 0.001 <= good.duration < 5.0
        assert (good.parent_id, bad.parent_id, profile.open_traces) == (None, None, [])

    run(main())


@executes("tasks")
def test_background_tasks() -> None:
    async def main() -> None:
        sleeps = ShortSleeps()
        namespace = await block("tasks").run(asyncio=sleeps, ResourceMonitor=ResourceMonitor)
        notes: list[str] = []
        asked: list[str] = []

        class TaskMonitor(namespace["TaskMonitor"]):  # type: ignore[misc]
            """The two methods that the block leaves open."""

            async def get_task_stats(self, task_id: str) -> types.SimpleNamespace:
                asked.append(task_id)
                return types.SimpleNamespace(memory_usage=len(asked) * 10, cpu_usage=1.0)

            async def notify_admin(self, note: str) -> None:
                notes.append(note)

        watcher = TaskMonitor()
        watcher.monitor.set_threshold("task_memory", 25)
        watch = asyncio.create_task(watcher.monitor_task("backup-7"))
        await eventually(lambda: len(asked) >= 6)
        watch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watch
        assert notes == ["タスク backup-7 の task_memory がしきい値を超過しました"], "once, at the third value"
        assert set(sleeps.asked) == {1}
        assert await watcher.monitor.get_metric("task_cpu") == 1.0
        assert await watcher.monitor.get_metric("task_memory") >= 50.0

    run(main())


@executes("cleanup")
def test_cleanup() -> None:
    async def main() -> None:
        namespace = await block("cleanup").run(ResourceMonitor=ResourceMonitor)
        cleanup_monitoring = namespace["cleanup_monitoring"]
        seen = []
        async for monitor in cleanup_monitoring():
            assert monitor.is_running
            await eventually(lambda: sampling_threads() == 1)
            seen.append(monitor)
        assert [monitor.is_running for monitor in seen] == [False]
        await eventually(lambda: sampling_threads() == 0)

        with contextlib.suppress(LookupError):
            async with contextlib.asynccontextmanager(cleanup_monitoring)() as monitor:
                assert monitor.is_running
                raise LookupError
        assert not monitor.is_running

        generator = cleanup_monitoring()
        monitor = await anext(generator)
        await generator.aclose()
        assert not monitor.is_running
        await eventually(lambda: sampling_threads() == 0)

    run(main())


@executes("thresholds")
def test_configured_thresholds() -> None:
    async def main() -> None:
        configure = (await block("thresholds").run(ResourceMonitor=ResourceMonitor))["configure_thresholds"]
        monitor = ResourceMonitor()
        told = Told()
        monitor.on_threshold_exceeded(told)
        configure(monitor)
        await monitor.record_metrics({"error_rate": 5.0, "response_time": 1.0})
        assert told.calls == [], "the levels themselves are not above them"
        await monitor.record_metrics({"error_rate": 5.5, "response_time": 1.25})
        assert told.calls == [("error_rate", 5.5, 5.0), ("response_time", 1.25, 1.0)]
        for name in ("cpu_usage", "memory_usage", "error_rate", "response_time"):
            assert monitor.remove_threshold(name), name

    run(main())


@executes("optimized")
def test_optimized_monitor() -> None:
    async def main() -> None:
        now = [1000.0]
        clock = types.SimpleNamespace(time=lambda: now[0])
        namespace = await block("optimized").run(time=clock, ResourceMonitor=ResourceMonitor)
        optimized = namespace["OptimizedMonitor"]
        readings: list[str] = []

        class Counted(optimized):  # type: ignore[misc, valid-type]
            async def _collect_metric(self, name: str) -> float:
                readings.append(name)
                return await super()._collect_metric(name)

        async with Counted() as monitor:
            assert monitor.interval == 5.0
            first = await monitor.get_metric("memory_usage")
            assert 0.0 < first < 100.0
            now[0] += 0.999
            assert await monitor.get_metric("memory_usage") == first, "still in the cache"
            assert readings == ["memory_usage"]
            now[0] += 0.001
            second = await monitor.get_metric("memory_usage")
            assert readings == ["memory_usage"] * 2, "a cache of one second is stale after one second"
            assert monitor._metrics_cache == {"memory_usage": {"value": second, "timestamp": now[0]}}
            await monitor.record_metric("queue_depth", 17)
            assert await monitor.get_metric("queue_depth") == 17.0
            with pytest.raises(KeyError, match='no value of the metric "never_heard_of"'):
                await monitor.get_metric("never_heard_of")

        usage = await optimized().get_metric("cpu_usage")
        assert 0.0 <= usage <= 100.0

    run(main())


def test_no_block_is_missed() -> None:
    owners: dict[int, list[str]] = {found.line: [] for found in reference.blocks()}
    for name, text in {**reference.MONITOR, **reference.PROFILER}.items():
        owners[reference.block(text).line].append(name)
    assert all(len(names) == 1 for names in owners.values()), f"blocks by line and whose they are: {owners}"
    assert executes.names == set(reference.MONITOR), "each block of the monitor is run by a test of this file"
    assert reference.kinds() == {"python": len(reference.MONITOR) + len(reference.PROFILER)}


def test_a_missing_document_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTAIO_REFERENCE", "/nowhere/monitoring.ja.md")
    reference.blocks.cache_clear()
    try:
        with pytest.raises(AssertionError, match=r"not at /nowhere/monitoring\.ja\.md.*set MTAIO_REFERENCE"):
            reference.blocks()
    finally:
        reference.blocks.cache_clear()
