"""A thousand thresholds over a hundred series each, all of which flap, and handlers that are slow or fail."""

import asyncio
import logging
import os
import time
from pathlib import Path

import pytest
from deadline import run
from mtaio.monitoring import Alert, ResourceMonitor

pytestmark = pytest.mark.once

RULES = 1_000
SERIES = 100
INTERVAL = 0.5
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def sampling_seconds() -> float:
    """Processor time of the threads that sample."""
    total = 0
    for task in Path("/proc/self/task").iterdir():
        try:
            if (task / "comm").read_text().startswith("mtaio-monitor"):
                total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total / 1e9


def test_it_is_bounded_and_the_last_state_of_every_instance_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    quick: dict[tuple[str | None, str], str] = {}
    slow: dict[tuple[str | None, str], str] = {}
    failures = 0

    async def main() -> None:
        nonlocal failures
        monitor = ResourceMonitor(interval=INTERVAL)

        @monitor.on_alert
        async def hears(alert: Alert) -> None:
            quick[alert.metric, alert.labels["route"]] = alert.state

        @monitor.on_alert
        async def takes_long(alert: Alert) -> None:
            await asyncio.sleep(0.002)
            slow[alert.metric, alert.labels["route"]] = alert.state

        @monitor.on_alert
        async def fails(_alert: Alert) -> None:
            nonlocal failures
            failures += 1
            raise RuntimeError("a handler that fails")

        for rule in range(RULES):
            monitor.set_threshold(f'queue_depth{{route!="none-{rule}"}}:last by (route)', 1.0)
        series = [monitor.gauge("queue_depth").labels(route=str(number)) for number in range(SERIES)]
        before, begun = resident_bytes(), time.monotonic()
        largest, held_up = before, 0.0
        await monitor.start()
        for step in range(30):
            for number, one in enumerate(series):
                one.set(2.0 if (step // 2 + number) % 2 else 0.0)
            expected = time.monotonic() + 0.1
            await asyncio.sleep(0.1)
            held_up = max(held_up, time.monotonic() - expected)
            largest = max(largest, resident_bytes())
        for number, one in enumerate(series):
            one.set(2.0 if number % 2 else 0.0)
        firing = RULES * SERIES // 2

        def settled(states: dict[tuple[str | None, str], str]) -> bool:
            if sum(state == "firing" for state in states.values()) != firing:
                return False
            return all((state == "firing") == (int(route) % 2 == 1) for (_, route), state in states.items())

        while not (settled(quick) and settled(slow)):
            # Not at every turn: it looks at a hundred thousand of them.
            assert time.monotonic() < begun + 100, (len(quick), len(slow), monitor.health())
            await asyncio.sleep(0.5)
        largest = max(largest, resident_bytes())
        wall, cost = time.monotonic() - begun, sampling_seconds()
        health = monitor.health()
        await monitor.stop()
        print(
            f"{wall:.1f} s, {largest - before >> 20} MB more, the sampling thread {100 * cost / wall:.0f} % of a core, "
            f"the loop held up for {1000 * held_up:.0f} ms at most, {failures} calls that failed, "
            f"{len(caplog.records)} lines in the log, {health.dropped_events} states made old"
        )
        assert largest - before < 400 * 2**20
        # A quarter of the interval for thresholds, and what a sample of this costs besides.
        assert cost / wall < 0.5
        # Some 10 ms by design; the rest is a busy machine's.
        assert held_up < 1.0
        assert failures >= firing
        assert health.handler_errors == failures
        lines = [record for record in caplog.records if "fails raised" in record.getMessage()]
        assert 0 < len(lines) <= 21 + wall / 3.0

    run(main(), 110)
