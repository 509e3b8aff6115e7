"""T8: a monitor that runs at 1 Hz and has nothing to tell."""

import asyncio
import contextlib
import time
from pathlib import Path

from mtaio.monitoring import ResourceMonitor

from benchmarks.paired import Result

SECONDS = 15.0


def thread_cpu_seconds(name: str) -> float:
    """Processor time of this process's threads of that name, from the scheduler's own nanoseconds."""
    total = 0
    for task in Path("/proc/self/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


async def idle(monitor: ResourceMonitor, watched: bool) -> tuple[float, int]:
    """Share of one core that the sampling thread takes, and how often the event loop woke."""
    loop = asyncio.get_running_loop()
    selector = loop._selector  # type: ignore[attr-defined]
    select, wakes = selector.select, 0

    def counting(timeout: float | None = None) -> object:
        nonlocal wakes
        events = select(timeout)
        wakes += 1
        return events

    async with monitor if watched else contextlib.nullcontext():
        await asyncio.sleep(0.5)
        selector.select = counting
        started, before = time.monotonic(), thread_cpu_seconds("mtaio-monitor")
        await asyncio.sleep(SECONDS)
        share = (thread_cpu_seconds("mtaio-monitor") - before) / (time.monotonic() - started)
        selector.select = select
    return share, wakes


def run() -> list[Result]:
    """Against nothing: these are absolute."""
    monitor = ResourceMonitor(interval=1.0)
    monitor.set_threshold("cpu_usage", 100.0)
    # The sleep itself wakes the loop once or twice, as the timer rounds: only what the monitor adds counts.
    _, without = asyncio.run(idle(monitor, False))
    share, wakes = asyncio.run(idle(monitor, True))
    return [
        Result("T8", "an idle monitor at 1 Hz, of one core", 100 * share, "–", None, None, 0.02, "%"),
        Result("T8", f"wake-ups of the event loop in {SECONDS:.0f} s", wakes, "without it", without, None, without, ""),
    ]
