"""Processors, disks, interfaces and file systems each by itself, beside psutil, ``df`` and the kernel's own files."""

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from deadline import run
from mtaio.monitoring import (
    CoreStats,
    DiskStats,
    FilesystemStats,
    InterfaceStats,
    ResourceMonitor,
    SystemStats,
    catalogue,
)

# What the core reads does not depend on the interpreter.
pytestmark = pytest.mark.once

T = TypeVar("T")
MEBIBYTE = 1024 * 1024


def between(theirs: Callable[[], T]) -> tuple[T, SystemStats, T]:
    """An independent reading, a reading of ours, and an independent one again."""

    async def main() -> tuple[T, SystemStats, T]:
        monitor = ResourceMonitor()
        await monitor.get_current_stats()
        low = theirs()
        ours = await monitor.get_current_stats()
        return low, ours, theirs()

    return run(main())


def test_lists_come_with_a_reading_and_not_with_rows_of_the_history() -> None:
    async def main() -> None:
        async with ResourceMonitor(interval=0.05) as monitor:
            asked = await monitor.get_current_stats()
            while len(rows := await monitor.get_history()) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert all(isinstance(core, CoreStats) for core in asked.cpu.cores)
        assert all(isinstance(disk, DiskStats) for disk in asked.io.devices)
        assert all(isinstance(interface, InterfaceStats) for interface in asked.network.interfaces)
        assert all(isinstance(mount, FilesystemStats) for mount in asked.filesystems)
        row = rows[-1]
        lists = (row.cpu.cores, row.io.devices, row.network.interfaces, row.filesystems)
        assert lists == (None, None, None, None)
        # The sums are in both.
        assert row.network.receive_bytes is not None
        assert row.space.root_total == asked.space.root_total
        assert row.host.uptime_seconds == pytest.approx(asked.host.uptime_seconds, abs=5.0)

    run(main())


def test_no_number_is_negative_or_out_of_its_bounds() -> None:
    def check(value: object, name: str) -> None:
        if is_dataclass(value):
            for field in fields(value):
                check(getattr(value, field.name), field.name)
        elif isinstance(value, list):
            for item in value:
                check(item, name)
        elif isinstance(value, int | float):
            assert value >= 0, name
            if name.endswith("percent"):
                assert value <= 100.0 + 1e-9, name

    _, ours, _ = between(lambda: None)
    check(ours, "stats")


def test_p3_each_core_beside_psutil() -> None:
    """One core is kept busy for a second; each core's share is psutil's, by its definition of busy."""

    async def main() -> None:
        monitor = ResourceMonitor()
        await monitor.get_current_stats()
        over = threading.Event()
        allowed = os.sched_getaffinity(0)

        def burn() -> None:
            os.sched_setaffinity(0, {min(allowed)})
            while not over.is_set():
                pass

        thread = threading.Thread(target=burn)
        thread.start()
        try:
            await monitor.get_current_stats()
            before = psutil.cpu_times(percpu=True)
            await asyncio.sleep(1.0)
            ours = await monitor.get_current_stats()
            after = psutil.cpu_times(percpu=True)
        finally:
            over.set()
            thread.join()
        assert [core.number for core in ours.cpu.cores] == list(range(psutil.cpu_count()))
        names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
        for core, low, high in zip(ours.cpu.cores, before, after, strict=True):
            grown = {name: max(0.0, getattr(high, name) - getattr(low, name)) for name in names}
            for name in names:
                theirs = 100.0 * grown[name] / sum(grown.values())
                assert getattr(core, f"{name}_percent") == pytest.approx(theirs, abs=5.0), (core.number, name)
            assert sum(getattr(core, f"{name}_percent") for name in names) == pytest.approx(100.0)

    run(main())


def test_p22_each_disk_beside_psutil() -> None:
    low, ours, high = between(lambda: psutil.disk_io_counters(perdisk=True, nowrap=False))
    listed = {disk.name: disk for disk in ours.io.devices}
    used = {name for name, count in low.items() if count.read_bytes or count.write_bytes}
    assert used <= set(listed) <= set(high)
    for name, disk in listed.items():
        for field in ("read_bytes", "write_bytes", "read_count", "write_count"):
            assert getattr(low[name], field) <= getattr(disk, field) <= getattr(high[name], field), (name, field)
    whole = [disk for disk in ours.io.devices if disk.kind == "whole"]
    assert sum(disk.read_bytes for disk in whole) == ours.io.read_bytes
    assert max(disk.utilisation_percent for disk in whole) == pytest.approx(ours.io.utilisation_percent, abs=1e-3)


