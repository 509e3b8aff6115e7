"""Numbers agree with an independent source that is read at the same time (issue 2, "It must show" 2).

Ours is read between two readings of the other one. What only grows must lie between the two; what goes up and
down must lie between them with room for what happened in between.
"""

import asyncio
import os
import re
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from burners import burning, usable_cores
from deadline import in_thread, run, sampling_threads, soon
from mtaio.monitoring import ResourceMonitor, SystemStats

# What the core reads does not depend on the interpreter.
pytestmark = pytest.mark.once

MEBIBYTE = 2**20


def between(theirs: Callable[[], Any]) -> tuple[Any, SystemStats, Any]:
    """Their reading, ours, and theirs again."""

    async def main() -> tuple[Any, SystemStats, Any]:
        monitor = ResourceMonitor()
        # The first reading waits for a window, the next one does not.
        await monitor.get_current_stats()
        low = theirs()
        ours = await monitor.get_current_stats()
        return low, ours, theirs()

    return run(main())


def whole_disks() -> list[str]:
    """Whole physical disks, as the reference has them: decided from /sys alone."""
    disks = []
    for device in Path("/sys/class/block").iterdir():
        stacked = device / "slaves"
        if (
            not (device / "partition").exists()
            and not (stacked.is_dir() and any(stacked.iterdir()))
            and not re.match(r"(loop|ram|zram)\d", device.name)
        ):
            disks.append(device.name)
    return disks


def test_memory() -> None:
    low, ours, high = between(psutil.virtual_memory)
    assert ours.memory.total == low.total == high.total
    pairs = [
        (ours.memory.available, "available"),
        (ours.memory.free, "free"),
        (ours.memory.buffers, "buffers"),
        (ours.memory.shmem, "shared"),
    ]
    for value, name in pairs:
        ends = sorted((getattr(low, name), getattr(high, name)))
        assert ends[0] - 64 * MEBIBYTE <= value <= ends[1] + 64 * MEBIBYTE, name
    assert ours.memory.used == ours.memory.total - ours.memory.available
    assert ours.memory.percent == pytest.approx(low.percent, abs=1.0)


def test_memory_that_is_taken_is_seen() -> None:
    async def main() -> tuple[SystemStats, SystemStats]:
        monitor = ResourceMonitor()
        before = await monitor.get_current_stats()
        taken = bytearray(512 * MEBIBYTE)
        # Touched, so that the kernel must give it.
        taken[::4096] = b"x" * len(taken[::4096])
        after = await monitor.get_current_stats()
        del taken
        return before, after

    before, after = run(main())
    assert after.memory.used - before.memory.used == pytest.approx(512 * MEBIBYTE, abs=128 * MEBIBYTE)


def test_swap() -> None:
    low, ours, high = between(psutil.swap_memory)
    assert ours.memory.swap_total == low.total
    assert min(low.used, high.used) <= ours.memory.swap_used <= max(low.used, high.used)
    assert ours.memory.swap_free == ours.memory.swap_total - ours.memory.swap_used


def test_disk_counters() -> None:
    disks = whole_disks()
    assert disks, "this machine has no disk"

    def theirs() -> dict[str, int]:
        counters = [count for name, count in psutil.disk_io_counters(True, False).items() if name in disks]
        names = ("read_bytes", "write_bytes", "read_count", "write_count")
        return {name: sum(getattr(count, name) for count in counters) for name in names}

    low, ours, high = between(theirs)
    for name in low:
        assert low[name] <= getattr(ours.io, name) <= high[name], name


