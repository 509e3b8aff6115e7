"""What was going on when an alert fired."""

from dataclasses import dataclass
from typing import Literal

from ._native import evidence_text
from ._stats import SystemStats


@dataclass(frozen=True)
class TraceEvidence:
    """A trace that took long, or takes long.

    Attributes:
        name: Its name, cut to 256 bytes.
        duration_seconds: From its beginning to its end; of an open one, until it was looked at.
        status: How it ended; "open" where it has not.
        start_time: When it began, in seconds since the epoch.
        trace_id: The same as in ``profile.traces``.
        parent_id: The innermost trace of the same flow that was open when it began; None where there was none.
        task_name: The task in which it began, where that is known, cut to 256 bytes.
    """

    name: str
    duration_seconds: float
    status: Literal["open", "ok", "error", "cancelled", "abandoned"]
    start_time: float
    trace_id: int
    parent_id: int | None = None
    task_name: str | None = None


@dataclass(frozen=True)
class ProcessEvidence:
    """A process that was among the biggest. What was not measured is None.

    Attributes:
        pid: Its number.
        name: Its name as the system has it (15 bytes of it), which anybody may have chosen.
        is_own: Whether it is this process.
        rss_bytes: Resident memory, pages shared with others included.
        cpu_cores_used: Processors' worth of time that it used over ``cpu_window_seconds``; 1.0 is one kept busy.
        cpu_window_seconds: Seconds that this covers.
        cpu_is_lifetime_mean: Whether that is its whole life, because nobody had looked at it within the minute before:
            then a process that has just begun to be busy does not stand out.
        threads: Its threads.
    """

    pid: int
    name: str
    is_own: bool = False
    rss_bytes: int | None = None
    cpu_cores_used: float | None = None
    cpu_window_seconds: float | None = None
    cpu_is_lifetime_mean: bool = False
    threads: int | None = None


@dataclass(frozen=True)
class Evidence:
    """What was going on when an alert fired, or became worse: ``alert.evidence``.

    Alerts that fire together share one. It is small, whatever the program does. What was not measured is None, and a
    list of it is empty.

    Example:
        >>> open_trace = TraceEvidence("checkout", 12.5, "open", 1767225587.5, 7, None, "Task-3")
        >>> process = ProcessEvidence(4711, "python", True, 536870912, 0.97, 5.0)
        >>> print(Evidence(1767225600.0, None, (open_trace,), (), (process,)))
        open     12.5 s  checkout  in Task-3
        process  512 MiB  0.97 cores  python (pid 4711, this one)

    Attributes:
        timestamp: When it was gathered, in seconds since the epoch.
        sample: The sample in which the alert fired; of one that a recorded value set off, the newest. None where the
            monitor does not run. As a row of the history, it is without lists of disks and the like.
        slowest_open: The five slowest traces that were open, of the profiler that is attached, the slowest first. They
            are looked at once a second at most.
        slowest_recent: The five slowest of the newest thousand that had ended, the slowest first.
        biggest_processes: The five processes with the most resident memory and the five that used the most processor
            time, each once, the one with the most memory first. On Linux.
        processes_age_seconds: How long before ``timestamp`` the processes were looked at. The sampling thread alone
            does so, for an alert of a sample; one that a recorded value sets off has what such a look of the last ten
            seconds found.
    """

    timestamp: float
    sample: SystemStats | None = None
    slowest_open: tuple[TraceEvidence, ...] = ()
    slowest_recent: tuple[TraceEvidence, ...] = ()
    biggest_processes: tuple[ProcessEvidence, ...] = ()
    processes_age_seconds: float | None = None

    def describe(self) -> str:
        """A few lines in columns, for a log or a chat. Names are escaped where they could do harm, and cut."""
        return evidence_text(self)

    def __str__(self) -> str:
        """As ``describe``."""
        return self.describe()
