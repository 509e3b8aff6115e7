"""The dataclasses of processors, disks, network interfaces and file systems, each by itself, and of their sums.

Lists are there in a reading that somebody asks for, and None in rows of the history. A value that was not measured
is None, never 0.
"""

from dataclasses import dataclass


@dataclass
class CoreStats:
    """One processor. Percentages are of its own time, 0-100, as in ``CPUStats``.

    All are None for a processor that was not online before.

    Attributes:
        number: The kernel's number: that of ``cpuN``. Numbers may have holes.
        usage_percent: Time spent working: user + nice + system + irq + softirq.
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
    """

    number: int
    usage_percent: float | None = None
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


@dataclass
class DiskStats:
    """One block device: counters since boot (or since it appeared), and their rates over the sample.

    Attributes:
        name: The kernel's name: ``sda``, ``nvme0n1``, ``dm-0``.
        kind: "whole", "partition", "stacked" (LVM, dm-crypt, md: its members count the same requests) or "virtual"
            (loop, ram, zram; listed once it has been used). Only whole disks are in the totals of ``IOStats``.
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
        utilisation_percent: Share of the time in which a request was under way; 0-100. A device that works on many
            requests at once may be at 100 and far from its limit: latency tells more.
        queue_depth: Requests under way, on average over the sample.
        in_flight: Requests under way at the moment of the reading.
        discard_count: Discards completed since boot (Linux 4.18 and newer).
        discard_bytes: Bytes discarded since boot.
        discard_count_per_second: Discards a second.
        discard_bytes_per_second: Bytes discarded a second.
        flush_count: Flushes completed since boot (Linux 5.5 and newer).
        flush_count_per_second: Flushes a second.
        flush_latency_seconds: Mean seconds that a flush took; None where there was none.
    """

    name: str
    kind: str
    read_bytes: int | None = None
    write_bytes: int | None = None
    read_count: int | None = None
    write_count: int | None = None
    read_bytes_per_second: float | None = None
    write_bytes_per_second: float | None = None
    read_count_per_second: float | None = None
    write_count_per_second: float | None = None
    read_latency_seconds: float | None = None
    write_latency_seconds: float | None = None
    utilisation_percent: float | None = None
    queue_depth: float | None = None
    in_flight: int | None = None
    discard_count: int | None = None
    discard_bytes: int | None = None
    discard_count_per_second: float | None = None
    discard_bytes_per_second: float | None = None
    flush_count: int | None = None
    flush_count_per_second: float | None = None
    flush_latency_seconds: float | None = None


@dataclass
class InterfaceStats:
    """One network interface: counters since it appeared, and their rates over the sample, as in ``NetworkStats``.

    Attributes:
        name: ``eth0``.
        kind: "physical" (backed by a device), "virtual" (made of no other interface: a container's end of a veth
            pair), "member" (part of another one), "stacked" (made of others: bridge, bond, VLAN, tunnel) or
            "loopback".
        counted: Whether it is part of the totals of ``NetworkStats``.
        receive_bytes: Bytes received.
        transmit_bytes: Bytes sent.
        receive_packets: Packets received.
        transmit_packets: Packets sent.
        receive_errors: Packets that arrived damaged.
        transmit_errors: Packets that could not be sent.
        receive_drops: Packets that arrived and were thrown away.
        transmit_drops: Packets that were thrown away instead of sent.
        receive_bytes_per_second: Bytes received a second.
        transmit_bytes_per_second: Bytes sent a second.
        receive_packets_per_second: Packets received a second.
        transmit_packets_per_second: Packets sent a second.
        receive_errors_per_second: Damaged packets a second.
        transmit_errors_per_second: Packets a second that could not be sent.
        receive_drops_per_second: Packets a second that arrived and were thrown away.
        transmit_drops_per_second: Packets a second that were thrown away instead of sent.
    """

    name: str
    kind: str
    counted: bool
    receive_bytes: int | None = None
    transmit_bytes: int | None = None
    receive_packets: int | None = None
    transmit_packets: int | None = None
    receive_errors: int | None = None
    transmit_errors: int | None = None
    receive_drops: int | None = None
    transmit_drops: int | None = None
    receive_bytes_per_second: float | None = None
    transmit_bytes_per_second: float | None = None
    receive_packets_per_second: float | None = None
    transmit_packets_per_second: float | None = None
    receive_errors_per_second: float | None = None
    transmit_errors_per_second: float | None = None
    receive_drops_per_second: float | None = None
    transmit_drops_per_second: float | None = None


