"""Pressure: for how much of the time tasks stood still, and what handlers are told of it."""

from dataclasses import dataclass, field
from typing import Literal


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
class PressureEvent:
    """Tasks stood still for as long as an ``on_pressure`` asks for.

    Attributes:
        resource: What they waited for: "cpu", "memory", "io" or "irq".
        kind: "some", at least one of them; "full", all that were not idle.
        threshold: The share of the window that was asked for, 0-1.
        window_seconds: The window in use, which may be longer than the one that was asked for: see
            ``health().pressure_triggers``.
        value: The share that was measured, 0-1; None where the kernel told, since it says that the share was
            reached, and not what it was.
        scope: "container", the tasks of this process's own cgroup; "host", those of the machine.
        source: "kernel", which woke the monitor; "sampled", the monitor saw it in a sample.
        timestamp: Seconds since the epoch.
    """

    resource: str
    kind: Literal["some", "full"]
    threshold: float
    window_seconds: float
    value: float | None
    scope: Literal["container", "host"]
    source: Literal["kernel", "sampled"]
    timestamp: float


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
