"""The dataclasses that readings come in.

The reference's fields come first and in its order; further ones follow, with defaults. A value that was not
measured is None, never 0.
"""

from dataclasses import dataclass, field
from typing import List  # noqa: UP035 - spelt as the reference prints it


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
        shmem: Shared memory and tmpfs: counted in ``cached``, and cannot be given back.
        swap_total: Size of the swap space.
        swap_free: Free swap space.
        swap_used: ``swap_total - swap_free``.
        host_total: Usable memory of the machine.
        host_available: What programs can get without swapping (the kernel's estimate).
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


@dataclass
class ContainerStats:
    """The control group of this process: the container, service or slice that it runs in.

    Attributes:
        version: Which interface the groups have: "v1", "v2" or "hybrid". ``health()`` tells the directory.
        cpu_limit_cores: Processors' worth of time that this process may use: the least of the tightest quota of its
            group and those around it, of the processors of its cpuset, of those that it may run on, and of those
            that are online.
        cpu_cores_used: Processors' worth of time that the group used, those that have ended included.
        cpu_usage_percent: ``100 * cpu_cores_used / cpu_limit_cores``. Not clamped: a burst may take it above 100.
        cpu_throttled_periods_percent: Share of the quota's periods in which it ran out, 0-100, of those in which the
            group wanted to run. None without a quota, and where there was no such period.
        cpu_throttled_seconds_per_second: Seconds that the group's processors waited for their quota, summed over
            them, each second.
        memory_limit: The least memory limit of the group and those around it; None where it is not below what the
            machine has.
        memory_high: The least ``memory.high`` of them, above which the kernel holds the group up; version 2 only.
        memory_usage: Bytes in use, page cache included: at the limit the kernel first takes that back, then kills.
        memory_working_set: ``memory_usage`` less the page cache that is the first to go, as docker and the kubelet
            show it. That cache is up to ten seconds old.
        memory_percent: ``100 * memory_working_set / memory_limit``.
        swap_usage: Bytes swapped out.
        oom_kills: Processes of the group that the kernel killed for want of memory during this sample.
        oom_kills_total: The same since the group was made.
        memory_high_events: Times that the group was held up above ``memory_high`` during this sample.
        memory_max_events: Times that the group was about to exceed its limit during this sample.
        pids: Threads of the group.
        pids_limit: How many there may be; None without a limit.
        read_bytes: Bytes read from disks since the group was made.
        write_bytes: Bytes written to disks since then.
        read_count: Reads from disks since then.
        write_count: Writes to disks since then.
        read_bytes_per_second: Bytes read a second, over the latest ten seconds or so.
        write_bytes_per_second: Bytes written a second, over the same time.
        read_count_per_second: Reads a second, over the same time.
        write_count_per_second: Writes a second, over the same time.
    """

    version: str
    cpu_limit_cores: float | None = None
    cpu_cores_used: float | None = None
    cpu_usage_percent: float | None = None
    cpu_throttled_periods_percent: float | None = None
    cpu_throttled_seconds_per_second: float | None = None
    memory_limit: int | None = None
    memory_high: int | None = None
    memory_usage: int | None = None
    memory_working_set: int | None = None
    memory_percent: float | None = None
    swap_usage: int | None = None
    oom_kills: int | None = None
    oom_kills_total: int | None = None
    memory_high_events: int | None = None
    memory_max_events: int | None = None
    pids: int | None = None
    pids_limit: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    read_count: int | None = None
    write_count: int | None = None
    read_bytes_per_second: float | None = None
    write_bytes_per_second: float | None = None
    read_count_per_second: float | None = None
    write_count_per_second: float | None = None


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
        container: The control group of this process; None where it is in none that can be seen.
    """

    timestamp: float
    cpu: CPUStats
    memory: MemoryStats
    io: IOStats
    elapsed_seconds: float | None = None
    sequence: int = 0
    gap: bool = False
    container: ContainerStats | None = None


@dataclass
class SectionHealth:
    """How the readings of one section have gone.

    Attributes:
        section: "cpu", "load", "memory", "disks", "process" or "container".
        origin: The file or call that it is read from.
        reads: Readings tried.
        failures: Readings that gave nothing.
        last_error: Why the last one that failed did.
    """

    section: str
    origin: str
    reads: int
    failures: int
    last_error: str | None


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
        dropped_values: Values not recorded because they were NaN or infinite.
        dropped_names: Values not recorded because the limit on names (10 000) was reached.
        dropped_events: Alerts that waited for a loop until there was no more room (4096).
        thresholds_without_data: Metrics with a threshold that have had no value for three intervals.
        sections: How the readings have gone.
        handler_errors: Calls of handlers that raised, or that stop() had to cancel.
        dropped_calls: Calls of handlers not made because 64 of the same handler were under way.
        collect_metrics_errors: Times that a subclass's ``collect_metrics`` raised and was started again.
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
