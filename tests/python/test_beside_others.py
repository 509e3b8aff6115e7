"""Every number that others give too, beside them, in one run (issue 4, "It must show" 2).

A run is: the others, we, the others; some seconds of load; the others, we, the others. So what only grows lies
between two readings of each other program, and how fast it grew between what the inner two saw of it and what the outer
two saw: exactly, however late the machine is. What goes up and down lies between the two with room for what moved.
``iostat`` and ``vmstat`` measure a window of their own, which is ours but for the moments that they take to start and
to end: there the tolerance is relative.

Long because each number stands beside its sources and what may lie between them, and all are of one run.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from burners import burning, usable_cores
from mtaio.monitoring import ResourceMonitor, SystemStats
from other_readers import Reading, Windows, node_exporter, read

pytestmark = pytest.mark.once

KIBIBYTE, MEBIBYTE, SECTOR = 1024, 1024 * 1024, 512
WINDOW_SECONDS = 3
#: What other processes may take and give back between two readings.
MEMORY_SLACK = 64 * MEBIBYTE


@dataclass(frozen=True)
class Run:
    """What everybody said: others, we, others, a window, others, we, others."""

    first: tuple[Reading, SystemStats, Reading]
    last: tuple[Reading, SystemStats, Reading]
    iostat: dict[str, Any]
    vmstat: dict[str, int]


@pytest.fixture(scope="module", name="whole")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    file = tmp_path_factory.mktemp("written") / "file"

    async def main(address: str) -> Run:
        monitor = ResourceMonitor()
        await monitor.get_current_stats()
        before = read(address)
        windows = Windows(WINDOW_SECONDS)
        ours = await monitor.get_current_stats()
        first = (before, ours, read(address))
        while not windows.over():
            steady_load(file)
            await asyncio.sleep(0.02)
        between = read(address)
        ours = await monitor.get_current_stats()
        last = (between, ours, read(address))
        return Run(first, last, *windows.numbers())

    with node_exporter() as address, burning(usable_cores()[:1]):
        yield asyncio.run(main(address))


def steady_load(file: Path) -> None:
    """Reaches the disk, and is the same all the time, since two windows of it are compared."""
    with file.open("wb") as target:
        target.write(os.urandom(MEBIBYTE))
        target.flush()
        os.fsync(target.fileno())


class Number(NamedTuple):
    """A number of ours, and what the others call it."""

    ours: Callable[[SystemStats], float | None]
    others: dict[str, Callable[[Reading], float]]
    slack: float = 0.0


def exporter(name: str, **labels: str) -> Callable[[Reading], float]:
    """A number of node_exporter."""
    return lambda reading: reading.node(name, **labels)


def vmstat(name: str, times: float = 1) -> Callable[[Reading], float]:
    """A number of ``vmstat --stats``."""
    return lambda reading: reading.vmstat[name] * times


def free(name: str) -> Callable[[Reading], float]:
    """A number of ``free``."""
    return lambda reading: reading.free[name]


def of_psutil(name: str, at: str | int) -> Callable[[Reading], float]:
    """A number of psutil."""
    return lambda reading: reading.psutil[name][at] if isinstance(at, int) else getattr(reading.psutil[name], at)


#: What goes up and down, or stays.
LEVELS = {
    "memory.total": Number(
        lambda ours: ours.memory.host_total,
        {
            "node_exporter": exporter("memory_MemTotal_bytes"),
            "free": free("total"),
            "vmstat": vmstat("total memory", KIBIBYTE),
            "psutil": of_psutil("memory", "total"),
        },
    ),
    "memory.available": Number(
        lambda ours: ours.memory.host_available,
        {
            "node_exporter": exporter("memory_MemAvailable_bytes"),
            "free": free("available"),
            "psutil": of_psutil("memory", "available"),
        },
        MEMORY_SLACK,
    ),
    "memory.used": Number(
        lambda ours: ours.memory.host_used,
        {"free": free("used"), "vmstat": vmstat("used memory", KIBIBYTE)},
        MEMORY_SLACK,
    ),
    "memory.free": Number(
        lambda ours: ours.memory.free,
        {
            "node_exporter": exporter("memory_MemFree_bytes"),
            "free": free("free"),
            "vmstat": vmstat("free memory", KIBIBYTE),
            "psutil": of_psutil("memory", "free"),
        },
        MEMORY_SLACK,
    ),
    "memory.buffers": Number(
        lambda ours: ours.memory.buffers,
        {
            "node_exporter": exporter("memory_Buffers_bytes"),
            "vmstat": vmstat("buffer memory", KIBIBYTE),
            "psutil": of_psutil("memory", "buffers"),
        },
        MEMORY_SLACK,
    ),
    "memory.buffers and caches": Number(
        lambda ours: ours.memory.buffers + ours.memory.cached + ours.memory.slab_reclaimable,
        {"free": free("buff/cache")},
        MEMORY_SLACK,
    ),
    "memory.cached": Number(
        lambda ours: ours.memory.cached, {"node_exporter": exporter("memory_Cached_bytes")}, MEMORY_SLACK
    ),
    "memory.slab_reclaimable": Number(
        lambda ours: ours.memory.slab_reclaimable,
        {"node_exporter": exporter("memory_SReclaimable_bytes")},
        MEMORY_SLACK,
    ),
    "memory.shmem": Number(
        lambda ours: ours.memory.shmem,
        {
            "node_exporter": exporter("memory_Shmem_bytes"),
            "free": free("shared"),
            "psutil": of_psutil("memory", "shared"),
        },
        MEMORY_SLACK,
    ),
    "memory.swap_total": Number(
        lambda ours: ours.memory.swap_total,
        {
            "node_exporter": exporter("memory_SwapTotal_bytes"),
            "free": free("swap_total"),
            "vmstat": vmstat("total swap", KIBIBYTE),
            "psutil": of_psutil("swap", "total"),
        },
    ),
    "memory.swap_used": Number(
        lambda ours: ours.memory.swap_used,
        {
            "free": free("swap_used"),
            "vmstat": vmstat("used swap", KIBIBYTE),
            "psutil": of_psutil("swap", "used"),
        },
        MEMORY_SLACK,
    ),
    "cpu.load_average[0]": Number(
        lambda ours: ours.cpu.load_average[0],
        {"node_exporter": exporter("load1"), "psutil": of_psutil("load", 0)},
        0.011,
    ),
    "cpu.load_average[1]": Number(
        lambda ours: ours.cpu.load_average[1],
        {"node_exporter": exporter("load5"), "psutil": of_psutil("load", 1)},
        0.011,
    ),
    "cpu.load_average[2]": Number(
        lambda ours: ours.cpu.load_average[2],
        {"node_exporter": exporter("load15"), "psutil": of_psutil("load", 2)},
        0.011,
    ),
    "cpu.online_count": Number(
        lambda ours: ours.cpu.online_count,
        {
            "node_exporter": lambda reading: len(reading.node.labels("cpu_seconds_total", "cpu")),
            "psutil": lambda reading: len(reading.psutil["cores"]),
        },
    ),
    # Both walk all processes: some end meanwhile, and node_exporter starts threads of its own as it is asked.
    "cpu.system_thread_count": Number(
        lambda ours: ours.cpu.system_thread_count, {"node_exporter": exporter("processes_threads")}, 20
    ),
    "host.boot_time": Number(
        lambda ours: ours.host.boot_time,
        {
            "node_exporter": exporter("boot_time_seconds"),
            "vmstat": vmstat("boot time"),
            "psutil": lambda reading: reading.psutil["boot_time"],
        },
        # They have it in whole seconds.
        1.01,
    ),
    "host.file_handles_used": Number(
        lambda ours: ours.host.file_handles_used, {"node_exporter": exporter("filefd_allocated")}, 200
    ),
    "host.file_handles_max": Number(
        lambda ours: ours.host.file_handles_max, {"node_exporter": exporter("filefd_maximum")}
    ),
    "host.processes_blocked": Number(
        lambda ours: ours.host.processes_blocked, {"node_exporter": exporter("procs_blocked")}, 5
    ),
    "space.root_total": Number(lambda ours: ours.space.root_total, {"psutil": of_psutil("root", "total")}),
    "space.root_used": Number(lambda ours: ours.space.root_used, {"psutil": of_psutil("root", "used")}, MEMORY_SLACK),
    "space.root_available": Number(
        lambda ours: ours.space.root_available, {"psutil": of_psutil("root", "free")}, MEMORY_SLACK
    ),
}

#: What only grows, as a rate of ours; counts of theirs. Swapping is read once in ten seconds, and has no rate in this
#: window: the recorded trees of the core have it.
RATES = {
    "host.context_switches_per_second": Number(
        lambda ours: ours.host.context_switches_per_second,
        {
            "node_exporter": exporter("context_switches_total"),
            "vmstat": vmstat("CPU context switches"),
            "psutil": of_psutil("stats", "ctx_switches"),
        },
    ),
    "host.processes_created_per_second": Number(
        lambda ours: ours.host.processes_created_per_second,
        {"node_exporter": exporter("forks_total"), "vmstat": vmstat("forks")},
    ),
}

MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")

#: Ours of a disk, with the counters that node_exporter and psutil have for it.
OF_A_DISK = {
    "read_bytes": ("disk_read_bytes_total", "read_bytes"),
    "write_bytes": ("disk_written_bytes_total", "write_bytes"),
    "read_count": ("disk_reads_completed_total", "read_count"),
    "write_count": ("disk_writes_completed_total", "write_count"),
    "discard_count": ("disk_discards_completed_total", None),
    "flush_count": ("disk_flush_requests_total", None),
}

OF_AN_INTERFACE = {
    "receive_bytes": ("network_receive_bytes_total", "bytes_recv"),
    "transmit_bytes": ("network_transmit_bytes_total", "bytes_sent"),
    "receive_packets": ("network_receive_packets_total", "packets_recv"),
    "transmit_packets": ("network_transmit_packets_total", "packets_sent"),
    "receive_errors": ("network_receive_errs_total", "errin"),
    "transmit_errors": ("network_transmit_errs_total", "errout"),
    "receive_drops": ("network_receive_drop_total", "dropin"),
    "transmit_drops": ("network_transmit_drop_total", "dropout"),
}


@pytest.mark.parametrize("name", LEVELS)
def test_what_goes_up_and_down(whole: Run, name: str) -> None:
    number = LEVELS[name]
    for low, ours, high in (whole.first, whole.last):
        value = number.ours(ours)
        assert value is not None
        for other, theirs in number.others.items():
            ends = sorted((theirs(low), theirs(high)))
            assert ends[0] - number.slack <= value <= ends[1] + number.slack, (other, ends, value)


def check_growth(whole: Run, rate: float | None, theirs: Callable[[Reading], float], what: object) -> None:
    """A rate of ours over the window, times its length, lies between what the inner and the outer two saw."""
    assert rate is not None, what
    assert whole.last[1].elapsed_seconds is not None
    grown = rate * whole.last[1].elapsed_seconds
    least = theirs(whole.last[0]) - theirs(whole.first[2])
    most = theirs(whole.last[2]) - theirs(whole.first[0])
    # The clock is read once a sample, the files one after the other: some microseconds of three seconds.
    assert least * 0.999 - 1e-6 <= grown <= most * 1.001 + 1e-6, (what, least, grown, most)


@pytest.mark.parametrize("name", RATES)
def test_what_only_grows(whole: Run, name: str) -> None:
    for other, theirs in RATES[name].others.items():
        check_growth(whole, RATES[name].ours(whole.last[1]), theirs, other)


@pytest.mark.parametrize("mode", MODES)
def test_the_modes_of_each_core(whole: Run, mode: str) -> None:
    assert whole.last[1].cpu.cores
    for core in whole.last[1].cpu.cores:
        share = getattr(core, f"{mode}_percent") / 100.0

        def of_node(reading: Reading, at: str, number: str = str(core.number)) -> float:
            return reading.node("cpu_seconds_total", cpu=number, mode=at)

        def of_ps(reading: Reading, at: str, number: int = core.number) -> float:
            return getattr(reading.psutil["cores"][number], at)

        for seconds in (of_node, of_ps):
            inner, outer = {}, {}
            for at in MODES:
                first, last = whole.first, whole.last
                inner[at] = seconds(last[0], at) - seconds(first[2], at)
                outer[at] = seconds(last[2], at) - seconds(first[0], at)
            # idle and iowait go back now and then (P4), and all of them are in hundredths of a second.
            ends = inner[mode] / sum(outer.values()), outer[mode] / sum(inner.values())
            assert min(ends) - 0.01 <= share <= max(ends) + 0.01, (core.number, seconds.__name__, ends, share)


@pytest.mark.parametrize("name", OF_A_DISK)
def test_each_disk(whole: Run, name: str) -> None:
    in_node, in_psutil = OF_A_DISK[name]
    devices = whole.last[1].io.devices
    assert devices
    assert {disk.name for disk in devices} <= whole.last[2].node.labels("disk_reads_completed_total", "device")
    for disk in devices:
        readers: dict[str, Callable[[Reading], float]] = {
            "node_exporter": lambda reading, name=disk.name: reading.node(in_node, device=name)
        }
        if in_psutil:
            readers["psutil"] = lambda reading, name=disk.name: getattr(reading.psutil["disks"][name], in_psutil)
        for other, theirs in readers.items():
            for low, ours, high in (whole.first, whole.last):
                (same,) = [device for device in ours.io.devices or [] if device.name == disk.name]
                assert theirs(low) <= getattr(same, name) <= theirs(high), (other, disk.name)
            if hasattr(disk, f"{name}_per_second"):
                check_growth(whole, getattr(disk, f"{name}_per_second"), theirs, (other, disk.name))


@pytest.mark.parametrize("name", OF_AN_INTERFACE)
def test_each_interface(whole: Run, name: str) -> None:
    in_node, in_psutil = OF_AN_INTERFACE[name]
    network = whole.last[1].network
    assert network is not None
    assert network.interfaces
    assert {one.name for one in network.interfaces} == whole.last[2].node.labels(in_node, "device")
    for interface in network.interfaces:
        readers: dict[str, Callable[[Reading], float]] = {
            "node_exporter": lambda reading, name=interface.name: reading.node(in_node, device=name),
            "psutil": lambda reading, name=interface.name: getattr(reading.psutil["interfaces"][name], in_psutil),
        }
        for other, theirs in readers.items():
            for low, ours, high in (whole.first, whole.last):
                assert ours.network is not None
                (same,) = [one for one in ours.network.interfaces or [] if one.name == interface.name]
                assert theirs(low) <= getattr(same, name) <= theirs(high), (other, interface.name)
            check_growth(whole, getattr(interface, f"{name}_per_second"), theirs, (other, interface.name))


def test_each_file_system(whole: Run) -> None:
    low, ours, high = whole.last
    assert ours.filesystems
    pairs = {
        "total": ("filesystem_size_bytes", 0),
        "free": ("filesystem_free_bytes", MEMORY_SLACK),
        "available": ("filesystem_avail_bytes", MEMORY_SLACK),
        "inodes_total": ("filesystem_files", 0),
        "inodes_free": ("filesystem_files_free", 1000),
    }
    for mount in ours.filesystems:
        labels = {"device": mount.source, "fstype": mount.kind, "mountpoint": mount.mount_point}
        for name, (in_node, slack) in pairs.items():
            ends = sorted((low.node(in_node, **labels), high.node(in_node, **labels)))
            value = getattr(mount, name)
            # What has no inodes to count has none here, and 0 there.
            assert ends[0] - slack <= (value or 0) <= ends[1] + slack, (mount.mount_point, name)
            assert value is not None or name.startswith("inodes"), (mount.mount_point, name)
        assert float(mount.read_only) == high.node("filesystem_readonly", **labels)


@pytest.mark.skipif(not Path("/proc/pressure/cpu").exists(), reason="this kernel has no PSI at all")
def test_pressure(whole: Run) -> None:
    """Where it can be read both have it, and where it cannot neither has."""
    pressure = whole.last[1].pressure
    readable = {name for name in ("cpu", "memory", "io") if can_be_read(Path("/proc/pressure") / name)}
    counters = {"cpu": "pressure_cpu_waiting_seconds_total"}
    for name in ("memory", "io"):
        counters[name] = f"pressure_{name}_waiting_seconds_total"
    for name, counter in counters.items():
        ours = getattr(pressure, name, None)
        share = getattr(ours, "some_percent", None)
        assert (share is not None) == (name in readable), name
        if share is not None:
            check_growth(whole, share / 100.0, exporter(counter), name)


def can_be_read(path: Path) -> bool:
    """A PSI that is built in and not enabled is there, and cannot be read."""
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def test_vmstat_over_the_same_window(whole: Run) -> None:
    ours, theirs = whole.last[1], whole.vmstat
    close = pytest.approx
    # Whole percent, and of each of the columns some are rounded down.
    assert ours.cpu.user_percent + ours.cpu.nice_percent == close(theirs["us"], abs=6.0)
    system = ours.cpu.system_percent + ours.cpu.irq_percent + ours.cpu.softirq_percent
    assert system == close(theirs["sy"], abs=6.0)
    assert ours.cpu.idle_percent == close(theirs["id"], abs=8.0)
    assert ours.cpu.iowait_percent == close(theirs["wa"], abs=8.0)
    assert ours.cpu.steal_percent == close(theirs["st"], abs=6.0)
    assert ours.host.context_switches_per_second == close(theirs["cs"], rel=0.3, abs=200)


def test_iostat_over_the_same_window(whole: Run) -> None:
    ours, theirs = whole.last[1], whole.iostat
    cpu = theirs["avg-cpu"]
    close = pytest.approx
    assert ours.cpu.user_percent == close(cpu["user"], abs=6.0)
    assert ours.cpu.nice_percent == close(cpu["nice"], abs=4.0)
    system = ours.cpu.system_percent + ours.cpu.irq_percent + ours.cpu.softirq_percent
    assert system == close(cpu["system"], abs=6.0)
    assert ours.cpu.iowait_percent == close(cpu["iowait"], abs=8.0)
    assert ours.cpu.idle_percent == close(cpu["idle"], abs=8.0)
    devices = {disk["disk_device"]: disk for disk in theirs["disk"]}
    compared = 0
    for disk in ours.io.devices or []:
        # It leaves out what was never used.
        if (row := devices.get(disk.name)) is None:
            continue
        compared += 1
        assert disk.read_count_per_second == close(row["r/s"], rel=0.2, abs=3), disk.name
        assert disk.write_count_per_second == close(row["w/s"], rel=0.2, abs=3), disk.name
        assert disk.read_bytes_per_second == close(row["rkB/s"] * KIBIBYTE, rel=0.2, abs=MEBIBYTE / 4), disk.name
        assert disk.write_bytes_per_second == close(row["wkB/s"] * KIBIBYTE, rel=0.2, abs=MEBIBYTE / 4), disk.name
        assert disk.flush_count_per_second == close(row["f/s"], rel=0.2, abs=3), disk.name
        assert disk.discard_count_per_second == close(row["d/s"], rel=0.2, abs=3), disk.name
        assert disk.utilisation_percent == close(row["util"], rel=0.2, abs=6), disk.name
        assert disk.queue_depth == close(row["aqu-sz"], rel=0.3, abs=0.1), disk.name
        # It has 0 where nothing was written; we have none.
        if row["w/s"] > 10:
            assert disk.write_latency_seconds == close(row["w_await"] / 1000, rel=0.3, abs=0.001), disk.name
    assert compared > 0
    busiest = max(devices.values(), key=lambda row: row["wkB/s"])
    assert busiest["wkB/s"] > MEBIBYTE / KIBIBYTE, "the load did not reach a disk: nothing was compared"