@dataclass
class NetworkStats:
    """The network of this process: its network namespace, which in a container is the container's own.

    Counters since the interfaces appeared, and their rates over the sample. No packet is counted twice: the total is
    that of the interfaces that a device stands behind or, where none has one, of those that are made of no other;
    never of ``lo``.

    Attributes:
        receive_bytes: Bytes received.
        transmit_bytes: Bytes sent.
        receive_packets: Packets received.
        transmit_packets: Packets sent.
        receive_errors: Packets that arrived damaged.
        transmit_errors: Packets that could not be sent.
        receive_drops: Packets that arrived and were thrown away, mostly for lack of room.
        transmit_drops: Packets that were thrown away instead of sent.
        receive_bytes_per_second: Bytes received a second.
        transmit_bytes_per_second: Bytes sent a second.
        receive_packets_per_second: Packets received a second.
        transmit_packets_per_second: Packets sent a second.
        receive_errors_per_second: Damaged packets a second.
        transmit_errors_per_second: Packets a second that could not be sent.
        receive_drops_per_second: Packets a second that arrived and were thrown away.
        transmit_drops_per_second: Packets a second that were thrown away instead of sent.
        interfaces: Each interface by itself, ``lo`` included; None in rows of the history.
    """

    receive_bytes: int | None = None
    transmit_bytes: int | None = None
    receive_packets: int | None = None
    transmit_packets: int | None = None
    receive_errors: int | None = None
    transmit_errors: int | None = None
    receive_drops: int | None = None
    transmit_drops: int | None = None
    receive_bytes_per_second: float | None = None
    transmit_bytes_per_second: float | None = None
    receive_packets_per_second: float | None = None
    transmit_packets_per_second: float | None = None
    receive_errors_per_second: float | None = None
    transmit_errors_per_second: float | None = None
    receive_drops_per_second: float | None = None
    transmit_drops_per_second: float | None = None
    interfaces: list[InterfaceStats] | None = None


@dataclass
class FilesystemStats:
    """One mounted file system, in bytes, as it was at most 30 s ago.

    File systems that a server or another process answers for (NFS, SMB, FUSE, ...) are not asked, because one that
    does not answer would hang the monitor.

    Attributes:
        mount_point: Where it is mounted: of several places, the one of its root, and then the shortest.
        source: What is mounted there: ``/dev/sda1``, ``tmpfs``.
        kind: Its type: ``ext4``.
        read_only: Whether it is mounted read-only.
        total: What it can hold.
        free: What is free, that kept for root included; None where the system does not tell these apart.
        available: What a program without privileges can still write.
        used: ``total - free``.
        usage_percent: ``100 * used / (used + available)``, as ``df`` has it; 0-100.
        inodes_total: Inodes that it has; None where it makes them as needed.
        inodes_free: Inodes that are free.
        inodes_usage_percent: Share of the inodes that are in use; 0-100.
    """

    mount_point: str
    source: str
    kind: str
    read_only: bool
    total: int | None = None
    free: int | None = None
    available: int | None = None
    used: int | None = None
    usage_percent: float | None = None
    inodes_total: int | None = None
    inodes_free: int | None = None
    inodes_usage_percent: float | None = None


@dataclass
class SpaceStats:
    """Room on the mounted file systems that can fill up, as they were at most 30 s ago.

    Attributes:
        usage_percent: How full the fullest one is that is mounted to be written to; 0-100.
        inodes_usage_percent: The largest share of inodes in use on any of them; 0-100.
        root_total: Size of the file system at ``/``, in bytes.
        root_used: Bytes in use there.
        root_available: Bytes that programs without privileges can still write there.
        root_usage_percent: How full it is; 0-100.
        root_inodes_usage_percent: Share of its inodes that are in use; 0-100.
    """

    usage_percent: float | None = None
    inodes_usage_percent: float | None = None
    root_total: int | None = None
    root_used: int | None = None
    root_available: int | None = None
    root_usage_percent: float | None = None
    root_inodes_usage_percent: float | None = None


@dataclass
class HostStats:
    """The machine as a whole.

    Attributes:
        uptime_seconds: Seconds since boot, those asleep included.
        boot_time: When it booted, in seconds since the epoch.
        context_switches_per_second: Context switches a second, on all processors together.
        processes_created_per_second: Processes and threads made a second.
        processes_blocked: Tasks that wait for a device, and cannot be interrupted.
        file_handles_used: File handles in use.
        file_handles_max: How many there may be; None where there is no limit.
        swap_in_bytes_per_second: Bytes a second read back from swap, over the last 10 s at least.
        swap_out_bytes_per_second: Bytes a second written to swap, over the last 10 s at least.
    """

    uptime_seconds: float | None = None
    boot_time: float | None = None
    context_switches_per_second: float | None = None
    processes_created_per_second: float | None = None
    processes_blocked: int | None = None
    file_handles_used: int | None = None
    file_handles_max: int | None = None
    swap_in_bytes_per_second: float | None = None
    swap_out_bytes_per_second: float | None = None