def devices_below(folder: Path) -> set[str]:
    """Names of the block device that the folder lies on: none, where it lies on memory or on an overlay."""
    number = folder.stat().st_dev
    wanted = f"{os.major(number)}:{os.minor(number)}"
    devices = Path("/sys/class/block").iterdir()
    return {path.name for path in devices if (path / "dev").read_text().strip() == wanted}


def test_p26_a_disk_that_writes_is_busy(tmp_path: Path) -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        await monitor.get_current_stats()
        names = devices_below(tmp_path)
        await asyncio.sleep(0.1)
        await monitor.get_current_stats()
        until = time.monotonic() + 0.5
        with (tmp_path / "written").open("wb") as file:
            while time.monotonic() < until:
                file.write(os.urandom(MEBIBYTE))
                file.flush()
                os.fsync(file.fileno())
        ours = await monitor.get_current_stats()
        for disk in ours.io.devices:
            if disk.name in names:
                assert disk.write_bytes_per_second > MEBIBYTE
                assert disk.write_count_per_second > 0
                assert 0 < disk.utilisation_percent <= 100
                assert 0 < disk.write_latency_seconds < 10
                assert disk.queue_depth > 0

    run(main())


def test_each_interface_beside_psutil_and_sys() -> None:
    def statistics() -> dict[str, dict[str, int]]:
        names = ("rx_bytes", "tx_bytes", "rx_packets", "tx_packets", "rx_errors", "tx_errors")
        return {
            path.name: {name: int((path / "statistics" / name).read_text()) for name in names}
            for path in Path("/sys/class/net").iterdir()
            if (path / "statistics").is_dir()
        }

    low, ours, high = between(lambda: (psutil.net_io_counters(pernic=True, nowrap=False), statistics()))
    listed = {interface.name: interface for interface in ours.network.interfaces}
    assert set(low[0]) == set(listed)
    # The kernel's own names are short, and psutil's the other way round.
    pairs = {
        "receive_bytes": ("bytes_recv", "rx_bytes"),
        "transmit_bytes": ("bytes_sent", "tx_bytes"),
        "receive_packets": ("packets_recv", "rx_packets"),
        "transmit_packets": ("packets_sent", "tx_packets"),
        "receive_errors": ("errin", "rx_errors"),
        "transmit_errors": ("errout", "tx_errors"),
    }
    for name, interface in listed.items():
        for field, (of_psutil, of_sys) in pairs.items():
            value = getattr(interface, field)
            assert getattr(low[0][name], of_psutil) <= value <= getattr(high[0][name], of_psutil), (name, field)
            assert low[1][name][of_sys] <= value <= high[1][name][of_sys], (name, field)
    counted = [interface for interface in ours.network.interfaces if interface.counted]
    assert sum(interface.receive_bytes for interface in counted) == ours.network.receive_bytes
    assert "lo" not in [interface.name for interface in counted]
    physical = {path.parent.name for path in Path("/sys/class/net").glob("*/device")}
    if physical:
        assert {interface.name for interface in counted} == physical


@pytest.mark.skipif(shutil.which("ip") is None, reason="there is no `ip` to ask here; the test above asks /sys")
def test_each_interface_beside_ip() -> None:
    def theirs() -> str:
        return subprocess.run(["ip", "-s", "link"], capture_output=True, text=True, check=True).stdout

    low, ours, high = between(theirs)
    for interface in ours.network.interfaces:
        ends = []
        for text in (low, high):
            block = text.split(f": {interface.name}")[1].splitlines()
            ends.append(int(block[block.index(next(line for line in block if "RX:" in line)) + 1].split()[0]))
        assert ends[0] <= interface.receive_bytes <= ends[1], interface.name


def test_what_goes_over_the_loopback_is_seen_there_and_nowhere_else() -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        await monitor.get_current_stats()
        await asyncio.sleep(0.1)
        before = await monitor.get_current_stats()
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind(("127.0.0.1", 0))
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with receiver, sender:
            for _ in range(1000):
                sender.sendto(b"x" * 1000, receiver.getsockname())
        await asyncio.sleep(0.15)
        after = await monitor.get_current_stats()

        def lo(stats: SystemStats) -> InterfaceStats:
            return next(interface for interface in stats.network.interfaces if interface.name == "lo")

        assert not lo(after).counted
        assert lo(after).kind == "loopback"
        assert lo(after).receive_packets - lo(before).receive_packets >= 1000
        assert lo(after).receive_bytes_per_second > 1_000_000

    run(main())


