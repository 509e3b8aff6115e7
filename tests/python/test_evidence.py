"""What an alert that fires carries: what was going on at the breach (issue 5)."""

import asyncio
import dataclasses
import gc
import json
import logging
import os
import weakref

import pytest
from deadline import Told, eventually, run
from forking import child
from mtaio.monitoring import (
    Alert,
    ConfigurationTypeError,
    Evidence,
    ProcessEvidence,
    Profiler,
    ResourceMonitor,
    SystemStats,
    TraceEvidence,
)

MIB = 1 << 20


async def breach(monitor: ResourceMonitor, told: Told) -> Alert:
    """The alert of a recorded value that crosses its threshold now."""
    before = len(told.calls)
    await monitor.record_metrics({"queue": 0.0})
    await monitor.record_metrics({"queue": 11.0})
    await eventually(lambda: len(told.calls) > before)
    alert = told.calls[-1]
    assert isinstance(alert, Alert)
    assert alert.state == "firing"
    return alert


def evidence_of(alert: Alert) -> Evidence:
    """What it carries."""
    assert alert.evidence is not None
    return alert.evidence


def test_a_handler_is_given_the_sample_the_traces_and_the_processes_of_the_breach() -> None:
    async def main() -> None:
        # Enough to be among the biggest of a machine that builds and tests meanwhile.
        held = b"\x01" * (600 * MIB)
        monitor, profiler, told = ResourceMonitor(interval=0.1), Profiler(), Told()
        monitor.on_alert(told)
        monitor.attach_profiler(profiler)
        release = asyncio.Event()

        @profiler.trace
        async def answered() -> None:
            await asyncio.sleep(0.02)

        async def checkout() -> None:
            async with profiler.trace_context("checkout"):
                await release.wait()

        slow = asyncio.create_task(checkout(), name="request-17")
        await answered()
        monitor.set_threshold("memory_usage", 0.0001)
        async with monitor:
            alert = (await told.wait())[0]
        release.set()
        await slow
        evidence = evidence_of(alert)
        assert isinstance(evidence.sample, SystemStats)
        assert evidence.sample.memory.percent == alert.value
        assert evidence.sample.timestamp == alert.timestamp
        assert [trace.name for trace in evidence.slowest_open] == ["checkout"]
        (open_trace,) = evidence.slowest_open
        assert (open_trace.status, open_trace.task_name) == ("open", "request-17")
        assert 0.02 <= open_trace.duration_seconds < 60
        (recent,) = evidence.slowest_recent
        assert (recent.name.rsplit(".")[-1], recent.status) == ("answered", "ok")
        profile = await profiler.get_profile()
        assert {recent.trace_id, open_trace.trace_id} == {trace.trace_id for trace in profile.traces}
        own = [process for process in evidence.biggest_processes if process.is_own]
        assert [process.pid for process in own] == [os.getpid()]
        assert own[0].rss_bytes is not None
        assert own[0].rss_bytes > len(held)
        assert own[0].cpu_cores_used is not None
        assert own[0].cpu_is_lifetime_mean
        assert evidence.processes_age_seconds is not None
        assert 0 <= evidence.processes_age_seconds < 10
        lines = evidence.describe().splitlines()
        heads = [line.split()[0] for line in lines if not line.startswith(" ")]
        assert heads == ["sample", "open", "recent", "process"]
        assert "checkout  in request-17" in lines[1]
        assert f"(pid {os.getpid()}, this one)" in str(evidence)

    run(main())


def test_what_ends_and_what_the_program_raises_has_none() -> None:
    async def main() -> None:
        monitor, told = ResourceMonitor(), Told()
        monitor.on_alert(told)
        monitor.set_threshold("queue", 10.0, critical=100.0)
        for value in (11.0, 101.0, 1.0):
            await monitor.record_metric("queue", value)
        await monitor.alert("the disk is on fire")
        carried = [(alert.state, alert.level, alert.evidence is not None) for alert in told.calls]
        assert carried == [
            ("firing", "warning", True),
            ("firing", "critical", True),
            ("resolved", "critical", False),
            ("firing", "warning", False),
        ]
        first = evidence_of(told.calls[0])
        # It does not run, nobody has looked at the processes, and there is no profiler.
        assert first == Evidence(first.timestamp)
        assert first.describe() == "nothing was measured"

    run(main())


