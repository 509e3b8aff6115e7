"""Waiting with a limit: no test hangs, and none sleeps where something can be waited for."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from mtaio.monitoring import ResourceMonitor

T = TypeVar("T")

#: Generous, since other programs share the machine; every wait ends as soon as what it waits for is there.
SECONDS = 20.0


def run(coroutine: Coroutine[Any, Any, T], seconds: float = SECONDS) -> T:
    """Runs a coroutine on a loop of its own, for so long at most."""

    async def limited() -> T:
        async with asyncio.timeout(seconds):
            return await coroutine

    return asyncio.run(limited())


async def eventually(true: Callable[[], object], seconds: float = SECONDS) -> None:
    """Returns as soon as `true()` is, while the loop goes on."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {true}"
        await asyncio.sleep(0.002)


def soon(true: Callable[[], object], seconds: float = SECONDS) -> None:
    """As `eventually`, where no loop runs."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {true}"
        time.sleep(0.002)


def on_loop(function: Callable[..., object]) -> Callable[..., Coroutine[Any, Any, None]]:
    """A handler that calls ``function`` on the loop, where a plain function would be called on a thread."""

    async def told(*arguments: Any) -> None:
        function(*arguments)

    return told


class Told:
    """A handler that keeps what it was told: `(metric, value, threshold)`, or an `Alert`."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.calls: list[Any] = []

    async def __call__(self, *arguments: Any) -> None:
        """Keeps it."""
        self.calls.append(arguments if len(arguments) > 1 else arguments[0])

    async def wait(self, count: int = 1, seconds: float = SECONDS) -> list[Any]:
        """What it was told, as soon as that is so much."""
        await eventually(lambda: len(self.calls) >= count, seconds)
        return self.calls


def sampling_threads() -> int:
    """Threads of this process that sample, as the operating system sees them."""
    count = 0
    for task in Path("/proc/self/task").iterdir():
        try:
            count += (task / "comm").read_text().strip() == "mtaio-monitor"
        except (FileNotFoundError, ProcessLookupError):
            # It ended between the listing and the reading.
            continue
    return count


def open_descriptors() -> dict[int, str]:
    """Descriptors of this process and what they refer to."""
    descriptors = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            descriptors[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            # The one that listed the directory.
            continue
    return descriptors


def in_thread(function: Callable[[], T], seconds: float = SECONDS) -> T:
    """Calls a function in a thread of its own and gives what it gave, or raises what it raised."""
    outcome: list[Any] = []

    def call() -> None:
        try:
            outcome.append((function(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    assert outcome, f"the thread did not end within {seconds} s"
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


async def samples(monitor: ResourceMonitor, count: int = 2) -> None:
    """Waits for some more samples."""
    before = monitor.health().samples
    await eventually(lambda: monitor.health().samples >= before + count)


async def alert_of_a_sample(monitor: ResourceMonitor) -> None:
    """Waits until the sampling thread has set off a handler on the running loop."""
    told = Told()
    loops = []

    @monitor.on_threshold_exceeded
    async def note(*arguments: Any) -> None:
        loops.append(asyncio.get_running_loop())
        await told(*arguments)

    monitor.remove_threshold("thread_count")
    monitor.set_threshold("thread_count", 0.0)
    await told.wait()
    monitor.remove_handler(note)
    assert loops == [asyncio.get_running_loop()]