def test_file_systems_beside_df_and_psutil() -> None:
    ask = ["df", "--output=target,size,used,avail,pcent", "-B1"]

    def theirs() -> dict[str, list[str]]:
        lines = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.splitlines()[1:]
        return {line.split()[0]: line.split()[1:] for line in lines}

    low, ours, _ = between(theirs)
    listed = {mount.mount_point: mount for mount in ours.filesystems}
    assert "/" in listed
    for place, mount in listed.items():
        if place not in low or mount.total is None:
            continue
        size, used, available, percent = low[place]
        assert mount.total == int(size), place
        assert mount.used == pytest.approx(int(used), abs=64 * MEBIBYTE), place
        assert mount.available == pytest.approx(int(available), abs=64 * MEBIBYTE), place
        # df rounds up.
        assert mount.usage_percent == pytest.approx(float(percent.rstrip("%")), abs=1.5), place
    root = psutil.disk_usage("/")
    assert ours.space.root_total == root.total
    assert ours.space.root_usage_percent == pytest.approx(root.percent, abs=0.5)
    writable = [mount.usage_percent for mount in ours.filesystems if not mount.read_only and mount.usage_percent]
    assert ours.space.usage_percent == pytest.approx(max(writable))
    inodes = os.statvfs("/")
    assert listed["/"].inodes_total == (inodes.f_files or None)
    # Every place is listed once, and what the kernel makes up not at all.
    assert len(listed) == len(ours.filesystems)
    assert not {"/proc", "/sys"} & set(listed)


def test_the_machine_as_a_whole() -> None:
    def theirs() -> tuple[float, int]:
        return time.clock_gettime(time.CLOCK_BOOTTIME), int(Path("/proc/sys/fs/file-nr").read_text().split()[0])

    low, ours, high = between(theirs)
    assert low[0] <= ours.host.uptime_seconds <= high[0]
    assert ours.host.boot_time == psutil.boot_time()
    # Looked at at most ten seconds before.
    assert ours.host.file_handles_used == pytest.approx(low[1], rel=0.5, abs=500)
    assert ours.host.processes_blocked >= 0


def make_processes(count: int) -> None:
    for _ in range(count):
        subprocess.run(["true"], check=True)


def test_processes_that_are_made_are_counted() -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        await monitor.get_current_stats()
        await asyncio.sleep(0.1)
        await monitor.get_current_stats()
        switches = psutil.cpu_stats().ctx_switches
        begun = time.monotonic()
        make_processes(20)
        await asyncio.sleep(max(0.0, 0.15 - (time.monotonic() - begun)))
        ours = await monitor.get_current_stats()
        theirs = psutil.cpu_stats().ctx_switches - switches
        elapsed = time.monotonic() - begun
        assert ours.host.processes_created_per_second * elapsed >= 15
        assert ours.host.context_switches_per_second * elapsed == pytest.approx(theirs, rel=0.5)

    run(main())


def test_metrics_of_the_devices_are_usable_as_thresholds() -> None:
    async def main() -> None:
        monitor = ResourceMonitor(interval=0.05)
        fired: dict[str, float] = {}
        names = [
            "host_root_filesystem_total_bytes",
            "host_uptime_seconds",
            "host_file_handles_used",
            "network_receive_bytes_total",
        ]

        @monitor.on_threshold_exceeded
        def told(metric: str, value: float, _threshold: float) -> None:
            fired[metric] = value

        for name in names:
            monitor.set_threshold(name, -1.0)
        async with monitor:
            for _ in range(200):
                if len(fired) == len(names):
                    break
                await asyncio.sleep(0.02)
        assert set(fired) == set(names)
        assert fired["host_root_filesystem_total_bytes"] == psutil.disk_usage("/").total

    run(main())


def test_names_of_the_catalogue_agree_with_the_fields() -> None:
    known = {metric.name for metric in catalogue()}
    for direction in ("receive", "transmit"):
        for what in ("bytes", "packets", "errors", "drops"):
            assert {f"network_{direction}_{what}_total", f"network_{direction}_{what}_per_second"} <= known
    assert "host_disk_utilisation_percent" in known