def test_bytes_that_are_written_are_seen(tmp_path: Path) -> None:
    """Wherever the file lies: what psutil saw reach the disks, we saw, and no more than in a wider span."""

    def written() -> tuple[int, int]:
        disks = whole_disks()
        counters = [count for name, count in psutil.disk_io_counters(True, False).items() if name in disks]
        return sum(count.write_bytes for count in counters), sum(count.write_count for count in counters)

    async def main() -> None:
        monitor = ResourceMonitor()
        await monitor.get_current_stats()
        outer = [written()]
        before = await monitor.get_current_stats()
        inner = [written()]
        with (tmp_path / "written").open("wb") as file:
            file.write(os.urandom(8 * MEBIBYTE))
            file.flush()
            os.fsync(file.fileno())
        os.sync()
        inner.append(written())
        after = await monitor.get_current_stats()
        outer.append(written())
        for index, name in enumerate(("write_bytes", "write_count")):
            ours = getattr(after.io, name) - getattr(before.io, name)
            assert inner[1][index] - inner[0][index] <= ours <= outer[1][index] - outer[0][index], name
        assert after.io.write_bytes_per_second > 0 or inner[0] == inner[1]

    run(main())


def test_load_average() -> None:
    low, ours, high = between(os.getloadavg)
    for one, value, other in zip(low, ours.cpu.load_average, high, strict=True):
        # The kernel prints hundredths, and computes anew every five seconds.
        assert min(one, other) - 0.011 <= value <= max(one, other) + 0.011


