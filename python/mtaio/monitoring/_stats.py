"""The dataclasses that readings come in.

The reference's fields come first and in its order; further ones follow, with defaults. A value that was not
measured is None, never 0.
"""

from dataclasses import dataclass, field
from typing import List  # noqa: UP035 - spelt as the reference prints it

from ._destinations import DestinationHealth
from ._devices import CoreStats, DiskStats, FilesystemStats, HostStats, NetworkStats, SpaceStats
from ._pressure import PressureStats, PressureTriggerHealth
from ._processes import ContainerStats, MonitorStats, ProcessStats, TreeStats


@dataclass
class CPUStats:
    """Processors.

    Percentages but for ``usage_percent`` are of all processors of the machine together, 0-100, over
    ``SystemStats.elapsed_seconds``.

    Attributes:
        usage_percent: Time in use, of what this process may use: with ``scope="auto"``, where a quota, a cpuset or
            its affinity leaves it less than the machine, what its control group used of that, and then not clamped,
            for a burst may take it above 100. Else ``host_usage_percent``.
        load_average: Runnable and uninterruptible tasks of the machine over 1, 5 and 15 minutes.
        thread_count: Operating-system threads of this process, the native ones included.
        user_percent: In user mode, guests included.
        nice_percent: In user mode at low priority, guests included.
        system_percent: In the kernel.
        idle_percent: Doing nothing.
        iowait_percent: Doing nothing while a request to a disk is outstanding.
        irq_percent: Serving interrupts.
        softirq_percent: Serving soft interrupts.
        steal_percent: Wanted to run while the hypervisor ran somebody else.
        guest_percent: Running a guest: part of ``user_percent``.
        guest_nice_percent: Running a guest at low priority: part of ``nice_percent``.
        usage_with_steal_percent: What ``psutil.cpu_percent`` prints: all but idle and iowait.
        online_count: Processors that are online.
        process_cores_used: Processors' worth of time that this process used; 1.0 is one kept busy.
        system_thread_count: Threads that exist on the whole machine.
        running_thread_count: Threads of the machine that run or are ready to.
        host_usage_percent: Time that the machine spent working: user + nice + system + irq + softirq. Neither iowait
            nor steal is work.
        cores: Each processor by itself; None in rows of the history.
    """

    usage_percent: float
    load_average: List[float]  # noqa: UP006
    thread_count: int
    user_percent: float | None = None
    nice_percent: float | None = None
    system_percent: float | None = None
    idle_percent: float | None = None
    iowait_percent: float | None = None
    irq_percent: float | None = None
    softirq_percent: float | None = None
    steal_percent: float | None = None
    guest_percent: float | None = None
    guest_nice_percent: float | None = None
    usage_with_steal_percent: float | None = None
    online_count: int | None = None
    process_cores_used: float | None = None
    system_thread_count: int | None = None
    running_thread_count: int | None = None
    host_usage_percent: float | None = None
    cores: list[CoreStats] | None = None


@dataclass
class MemoryStats:
    """Memory, in bytes.

    ``total``, ``available``, ``used`` and ``percent`` are of what this process may use: with ``scope="auto"`` and a
    memory limit below what the machine has, of that limit. All other fields are the machine's.

    Attributes:
        total: Usable memory: the limit, or ``host_total``.
        available: ``total - used`` of a limit, or ``host_available``.
        used: The working set of the own control group where there is a limit, or ``host_used``.
        percent: ``100 * used / total``. Of the machine 0-100; a group may be above its limit for a while.
        free: Not used for anything.
        buffers: Cache of block devices.
        cached: Cache of files, and shared memory.
        slab_reclaimable: Kernel caches that can be given back.
        arc_shrinkable: What the cache of ZFS gives back when programs want it; None without ZFS, and inside LXC.
            Part of ``host_available``, unless ``zfs_arc_available=False``.
        shmem: Shared memory and tmpfs: counted in ``cached``, and cannot be given back.
        swap_total: Size of the swap space.
        swap_free: Free swap space.
        swap_used: ``swap_total - swap_free``.
        host_total: Usable memory of the machine.
        host_available: What programs can get without swapping (the kernel's estimate, and ``arc_shrinkable``).
        host_used: ``host_total - host_available``.
        host_percent: ``100 * host_used / host_total``; 0-100.
    """

    total: int
    available: int
    used: int
    percent: float
    free: int | None = None
    buffers: int | None = None
    cached: int | None = None
    slab_reclaimable: int | None = None
    arc_shrinkable: int | None = None
    shmem: int | None = None
    swap_total: int | None = None
    swap_free: int | None = None
    swap_used: int | None = None
    host_total: int | None = None
    host_available: int | None = None
    host_used: int | None = None
    host_percent: float | None = None


@dataclass
class IOStats:
    """Disks: counters since boot over whole physical disks, and their rates over the sample.

    Attributes:
        read_bytes: Bytes read since boot.
        write_bytes: Bytes written since boot.
        read_count: Reads completed since boot.
        write_count: Writes completed since boot.
        read_bytes_per_second: Bytes read a second.
        write_bytes_per_second: Bytes written a second.
        read_count_per_second: Reads a second.
        write_count_per_second: Writes a second.
        read_latency_seconds: Mean seconds that a read took; None where there was none.
        write_latency_seconds: Mean seconds that a write took; None where there was none.
        utilisation_percent: Share of the time in which the busiest whole disk had a request under way; 0-100. A disk
            that works on many requests at once may be at 100 and far from its limit: latency tells more.
        devices: Each block device by itself; None in rows of the history.
    """

    read_bytes: int
    write_bytes: int
    read_count: int
    write_count: int
    read_bytes_per_second: float | None = None
    write_bytes_per_second: float | None = None
    read_count_per_second: float | None = None
    write_count_per_second: float | None = None
    read_latency_seconds: float | None = None
    write_latency_seconds: float | None = None
    utilisation_percent: float | None = None
    devices: list[DiskStats] | None = None


