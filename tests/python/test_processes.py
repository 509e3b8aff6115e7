"""The own process, its tree and the monitor itself beside the kernel and psutil (issue 4, "process")."""

import asyncio
import contextlib
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from deadline import Told, eventually, run
from forking import child
from mtaio.monitoring import MonitorStats, ProcessStats, ResourceMonitor, SystemStats, TreeStats, catalogue

pytestmark = pytest.mark.once

PROGRAM = Path(__file__).with_name("worker_tree.py")
CPUACCT = Path("/sys/fs/cgroup/cpuacct")


def of(what: str, *arguments: str) -> Any:
    """What the program with workers says."""
    command = [sys.executable, str(PROGRAM), what, *arguments]
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=50, text=True)
    return json.loads(result.stdout)


def check_sum(found: dict[str, Any], share: float = 0.02) -> None:
    """The growth of the tree's processor time is the kernel's own sum."""
    ours = found["tree"]["cpu_seconds"] - found["since"]
    assert ours == pytest.approx(found["theirs"], rel=share), found


def test_p33_fifty_short_lived_children_and_theirs_are_in_the_sum_whether_they_live_or_not() -> None:
    found = of("children")
    check_sum(found["middle"])
    assert found["middle"]["tree"]["processes"] == 1 + 5 + 1, "the zombie is one of them"
    assert found["middle"]["tree"]["rss_bytes"] > 0
    assert found["middle"]["tree"]["open_descriptors"] > 6 * 3
    check_sum(found["last"])
    assert found["last"]["tree"]["processes"] == 1
    assert found["last"]["tree"]["cpu_seconds"] >= found["middle"]["tree"]["cpu_seconds"]


def test_p33_a_pool_of_workers() -> None:
    found = of("pool")
    # Three workers and the process that tracks what they share.
    assert found["during"]["processes"] >= 4
    check_sum(found["last"])
    assert found["sums"] == sorted(found["sums"])
    assert found["last"]["tree"]["processes"] <= 2


@contextlib.contextmanager
def own_group() -> Iterator[Path]:
    """A control group of our own that counts processor time, until the block ends."""
    group = CPUACCT / f"mtaio-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here ({error}); recorded ones stand in, in Rust")
    try:
        yield group
    finally:
        group.rmdir()


def test_p33_a_group_of_its_own_knows_even_children_that_nobody_waits_for() -> None:
    with own_group() as group:
        found = of("unseen", str(group / "cgroup.procs"))["last"]
        assert found["tree"]["by_cgroup"] is True
        check_sum(found, share=0.05)  # What a child uses to end is not in what it reports.
        usage = int((group / "cpuacct.usage").read_text()) / 1e9
        # The interpreter began outside of it.
        assert found["tree"]["cpu_seconds"] - found["since"] <= usage


def test_p33_without_one_they_are_lost_and_nothing_goes_back() -> None:
    found = of("unseen")["last"]
    assert found["tree"]["by_cgroup"] is False
    assert 0 <= found["tree"]["cpu_seconds"] - found["since"] < found["theirs"]


def test_p31_the_child_of_a_fork_shows_itself() -> None:
    async def read(monitor: ResourceMonitor) -> SystemStats:
        return await monitor.get_current_stats()

    def of_child(monitor: ResourceMonitor) -> tuple[SystemStats, int, float, int]:
        stats = run(read(monitor))
        return stats, os.getpid(), time.time(), len(os.listdir("/proc/self/task"))

    async def main() -> None:
        async with ResourceMonitor(interval=0.05) as monitor:
            await eventually(lambda: monitor.health().samples > 3)
            begun = time.time()
            ours = await monitor.get_current_stats()
            stats, pid, now, threads = child(lambda: of_child(monitor))
            assert pid != os.getpid()
            assert stats.process.threads == threads
            # A hundredth of a second is what the kernel knows of a start.
            assert begun - 0.02 <= stats.process.start_time <= now + 0.02
            assert ours.process.start_time < begun - 0.1
            assert stats.process.cpu_seconds < ours.process.cpu_seconds
            assert stats.tree.processes == 1
            assert stats.monitor == MonitorStats(), "the parent's thread is none of the child's"
            again = await monitor.get_current_stats()
            assert again.process.start_time == pytest.approx(ours.process.start_time, abs=0.02)

    run(main())


def between(theirs: Any) -> tuple[Any, ProcessStats, Any]:
    """Their reading, ours from a new monitor, and theirs again."""

    async def main() -> tuple[Any, ProcessStats, Any]:
        # What is looked at every five seconds is looked at by the first reading of a new monitor.
        monitor = ResourceMonitor()
        low = theirs()
        ours = await monitor.get_current_stats()
        assert ours.process is not None
        return low, ours.process, theirs()

    return run(main())


