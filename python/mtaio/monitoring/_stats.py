"""The dataclasses that readings come in.

The reference's fields come first and in its order; further ones follow, with defaults. A value that was not
measured is None, never 0.
"""

from dataclasses import dataclass, field
from typing import List  # noqa: UP035 - spelt as the reference prints it

from ._devices import CoreStats, DiskStats, FilesystemStats, HostStats, NetworkStats, SpaceStats


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
    cores: list[CoreStats] | None = None


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
class ProcessStats:
    """This process: all of its threads, and none of its children but where it is said.

    The name of each value in the catalogue begins with ``process_``.

    Attributes:
        cpu_percent: Processor time used, in percent of one processor: psutil's ``Process.cpu_percent``. With several
            threads it may exceed 100.
        cpu_user_percent: The part of ``cpu_percent`` in user mode. The parts are the kernel's estimate, the sum is
            exact.
        cpu_system_percent: The part of ``cpu_percent`` in the kernel.
        cpu_cores_used: Processors' worth of time used: ``cpu_percent / 100``.
        cpu_seconds: Processor time used since the start, in seconds.
        cpu_user_seconds: The part of it in user mode, by the kernel's estimate.
        cpu_system_seconds: The part of it in the kernel.
        rss_bytes: Resident memory.
        vms_bytes: Address space.
        shared_bytes: Resident memory that files or shared memory stand behind; read every 5 s.
        pss_bytes: Resident memory with each page divided by the number of processes that share it; read every 30 s,
            and not above 1 GiB of resident memory, because it costs a walk through every page.
        threads: Operating-system threads.
        open_descriptors: Open descriptors; counted every 5 s.
        descriptor_limit: How many there may be; None where there is no limit.
        descriptor_percent: ``100 * open_descriptors / descriptor_limit``; 0-100.
        voluntary_switches: Times that a thread waited for something and gave its processor up.
        involuntary_switches: Times that a thread was made to give its processor up.
        voluntary_switches_per_second: The former a second.
        involuntary_switches_per_second: The latter a second.
        minor_faults: Page faults that needed no disk.
        major_faults: Page faults that waited for a disk.
        minor_faults_per_second: The former a second.
        major_faults_per_second: The latter a second.
        read_bytes: Bytes fetched from storage, by this process and the children that it has waited for.
        write_bytes: Bytes sent to storage, less those cancelled before they got there; children likewise.
        read_characters: Bytes that reads returned, of caches, pipes and sockets too; children likewise.
        write_characters: Bytes given to writes; children likewise.
        read_bytes_per_second: ``read_bytes`` a second. A child that has just been waited for counts as if all of it
            were of this moment.
        write_bytes_per_second: ``write_bytes`` a second, likewise.
        read_characters_per_second: ``read_characters`` a second, likewise.
        write_characters_per_second: ``write_characters`` a second, likewise.
        start_time: When it started, in seconds since the epoch, to a hundredth.
        uptime_seconds: Seconds since then, time asleep included.
    """

    cpu_percent: float | None = None
    cpu_user_percent: float | None = None
    cpu_system_percent: float | None = None
    cpu_cores_used: float | None = None
    cpu_seconds: float | None = None
    cpu_user_seconds: float | None = None
    cpu_system_seconds: float | None = None
    rss_bytes: int | None = None
    vms_bytes: int | None = None
    shared_bytes: int | None = None
    pss_bytes: int | None = None
    threads: int | None = None
    open_descriptors: int | None = None
    descriptor_limit: int | None = None
    descriptor_percent: float | None = None
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None
    voluntary_switches_per_second: float | None = None
    involuntary_switches_per_second: float | None = None
    minor_faults: int | None = None
    major_faults: int | None = None
    minor_faults_per_second: float | None = None
    major_faults_per_second: float | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    read_characters: int | None = None
    write_characters: int | None = None
    read_bytes_per_second: float | None = None
    write_bytes_per_second: float | None = None
    read_characters_per_second: float | None = None
    write_characters_per_second: float | None = None
    start_time: float | None = None
    uptime_seconds: float | None = None


@dataclass
class TreeStats:
    """This process and its descendants, looked at every 5 s.

    A worker sees itself and its children; the process that started the workers sees all of them. What those used
    that have ended is in it. The name of each value in the catalogue begins with ``tree_``.

    Attributes:
        processes: How many there are, this one included, and those that have ended and that nobody has waited for.
        threads: Their threads.
        cpu_cores_used: Processors' worth of time that they used between the two newest looks, those that ended
            meanwhile included.
        cpu_seconds: Processor time of the whole tree, its dead included, in seconds. It never goes back.
        rss_bytes: Resident memory, summed over the processes: memory that several share counts several times.
        open_descriptors: Open descriptors.
        read_bytes: Bytes fetched from storage, by the dead too.
        write_bytes: Bytes sent to storage, less those cancelled.
        read_bytes_per_second: The former a second.
        write_bytes_per_second: The latter a second.
        by_cgroup: Whether the processor time is that of a control group which holds nothing but the tree, and so is
            exact; else it is the sum over its processes.
        age_seconds: How long before this sample the tree was looked at.
    """

    processes: int | None = None
    threads: int | None = None
    cpu_cores_used: float | None = None
    cpu_seconds: float | None = None
    rss_bytes: int | None = None
    open_descriptors: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    read_bytes_per_second: float | None = None
    write_bytes_per_second: float | None = None
    by_cgroup: bool | None = None
    age_seconds: float | None = None


@dataclass
class MonitorStats:
    """The monitor itself, at its newest tick; None throughout where it does not run.

    The name of each value in the catalogue begins with ``monitor_``.

    Attributes:
        cpu_percent: Processor time of its thread since the tick before, in percent of one processor; 0-100.
        late_seconds: How long after its deadline the tick began.
        missed_ticks: Deadlines that went by without a sample, since it was made.
        failed_reads: Readings that gave nothing, of all sections, since it was made.
        sample_seconds: How long the sample took.
    """

    cpu_percent: float | None = None
    late_seconds: float | None = None
    missed_ticks: int | None = None
    failed_reads: int | None = None
    sample_seconds: float | None = None


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
        process: This process.
        tree: This process and its descendants.
        monitor: The monitor itself.
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
    process: ProcessStats | None = None
    tree: TreeStats | None = None
    monitor: MonitorStats | None = None


@dataclass
class SectionHealth:
    """How the readings of one section have gone.

    Attributes:
        section: "cpu", "load", "memory", "disks", "process", "network", "filesystems", "host", "container",
            "process_io", "descriptors", "process_memory" or "tree".
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
