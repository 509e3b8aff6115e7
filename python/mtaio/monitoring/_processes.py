"""What readings tell of this process, of its descendants, of its container and of the monitor itself."""

from dataclasses import dataclass


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
