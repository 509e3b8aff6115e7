"""The dataclasses that readings come in.

The reference's fields come first and in its order; further ones follow, with defaults. A value that was not
measured is None, never 0.
"""

from dataclasses import dataclass, field
from typing import List, Literal  # noqa: UP035 - spelt as the reference prints it


@dataclass
class CPUStats:
    """Processors. Percentages are of all processors together, 0-100, over ``SystemStats.elapsed_seconds``.

    Attributes:
        usage_percent: Time spent working: user + nice + system + irq + softirq. Neither iowait nor steal is
            work.
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


@dataclass
class MemoryStats:
    """Memory, in bytes.

    Attributes:
        total: Usable memory.
        available: What programs can get without swapping (the kernel's estimate).
        used: ``total - available``.
        percent: ``100 * used / total``; 0-100.
        free: Not used for anything.
        buffers: Cache of block devices.
        cached: Cache of files, and shared memory.
        slab_reclaimable: Kernel caches that can be given back.
        shmem: Shared memory and tmpfs: counted in ``cached``, and cannot be given back.
        swap_total: Size of the swap space.
        swap_free: Free swap space.
        swap_used: ``swap_total - swap_free``.
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
class Pressure:
    """For how much of the time tasks stood still for want of a resource; 0-100.

    Attributes:
        some_percent: At least one task did, of the time between the two readings of this file.
        full_percent: All tasks that were not idle did, of the same time.
        some_avg10_percent: The kernel's own average of ``some`` over 10 s: for display, since it lags.
        full_avg10_percent: The kernel's own average of ``full`` over 10 s.
    """

    some_percent: float | None = None
    full_percent: float | None = None
    some_avg10_percent: float | None = None
    full_avg10_percent: float | None = None


@dataclass
class PressureStats:
    """Pressure stall information, of the machine or of this process's own cgroup.

    Attributes:
        cpu: Waiting for a processor. Its ``full`` is None for the machine, where it means nothing.
        memory: Waiting for memory: reclaim, swapping in, refaults.
        io: Waiting for a disk.
        irq: Waiting while the processor served interrupts: ``full`` alone, of the machine alone (Linux 6.1).
    """

    cpu: Pressure = field(default_factory=Pressure)
    memory: Pressure = field(default_factory=Pressure)
    io: Pressure = field(default_factory=Pressure)
    irq: Pressure = field(default_factory=Pressure)


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
    pressure: PressureStats | None = None
    container_pressure: PressureStats | None = None


@dataclass
class SectionHealth:
    """How the readings of one section have gone.

    Attributes:
        section: "cpu", "load", "memory", "disks", "process", "pressure" or "container pressure".
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
class PressureTriggerHealth:
    """How one ``on_pressure`` is served.

    Attributes:
        resource: "cpu", "memory", "io" or "irq".
        kind: "some" or "full".
        threshold: The share of the window, 0-1.
        window_seconds: The window in use. Without CAP_SYS_RESOURCE the kernel takes multiples of 2 s.
        mode: "kernel", which wakes the monitor; "sampled", the share is computed at each sample;
            "unavailable", nobody will tell.
        scope: "container", this process's own cgroup, or "host"; None before that is known.
        reason: Why it is not the kernel, or not the window that was asked for.
    """

    resource: str
    kind: str
    threshold: float
    window_seconds: float
    mode: Literal["kernel", "sampled", "unavailable"]
    scope: Literal["container", "host"] | None
    reason: str | None


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
        pressure_triggers: How each ``on_pressure`` is served.
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