def test_alerts_of_a_storm_share_one() -> None:
    async def main() -> None:
        monitor, profiler = ResourceMonitor(), Profiler()
        monitor.attach_profiler(profiler)
        with profiler.trace_context("request"):
            pass
        seen: list[Evidence | None] = []

        @monitor.on_alert
        async def note(alert: Alert) -> None:
            if alert.state == "firing":
                seen.append(alert.evidence)

        monitor.set_threshold("queue", 10.0)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for _ in range(3_000):
            await monitor.record_metric("queue", 11.0)
            await monitor.record_metric("queue", 0.0)
        seconds = loop.time() - begin
        await eventually(lambda: len(seen) == 3_000)
        shared = {id(evidence) for evidence in seen}
        assert None not in seen
        # One a second that it takes, and one at either end.
        assert len(shared) <= seconds + 2, (len(shared), seconds)

    run(main())


def test_the_log_stays_a_line_and_so_does_an_alert_that_is_printed(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        monitor, profiler = ResourceMonitor(), Profiler()
        monitor.attach_profiler(profiler)
        monitor.set_threshold("queue", 10.0)
        with caplog.at_level(logging.WARNING, "mtaio.monitoring"), profiler.trace_context("request"):
            await monitor.record_metric("queue", 11.0)
        messages = [record.getMessage() for record in caplog.records if record.name == "mtaio.monitoring"]
        assert messages == ["firing: queue 11 is above its threshold of 10"]
        told = Told()
        monitor.on_alert(told)
        alert = await breach(monitor, told)
        # Gathered less than a second ago, when it was open.
        assert [trace.name for trace in evidence_of(alert).slowest_open] == ["request"]
        assert "request" not in repr(alert)
        assert alert == dataclasses.replace(alert, evidence=None), "what it is an alert of is all that counts"

    run(main())


def test_it_can_be_made_kept_and_sent_but_not_changed() -> None:
    trace = TraceEvidence("a\nb\x1b[2J", 1.5, "open", 100.0, 7)
    evidence = Evidence(101.5, None, (trace,), (), (ProcessEvidence(1, "init", rss_bytes=MIB),))
    assert evidence.describe().splitlines() == [
        "open     1.50 s  a\\nb\\u{1b}[2J",
        "process  1.0 MiB  – cores  init (pid 1)",
    ]
    assert json.loads(json.dumps(dataclasses.asdict(evidence)))["slowest_open"][0]["name"] == trace.name
    for frozen, name in ((evidence, "timestamp"), (trace, "name"), (evidence.biggest_processes[0], "pid")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(frozen, name, 0)


def test_another_profiler_takes_the_place_of_the_first_and_none_is_kept_alive() -> None:
    async def main() -> None:
        first, second, told = Profiler(), Profiler(), Told()
        monitor = ResourceMonitor()
        monitor.on_alert(told)
        monitor.set_threshold("queue", 10.0)
        for name, profiler in (("one", first), ("two", second)):
            with profiler.trace_context(name):
                pass

        async def recent() -> list[str]:
            return [trace.name for trace in evidence_of(await breach(monitor, told)).slowest_recent]

        assert await recent() == []
        monitor.detach_profiler()
        for _ in range(2):
            monitor.attach_profiler(first)
        assert await recent() == ["one"]
        monitor.attach_profiler(second)
        assert await recent() == ["two"]
        monitor.attach_profiler(Profiler(enabled=False))
        assert await recent() == []
        monitor.attach_profiler(first)
        assert await recent() == ["one"]
        gone = weakref.ref(first)
        del first, profiler
        gc.collect()
        assert gone() is None
        monitor.detach_profiler()
        monitor.detach_profiler()
        assert await recent() == []
        for wrong in (None, monitor, Profiler):
            with pytest.raises(ConfigurationTypeError, match="profiler must be a Profiler, got"):
                monitor.attach_profiler(wrong)  # type: ignore[arg-type]

    run(main())


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("profiler_first", [False, True])
def test_the_child_of_a_fork_shows_its_own_traces(profiler_first: bool) -> None:
    profiler = Profiler() if profiler_first else None
    monitor = ResourceMonitor(interval=0.05)
    profiler = profiler or Profiler()
    monitor.attach_profiler(profiler)
    monitor.set_threshold("queue", 10.0)

    def in_child() -> list[str]:
        async def main() -> list[str]:
            told = Told()
            monitor.on_alert(told)
            with profiler.trace_context("the child's"):
                alert = await breach(monitor, told)
            return [trace.name for trace in (*evidence_of(alert).slowest_open, *evidence_of(alert).slowest_recent)]

        return run(main())

    async def main() -> None:
        async with monitor:
            with profiler.trace_context("the parent's"):
                assert child(in_child) == ["the child's"]

    run(main())