def test_own_numbers_lie_between_two_readings_of_psutil() -> None:
    process = psutil.Process()

    def theirs() -> dict[str, Any]:
        names = ["memory_info", "num_threads", "io_counters", "cpu_times", "create_time"]
        return {**process.as_dict(names), "kernel": resource.getrusage(resource.RUSAGE_SELF)}

    # Allocations happen in between.
    slack = 4 * 2**20
    low, ours, high = between(theirs)
    assert low["memory_info"].rss - slack <= ours.rss_bytes <= high["memory_info"].rss + slack
    assert low["memory_info"].vms <= ours.vms_bytes + slack
    assert abs(ours.shared_bytes - high["memory_info"].shared) <= slack
    assert low["num_threads"] == ours.threads == high["num_threads"]
    for name, theirs_name in (
        # Not psutil's, which are those of the first thread alone: /proc/PID/status is about one.
        ("voluntary_switches", "ru_nvcsw"),
        ("involuntary_switches", "ru_nivcsw"),
        ("minor_faults", "ru_minflt"),
        ("major_faults", "ru_majflt"),
    ):
        assert getattr(low["kernel"], theirs_name) <= getattr(ours, name) <= getattr(high["kernel"], theirs_name)
    for name, theirs_name in (
        ("read_bytes", "read_bytes"),
        ("read_characters", "read_chars"),
        ("write_characters", "write_chars"),
    ):
        counted = getattr(ours, name)
        assert getattr(low["io_counters"], theirs_name) <= counted <= getattr(high["io_counters"], theirs_name)
    assert ours.write_bytes <= high["io_counters"].write_bytes, "less those cancelled"
    sums = [reading["cpu_times"].user + reading["cpu_times"].system for reading in (low, high)]
    assert sums[0] - 0.03 <= ours.cpu_seconds <= sums[1] + 0.03
    assert ours.cpu_user_seconds + ours.cpu_system_seconds == pytest.approx(ours.cpu_seconds, abs=0.05)
    assert ours.start_time == pytest.approx(low["create_time"], abs=1.1)
    assert ours.uptime_seconds == pytest.approx(time.time() - low["create_time"], abs=2.0)


def test_p34_descriptors_and_their_limit() -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(open(os.devnull))
        low, ours, high = between(psutil.Process().num_fds)
        # Ours are open then, and psutil's own list is one.
        assert low - 1 <= ours.open_descriptors <= high + 1
        assert ours.descriptor_limit == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert ours.descriptor_percent == pytest.approx(100.0 * ours.open_descriptors / ours.descriptor_limit)


def test_p18_the_proportional_size_is_that_of_the_kernel() -> None:
    _, ours, high = between(lambda: psutil.Process().memory_full_info().pss)
    assert ours.pss_bytes == pytest.approx(high, abs=4 * 2**20)
    assert ours.pss_bytes <= ours.rss_bytes + 4 * 2**20


def test_p6_processor_time_is_that_of_psutil_over_the_same_window() -> None:
    async def main() -> None:
        process, monitor = psutil.Process(), ResourceMonitor()
        await monitor.get_current_stats()
        threads = [threading.Thread(target=sum, args=(range(20_000_000),)) for _ in range(2)]
        await monitor.get_current_stats()
        process.cpu_percent()
        for thread in threads:
            thread.start()
        await asyncio.to_thread(lambda: [thread.join() for thread in threads])
        ours, theirs = await monitor.get_current_stats(), process.cpu_percent()
        assert ours.process is not None
        # Their clock counts hundredths of a second.
        allowed = 100.0 * 0.05 / ours.elapsed_seconds
        assert ours.process.cpu_percent == pytest.approx(theirs, rel=0.1, abs=allowed)
        parts = ours.process.cpu_user_percent + ours.process.cpu_system_percent
        assert parts == pytest.approx(ours.process.cpu_percent)
        assert ours.process.cpu_cores_used == ours.cpu.process_cores_used

    run(main())


def test_the_monitor_measures_itself_and_thresholds_see_it() -> None:
    async def main() -> None:
        told = Told()
        monitor = ResourceMonitor(interval=0.02)
        assert (await monitor.get_current_stats()).monitor == MonitorStats()
        monitor.on_threshold_exceeded(told)
        for name in (
            "monitor_sample_seconds",
            "monitor_cpu_percent",
            "process_resident_memory_bytes",
            "tree_processes",
        ):
            monitor.set_threshold(name, 0.0)
        async with monitor:
            await told.wait(4)
            await eventually(lambda: monitor.health().samples > 20)
            stats = await monitor.get_current_stats()
            rows = await monitor.get_history()
            health = monitor.health()
        assert {call[0] for call in told.calls} >= {"monitor_sample_seconds", "monitor_cpu_percent"}
        for ours in (stats.monitor, rows[-1].monitor):
            assert 0.0 < ours.cpu_percent < 50.0
            assert 0.0 < ours.sample_seconds < 1.0
            assert 0.0 <= ours.late_seconds <= health.largest_late_seconds
            assert 0 <= ours.missed_ticks <= health.missed_ticks
            assert ours.failed_reads <= sum(section.failures for section in health.sections)
        assert (await monitor.get_current_stats()).monitor == MonitorStats(), "stopped, it has none"

    run(main())


def test_every_value_is_in_the_catalogue() -> None:
    names = {metric.name for metric in catalogue()}
    assert len(names) == len(catalogue())

    async def main() -> None:
        async with ResourceMonitor(interval=0.05) as monitor:
            await eventually(lambda: monitor.health().samples > 10)
            await asyncio.sleep(0.2)
            for name in sorted(names):
                if name.startswith(("process_", "tree_", "monitor_")) and name != "process_max_fds":
                    assert await monitor.get_metric(name) >= 0.0, name

    run(main())
    assert TreeStats().processes is None
    assert SystemStats(0.0, None, None, None).process is None  # type: ignore[arg-type]