def test_threads_of_this_process() -> None:
    over = threading.Event()
    process = psutil.Process()

    def theirs() -> int:
        return process.num_threads()

    soon(lambda: sampling_threads() == 0)
    low, ours, high = between(theirs)
    assert low == ours.cpu.thread_count == high
    threads = [threading.Thread(target=over.wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    try:
        low, more, high = between(theirs)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert low == more.cpu.thread_count == high == ours.cpu.thread_count + 5


def test_the_sampling_thread_is_counted_too() -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        before = (await monitor.get_current_stats()).cpu.thread_count
        async with monitor:
            assert (await monitor.get_current_stats()).cpu.thread_count == before + 1

    # A thread that another test has just ended may still be there.
    soon(lambda: sampling_threads() == 0)
    run(main())


def test_a_reading_in_a_thread_counts_the_process() -> None:
    low, ours, high = in_thread(lambda: between(psutil.Process().num_threads))
    assert low == ours.cpu.thread_count == high
    assert high >= 2


def test_processors_and_threads_of_the_machine() -> None:
    low, ours, high = between(
        lambda: sum(process.info["num_threads"] or 0 for process in psutil.process_iter(["num_threads"]))
    )
    assert ours.cpu.online_count == psutil.cpu_count()
    # Processes come and go while psutil walks them, and kernel threads are in both.
    assert 0.8 * min(low, high) - 20 <= ours.cpu.system_thread_count <= 1.2 * max(low, high) + 20
    assert 1 <= ours.cpu.running_thread_count <= ours.cpu.system_thread_count


def test_the_clock() -> None:
    low, ours, high = between(time.time)
    assert low <= ours.timestamp <= high


class Oracle:
    """An independent reading of /proc/stat by psutil, in ticks that add up."""

    def __init__(self) -> None:
        self.times = psutil.cpu_times()

    def usage_since(self, earlier: "Oracle") -> float:
        """Percent: user + nice + system + irq + softirq, of everything but guests: user has those already."""
        grown = {name: getattr(self.times, name) - getattr(earlier.times, name) for name in self.times._fields}
        busy = sum(grown[name] for name in ("user", "nice", "system", "irq", "softirq"))
        return 100.0 * busy / (busy + sum(grown[name] for name in ("idle", "iowait", "steal")))


@pytest.mark.parametrize("busy", [0, 1, 2])
def test_usage_over_a_second_is_within_three_points(busy: int) -> None:
    cores = usable_cores()
    burnt = cores[:busy]
    # What the burners alone make, on a machine of any size.
    known = 100.0 * len(burnt) / psutil.cpu_count()

    async def main() -> None:
        async with ResourceMonitor(interval=0.1) as monitor:
            for _ in range(2):
                before = await a_row(monitor)
                low = Oracle()
                await asyncio.sleep(1.0)
                high = Oracle()
                after = await a_row(monitor)
                rows = await monitor.get_history(before.timestamp, after.timestamp)
                # Rows of 0.1 s that follow each other, weighed by their length: the mean of the second.
                lengths = [row.elapsed_seconds or 0.0 for row in rows]
                mean = statistics.fmean([row.cpu.usage_percent for row in rows], lengths)
                theirs = high.usage_since(low)
                assert abs(mean - theirs) <= 3.0, (mean, theirs)
                assert mean >= known - 3.0 - stolen(rows), (mean, known)

    with burning(burnt):
        run(main())


@pytest.mark.parametrize("busy", [0, 1, 2])
def test_usage_of_one_reading_over_a_second_is_within_three_points(busy: int) -> None:
    burnt = usable_cores()[:busy]
    known = 100.0 * len(burnt) / psutil.cpu_count()

    async def main() -> None:
        monitor = ResourceMonitor()
        await monitor.get_current_stats()
        for _ in range(2):
            await monitor.get_current_stats()
            low = Oracle()
            await asyncio.sleep(1.0)
            ours = await monitor.get_current_stats()
            theirs = Oracle().usage_since(low)
            assert ours.elapsed_seconds == pytest.approx(1.0, abs=0.2)
            assert abs(ours.cpu.usage_percent - theirs) <= 3.0
            assert ours.cpu.usage_percent >= known - 3.0 - ours.cpu.steal_percent

    with burning(burnt):
        run(main())


async def a_row(monitor: ResourceMonitor) -> SystemStats:
    """The next row of the history, as soon as it is there."""
    asked = time.time()
    while not (rows := await monitor.get_history(asked)):  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return rows[0]


def stolen(rows: list[SystemStats]) -> float:
    """Percent of the time that the hypervisor gave to others: a burner cannot use that."""
    return statistics.fmean(row.cpu.steal_percent or 0.0 for row in rows)


def test_parts_of_processor_time_make_a_whole() -> None:
    _, ours, _ = between(lambda: None)
    cpu = ours.cpu
    busy = (cpu.user_percent, cpu.nice_percent, cpu.system_percent, cpu.irq_percent, cpu.softirq_percent)
    assert cpu.usage_percent == pytest.approx(sum(busy))
    rest = (cpu.idle_percent, cpu.iowait_percent, cpu.steal_percent)
    assert cpu.usage_percent + sum(rest) == pytest.approx(100.0)
    assert cpu.usage_with_steal_percent == pytest.approx(cpu.usage_percent + cpu.steal_percent)


def test_what_this_process_uses() -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        await monitor.get_current_stats()
        await asyncio.sleep(0.3)
        idle = await monitor.get_current_stats()
        assert idle.cpu.process_cores_used < 0.2
        begun, used = time.monotonic(), time.process_time()
        while time.monotonic() - begun < 1.0:
            pass
        # What the kernel gave us of a busy machine is the known load.
        used = (time.process_time() - used) / (time.monotonic() - begun)
        burning = await monitor.get_current_stats()
        assert burning.elapsed_seconds == pytest.approx(1.0, abs=0.1)
        assert burning.cpu.process_cores_used == pytest.approx(used, abs=0.06)

    run(main())


def test_scope_and_names_of_the_catalogue_agree_with_the_statistics() -> None:
    async def main() -> None:
        monitor = ResourceMonitor(scope="host")
        stats = await monitor.get_current_stats()
        assert await monitor.get_metric("host_memory_total_bytes") == stats.memory.total
        assert await monitor.get_metric("host_cpus_online") == stats.cpu.online_count
        assert await monitor.get_metric("thread_count") == stats.cpu.thread_count
        assert await monitor.get_metric("memory_usage") == pytest.approx(stats.memory.percent, abs=1.0)

    run(main())
