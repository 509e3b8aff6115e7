"""What handlers are told."""

from dataclasses import dataclass
from typing import Literal


@dataclass
class Alert:
    """Something that somebody should know.

    Attributes:
        metric: The metric; None for an alert that is only a message.
        value: Its value; None for an alert that is only a message.
        threshold: The level that the value crossed; None where there is none.
        message: One sentence for a person.
        state: "firing" while it lasts, "resolved" when it is over.
        level: "warning".
        timestamp: Seconds since the epoch.
    """

    metric: str | None
    value: float | None
    threshold: float | None
    message: str
    state: Literal["firing", "resolved"]
    level: str
    timestamp: float


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