@dataclass
class SystemStats:
    """One sample.

    Attributes:
        timestamp: Seconds since the epoch; never goes backwards within one history.
        cpu: Processors.
        memory: Memory and swap.
        io: Disks.
        elapsed_seconds: Seconds that the rates and shares of this sample cover, on the monotonic clock.
        sequence: Counts the monitor's deadlines, missed ones included.
        gap: The machine slept, or readings started anew, since the sample before this one.
        network: Network interfaces of this process's network namespace.
        space: Room on file systems: the fullest one, and the one at ``/``.
        filesystems: Each file system by itself; None in rows of the history.
        host: The machine as a whole.
        container: The control group of this process; None where it is in none that can be seen.
        process: This process.
        tree: This process and its descendants.
        monitor: The monitor itself.
        pressure: Pressure on the machine; None where the kernel does not tell.
        container_pressure: Pressure on this process's own cgroup; None where it has none of version 2.
    """

    timestamp: float
    cpu: CPUStats
    memory: MemoryStats
    io: IOStats
    elapsed_seconds: float | None = None
    sequence: int = 0
    gap: bool = False
    network: NetworkStats | None = None
    space: SpaceStats | None = None
    filesystems: list[FilesystemStats] | None = None
    host: HostStats | None = None
    container: ContainerStats | None = None
    process: ProcessStats | None = None
    tree: TreeStats | None = None
    monitor: MonitorStats | None = None
    pressure: PressureStats | None = None
    container_pressure: PressureStats | None = None


@dataclass
class SectionHealth:
    """How the readings of one section have gone, what it gives and what it costs.

    Attributes:
        section: "cpu", "load", "memory", "disks", "process", "network", "filesystems", "host", "container",
            "process_io", "descriptors", "process_memory", "tree", "pressure" or "container_pressure".
        origin: The file or call that it is read from.
        reads: Readings tried.
        failures: Readings that gave nothing.
        last_error: Why the last one that failed did.
        gives: What the section is about, in a line.
        every_seconds: Seconds between two looks, where some of it is looked at from time to time only; None where every
            sample reads it.
        state: "ok", "partial", "missing", or "unread" before the first sample.
        missing: Where only a part can be read: what the newest sample lacks.
        hint: What can be done about what is missing.
        median_seconds: What it took of half of the newest fifty samples, at most.
        worst_seconds: What it took of the worst of them.
    """

    section: str
    origin: str
    reads: int
    failures: int
    last_error: str | None
    gives: str = ""
    every_seconds: float | None = None
    state: str = "unread"
    missing: list[str] = field(default_factory=list)
    hint: str | None = None
    median_seconds: float | None = None
    worst_seconds: float | None = None


@dataclass
class MonitorHealth:
    """How the monitor itself is doing. Counts are since it was made, or since the fork.

    Attributes:
        running: Whether the sampling thread runs.
        samples: Samples taken on the cadence.
        missed_ticks: Deadlines that went by without a sample: the machine or the process had no time.
        latest_late_seconds: How long after its deadline the newest sample began.
        largest_late_seconds: The same at its worst.
        suspends: Times that the machine was suspended.
        wall_clock_jumps: Times that the wall clock was set.
        counter_restarts: Times that the kernel's counters started anew.
        panics: Bugs of the sampler that were caught; sampling went on.
        dropped_values: Values not recorded because they were NaN or infinite, or below zero and for a counter.
        dropped_names: Values not recorded because the limit on names (10 000) was reached.
        dropped_events: Alerts that waited for a loop until newer ones had made them old and they were more than
            4096, or until there was no more room (200 000).
        thresholds_without_data: Metrics with a threshold that have had no value for three intervals.
        sections: How the readings have gone.
        handler_errors: Calls of handlers that raised, outlasted ``handler_timeout``, or that stop() had to cancel.
        dropped_calls: Calls of handlers not made because 64 of the same handler were under way, or that still
            wait for that reason.
        collect_metrics_errors: Times that a subclass's ``collect_metrics`` raised and was started again.
        pressure_triggers: How each ``on_pressure`` is served.
        dropped_instances: Values not held against a threshold with labels because it follows 2 000 sets of
            them already.
        expired_series: Series with labels let go because nobody recorded to them for ``series_expiry_seconds``.
        dropped_window_blocks: What series recorded in a sample, let go early for want of ``window_memory_bytes``.
        delayed_thresholds: Samples in which the time for thresholds on expressions, a quarter of the interval, was over
            before the last of them had been looked at: the others came first with the next sample.
        destinations: What became of the alerts for each destination, in the order in which they were added.
    """

    running: bool
    samples: int
    missed_ticks: int
    latest_late_seconds: float
    largest_late_seconds: float
    suspends: int
    wall_clock_jumps: int
    counter_restarts: int
    panics: int
    dropped_values: int
    dropped_names: int
    dropped_events: int
    thresholds_without_data: List[str] = field(default_factory=list)  # noqa: UP006
    sections: List[SectionHealth] = field(default_factory=list)  # noqa: UP006
    handler_errors: int = 0
    dropped_calls: int = 0
    collect_metrics_errors: int = 0
    pressure_triggers: List[PressureTriggerHealth] = field(default_factory=list)  # noqa: UP006
    dropped_instances: int = 0
    expired_series: int = 0
    dropped_window_blocks: int = 0
    delayed_thresholds: int = 0
    destinations: List[DestinationHealth] = field(default_factory=list)  # noqa: UP006
