"""Pressure: what the numbers are beside the kernel's own files, and handlers that it wakes (P19, P20).

Everything holds on a machine with pressure stall information and on one without: there it must say so, and why,
and never raise.
"""

import asyncio
import logging
import math
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from burners import burning, usable_cores
from deadline import Told, eventually, run
from forking import child
from mtaio.monitoring import (
    ConfigurationError,
    ConfigurationTypeError,
    PressureEvent,
    PressureStats,
    PressureTriggerHealth,
    ResourceMonitor,
    catalogue,
)

pytestmark = pytest.mark.once

FILES = Path("/proc/pressure")
#: A share that busy threads reach on any machine, and one that cannot be reached by chance.
LITTLE, ALL = 0.05, 1.0
#: Three busy processes a processor, wherever there is room: some of them must wait.
BUSY = [-1] * (3 * len(usable_cores()))


def total(resource: str, kind: str = "some") -> int | None:
    """The kernel's own microseconds; None where it has none."""
    try:
        text = (FILES / resource).read_text()
    except OSError:
        return None
    found = re.search(rf"^{kind} .*total=(\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else None


def trigger_of(monitor: ResourceMonitor) -> PressureTriggerHealth:
    """How the only rule is served."""
    (trigger,) = monitor.health().pressure_triggers
    return trigger


def test_p19_shares_are_those_of_the_kernels_totals() -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        await monitor.get_current_stats()
        await asyncio.sleep(0.2)
        low, begin = total("cpu"), time.monotonic()
        # Held against the newest reading at least 0.1 s old, which this one is.
        await monitor.get_current_stats()
        with burning(BUSY):
            await asyncio.sleep(1.0)
        stats = await monitor.get_current_stats()
        high, end = total("cpu"), time.monotonic()
        if low is None or high is None:
            assert stats.pressure is None
            return
        assert isinstance(stats.pressure, PressureStats)
        share = stats.pressure.cpu.some_percent
        assert share is not None
        assert share == pytest.approx(min(100.0, 100 * (high - low) / 1e6 / (end - begin)), abs=10.0)
        assert stats.pressure.cpu.full_percent is None, "of a whole machine it means nothing"
        assert stats.pressure.cpu.some_avg10_percent is not None
        for resource in (stats.pressure.memory, stats.pressure.io):
            assert resource.some_percent is not None
            assert resource.full_percent is not None
            assert 0.0 <= resource.full_percent <= resource.some_percent + 0.1 <= 100.1

    run(main())


def test_p19_metrics_are_in_the_catalogue_and_can_be_asked_for() -> None:
    names = [metric.name for metric in catalogue() if "_pressure_" in metric.name]
    assert len(names) == 12
    assert "host_pressure_cpu_full_percent" not in names

    async def main() -> None:
        async with ResourceMonitor(interval=0.1) as monitor:
            told = Told()
            monitor.on_threshold_exceeded(told)
            monitor.set_threshold("host_pressure_memory_some_percent", 100.0)
            monitor.set_threshold("host_pressure_cpu_some_percent", -1.0)
            if total("cpu") is None:
                await eventually(lambda: len(monitor.health().thresholds_without_data) == 2)
            else:
                await told.wait()
                assert 0.0 <= await monitor.get_metric("host_pressure_cpu_some_percent") <= 100.0

    run(main())


def test_p19_what_is_missing_is_said_with_the_reason() -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        await monitor.get_current_stats()
        sections = {section.section: section for section in monitor.health().sections}
        machine = sections["pressure"]
        assert "/proc/pressure" in machine.origin
        if total("cpu") is None:
            assert machine.failures == machine.reads > 0
            assert machine.last_error
        else:
            assert machine.reads > 0
            assert machine.failures == 0
        assert "container_pressure" in sections

    run(main())


def test_p20_the_kernel_wakes_a_handler() -> None:
    """More busy threads than processors must wait for one."""

    async def main() -> None:
        # The samples are too far apart to be the ones that tell.
        monitor = ResourceMonitor(interval=3600.0)
        told: asyncio.Queue[PressureEvent] = asyncio.Queue()

        @monitor.on_pressure("cpu", some=LITTLE, window=2.0)
        async def pressed(event: PressureEvent) -> None:
            await told.put(event)

        async with monitor:
            trigger = trigger_of(monitor)
            if trigger.mode != "kernel":
                assert trigger.reason
                pytest.skip(f"no trigger on this machine: {trigger.reason}")
            with burning(BUSY):
                first = await asyncio.wait_for(told.get(), 20)
                second = await asyncio.wait_for(told.get(), 20)
        assert first.source == "kernel"
        assert first.value is None
        assert (first.resource, first.kind, first.threshold, first.window_seconds) == ("cpu", "some", LITTLE, 2.0)
        assert first.scope == trigger.scope
        assert abs(first.timestamp - time.time()) < 60
        assert second.timestamp - first.timestamp > 1.5, "once a window"
        assert monitor.health().samples == 0

    run(main())


def test_p20_a_window_that_needs_a_privilege_is_made_longer_or_sampled_and_never_raises(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        monitor = ResourceMonitor(interval=0.1)
        told = Told()
        monitor.on_pressure("cpu", some=LITTLE, window=1.0)(told)
        before = trigger_of(monitor)
        assert (before.mode, before.reason) == ("unavailable", "the monitor does not run")
        async with monitor:
            trigger = trigger_of(monitor)
            if trigger.mode == "kernel":
                assert trigger.window_seconds == 1.0 or (trigger.window_seconds == 2.0 and trigger.reason)
            else:
                assert trigger.reason
                assert trigger.window_seconds == 1.0
            if total("cpu") is not None:
                with burning(BUSY):
                    await told.wait()
            else:
                assert trigger.mode == "unavailable"
            await asyncio.sleep(0.3)
        said = [record for record in caplog.records if "on_pressure('cpu'" in record.getMessage()]
        assert len(said) == (0 if trigger.mode == "kernel" else 1)
        assert all(record.levelno == logging.WARNING for record in said)

    run(main())


def test_p20_what_a_machine_has_not_is_unavailable_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with ResourceMonitor(interval=0.05) as monitor:
            # Interrupts are counted by few kernels, and full of a machine's processors by none.
            for resource in ("irq", "cpu"):
                monitor.on_pressure(resource, full=ALL)(Told())
            await eventually(lambda: monitor.health().samples > 5)
            for trigger in monitor.health().pressure_triggers:
                assert trigger.mode in ("kernel", "sampled", "unavailable")
                assert trigger.mode == "kernel" or trigger.reason
                said = [text for text in caplog.messages if f"on_pressure('{trigger.resource}'" in text]
                assert len(said) == (trigger.mode != "kernel")

    run(main())


def test_p20_handlers_of_pressure_are_protected_as_others_are() -> None:
    if total("cpu") is None:
        pytest.skip("no pressure stall information on this machine: nothing can call a handler")

    async def main() -> None:
        monitor = ResourceMonitor(interval=0.1)
        told = Told()
        plain: list[PressureEvent] = []

        @monitor.on_pressure("cpu", some=LITTLE)
        async def raises(_event: PressureEvent) -> None:
            raise ValueError("a handler of the tests")

        @monitor.on_pressure("cpu", some=LITTLE)
        def appends(event: PressureEvent) -> None:
            plain.append(event)

        monitor.on_pressure("cpu", some=LITTLE)(told)
        assert len(monitor.health().pressure_triggers) == 1, "the same rule is one trigger"
        async with monitor:
            with burning(BUSY):
                await told.wait()
            await eventually(lambda: monitor.health().handler_errors > 0)
            await eventually(lambda: plain)
            for handler in (raises, appends, told):
                assert monitor.remove_handler(handler)
            assert not monitor.remove_handler(told)
            assert monitor.health().pressure_triggers == []

    run(main())


def descriptors_of_pressure() -> int:
    """Descriptors that hold a trigger, or at least a pressure file that is open for writing."""
    count = 0
    for entry in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{entry}")
            flags = Path(f"/proc/self/fdinfo/{entry}").read_text()
        except OSError:
            continue
        is_written = re.search(r"^flags:\s+\d*2$", flags, re.MULTILINE) is not None
        count += is_written and ("/pressure/" in target or target.endswith(".pressure"))
    return count


def threads_that_wait() -> int:
    """Threads that wait for the kernel."""
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return names.count("mtaio-pressure")


def test_p20_one_thread_waits_for_all_and_ends_with_the_monitor() -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        for share in range(1, 21):
            monitor.on_pressure("memory", some=share / 20, window=10.0)(Told())
        assert (threads_that_wait(), descriptors_of_pressure()) == (0, 0)
        for _ in range(3):
            async with monitor:
                modes = {trigger.mode for trigger in monitor.health().pressure_triggers}
                assert len(modes) == 1
                expected = (1, 20) if modes == {"kernel"} else (0, 0)
                # A thread gives itself its name, once it runs.
                await eventually(lambda expected=expected: (threads_that_wait(), descriptors_of_pressure()) == expected)
            await eventually(lambda: (threads_that_wait(), descriptors_of_pressure()) == (0, 0))

    run(main())


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_p20_the_child_of_a_fork_has_the_rule_and_asks_anew() -> None:
    async def main() -> None:
        monitor = ResourceMonitor(interval=0.1)
        told = Told()
        monitor.on_pressure("cpu", some=LITTLE, window=2.0)(told)

        def in_the_child() -> dict[str, Any]:
            async def life() -> dict[str, Any]:
                inherited = trigger_of(monitor).mode
                async with monitor:
                    mode = trigger_of(monitor).mode
                    woken = total("cpu") is None
                    if not woken:
                        own = Told()
                        monitor.on_pressure("cpu", some=LITTLE, window=2.0)(own)
                        with burning(BUSY):
                            await own.wait()
                        woken = True
                    waiting = threads_that_wait()
                return {"inherited": inherited, "mode": mode, "waiting": waiting, "woken": woken}

            return asyncio.run(life())

        async with monitor:
            mode = trigger_of(monitor).mode
            found = child(in_the_child)
            assert found == {"inherited": "unavailable", "mode": mode, "waiting": int(mode == "kernel"), "woken": True}
            assert trigger_of(monitor).mode == mode, "the parent's is unharmed"

    run(main())


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        ({"resource": "disk", "some": 0.5}, ["resource must be 'cpu', 'memory', 'io' or 'irq'", '"disk"']),
        ({"resource": "cpu"}, ["exactly one of some and full must be given, got neither"]),
        ({"resource": "cpu", "some": 0.5, "full": 0.5}, ["exactly one of some and full", "got both"]),
        ({"resource": "cpu", "some": 0}, ["some must be a share of the window above 0 and up to 1", "got 0"]),
        ({"resource": "cpu", "full": 15}, ["full must be a share of the window", "got 15"]),
        ({"resource": "cpu", "some": math.nan}, ["some must be", "got NaN"]),
        ({"resource": "cpu", "some": -0.1}, ["some must be", "got -0.1"]),
        ({"resource": "cpu", "some": 0.5, "window": 0.4}, ["window must be a number of seconds from 0.5 to 10"]),
        ({"resource": "cpu", "some": 0.5, "window": math.inf}, ["window must be", "got inf"]),
        ({"resource": "irq", "some": 0.5}, ["'irq'", "give full"]),
    ],
)
def test_p20_bad_input_has_its_clear_error(arguments: dict[str, Any], texts: list[str]) -> None:
    monitor = ResourceMonitor()
    with pytest.raises(ConfigurationError) as raised:
        monitor.on_pressure(**arguments)
    assert isinstance(raised.value, ValueError)
    for text in texts:
        assert text in str(raised.value)
    assert monitor.health().pressure_triggers == []


def test_p20_wrong_types_have_their_clear_error() -> None:
    monitor = ResourceMonitor()
    for arguments in ({"some": "a lot"}, {"full": []}, {"some": 0.5, "window": None}):
        with pytest.raises(ConfigurationTypeError):
            monitor.on_pressure("cpu", **arguments)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationTypeError):
        monitor.on_pressure(7, some=0.5)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationTypeError, match="on_pressure takes a handler that can be called"):
        monitor.on_pressure("cpu", some=0.5)(None)  # type: ignore[type-var]
    assert monitor.health().pressure_triggers == [], "a rule without a handler asks for nothing"
