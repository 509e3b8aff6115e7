"""What a profiler recorded, as the dataclasses that the reference prints. They are made when somebody looks."""

import os
import traceback
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from ._errors import ConfigurationTypeError
from ._native import NativeProfile

#: The frames of this package, which no stack trace shows.
_PACKAGE = os.path.dirname(__file__)


@dataclass
class ProfileTrace:
    """One trace.

    Attributes:
        name: What was traced: the function's qualified name, or the name that was given.
        start_time: When it began, in seconds since the epoch, from one monotonic clock.
        end_time: When it ended; for an open trace, when the profile was taken.
        metadata: Names and values that were attached to it.
        stack_trace: Where it began, as a traceback prints it, outermost first; None unless collected.
        memory_start: Resident bytes of the process when it began, at most 10 ms old (one exact reading costs
            more than a whole trace); 0 where they were not read.
        memory_end: The same when it ended.
        trace_id: Unique in the process.
        parent_id: The innermost open trace of the same flow when it began, or None.
        task_id: The task that it began in, numbered; None outside of one.
        task_name: That task's name; None where the task is not known any more.
        thread_id: The thread that it began in, as ``threading.get_native_id()`` gives it.
        status: ``"ok"``, ``"error"``, ``"cancelled"``, ``"abandoned"`` (left half-way) or ``"open"``.
        error: What it failed with, e.g. ``"ValueError: no such user"``, or None.
        run_time: Seconds that it ran, between resumes and suspends; None where that is not known.
        wait_time: Seconds that it waited: the duration less the run time.

    >>> ProfileTrace("query", 10.0, 12.5).duration
    2.5
    """

    name: str
    start_time: float
    end_time: float
    metadata: dict[str, Any] = field(default_factory=dict)
    stack_trace: str | None = None
    memory_start: int = 0
    memory_end: int = 0
    trace_id: int = 0
    parent_id: int | None = None
    task_id: int | None = None
    task_name: str | None = None
    thread_id: int | None = None
    status: str = "ok"
    error: str | None = None
    run_time: float | None = None
    wait_time: float | None = None

    @property
    def duration(self) -> float:
        """Seconds from its beginning to its end."""
        return self.end_time - self.start_time

    @property
    def memory_delta(self) -> int:
        """Change of the process's resident bytes from its beginning to its end."""
        return self.memory_end - self.memory_start


@dataclass
class ProfileTask:
    """A task that was spawned inside a trace.

    Attributes:
        task_id: Unique in the profiler.
        name: The task's name.
        coroutine: The qualified name of what it runs.
        created_at: Where it was made: ``file:line in function``.
        parent_id: The trace that it was spawned in.
        start_time: When it was spawned, in seconds since the epoch.
        end_time: When it ended; while it lives, when the profile was taken.
        status: As of a trace.
        run_time: Seconds that it ran until it ended, or until the profile was taken.
        wait_time: Seconds that it did not.
        steps: How often it was resumed.
    """

    task_id: int
    name: str
    coroutine: str
    created_at: str | None
    parent_id: int | None
    start_time: float
    end_time: float
    status: str
    run_time: float
    wait_time: float
    steps: int

    @property
    def lifetime(self) -> float:
        """Seconds from its beginning to its end."""
        return self.end_time - self.start_time


@dataclass
class ProfileMetrics:
    """What is known of all traces of a name, also of those that are no longer held one by one.

    Attributes:
        total_time: Seconds, summed.
        avg_time: Mean seconds; 0.0 without a trace.
        min_time: Shortest, in seconds.
        max_time: Longest, in seconds.
        call_count: Finished traces.
        memory_total: Change of the resident bytes from beginning to end, summed; traces that overlap see the
            same change.
        memory_avg: The same, a trace.
        percentiles: Percentile → seconds, of 50, 90, 95 and 99: exact while all traces are held, within 0.55 %
            otherwise; empty without a trace.
        run_time: Seconds that those ran of which it is known; None where it is of none.
        wait_time: Seconds that those waited.
        error_count: Traces that ended with an error.
    """

    total_time: float = 0.0
    avg_time: float = 0.0
    min_time: float = 0.0
    max_time: float = 0.0
    call_count: int = 0
    memory_total: int = 0
    memory_avg: float = 0.0
    percentiles: dict[int, float] = field(default_factory=dict)
    run_time: float | None = None
    wait_time: float | None = None
    error_count: int = 0


@dataclass
class ProfileDiffRow:
    """A name in two profiles: its metrics before and after, each None where it had no trace.

    Attributes:
        name: The name.
        before: Calls, total, mean, p50 and p99 seconds in the first profile.
        after: The same in the second.
    """

    name: str
    before: tuple[int, float, float, float | None, float | None] | None
    after: tuple[int, float, float, float | None, float | None] | None

    @property
    def change(self) -> float:
        """Seconds that the total grew by."""
        return (self.after[1] if self.after else 0.0) - (self.before[1] if self.before else 0.0)


class ProfileDiff:
    """Two profiles compared by name, what changed most first. Printing it gives a table."""

    def __init__(self, rows: list[ProfileDiffRow], text: str) -> None:
        """Made by ``Profile.diff``."""
        self.rows = rows
        self._text = text

    def __str__(self) -> str:
        """The table."""
        return self._text

    def __repr__(self) -> str:
        """How many names it compares."""
        return f"<ProfileDiff of {len(self.rows)} names>"


class Profile:
    """What a profiler had recorded at one moment. Later traces do not change it.

    ``print(profile)`` gives a table and the call tree; a notebook shows a table and a flame graph.

    >>> import asyncio
    >>> from mtaio.monitoring import Profiler
    >>> profiler = Profiler()
    >>> with profiler.trace_context("parse"):
    ...     pass
    >>> profile = asyncio.run(profiler.get_profile())
    >>> [trace.name for trace in profile.traces]
    ['parse']
    >>> profile.get_metrics("parse").call_count
    1
    """

    def __init__(self, native: NativeProfile) -> None:
        """Made by ``Profiler.get_profile`` and ``Profile.load``."""
        self._native = native
        self._traces: list[ProfileTrace] | None = None
        self._open_traces: list[ProfileTrace] | None = None
        self._tasks: list[ProfileTask] | None = None

    @property
    def traces(self) -> list[ProfileTrace]:
        """Finished traces, in the order in which they began: the newest ``max_traces``."""
        if self._traces is None:
            self._traces = self._native.traces(False, ProfileTrace)
        return self._traces

    @property
    def open_traces(self) -> list[ProfileTrace]:
        """Traces that had not ended, in the order in which they began."""
        if self._open_traces is None:
            self._open_traces = self._native.traces(True, ProfileTrace)
        return self._open_traces

    @property
    def tasks(self) -> list[ProfileTask]:
        """Tasks that were spawned inside a trace, in the order in which they were."""
        if self._tasks is None:
            self._tasks = self._native.tasks(ProfileTask)
        return self._tasks

    @property
    def total_time(self) -> float:
        """Seconds from the first trace's start to the last one's end (to now, while one is open); 0.0 for none."""
        return self._native.total_time

    @property
    def start_time(self) -> float | None:
        """When the first trace began, in seconds since the epoch; None without any."""
        return self._native.start_time

    @property
    def end_time(self) -> float | None:
        """When the last trace ended, or the profile was taken while one was open; None without any."""
        return self._native.end_time

    @property
    def let_go(self) -> int:
        """Traces that the metrics count and that are no longer held one by one."""
        return self._native.let_go

    @property
    def dropped(self) -> int:
        """Traces that could not be recorded, because millions were open at once."""
        return self._native.dropped

    @property
    def missing(self) -> dict[str, str]:
        """Included profilers whose traces are not in it, and why: see ``Profiler.include``. Not saved with it."""
        return dict(self._native.missing)

    @property
    def names(self) -> list[str]:
        """Every name that has a finished trace, sorted."""
        return self._native.names

    def get_metrics(self, name: str | None = None) -> ProfileMetrics:
        """The metrics of the traces of one name, or of all: count, sum, minimum and maximum are exact."""
        if name is not None and not isinstance(name, str):
            raise ConfigurationTypeError(f"name must be a str or None, got {type(name).__name__} {name!r}")
        return ProfileMetrics(*self._native.metrics(name))

    def export(self, format: str) -> str:
        """The profile in a format that other programs read.

        Args:
            format: ``"json"``, ``"chrome-trace"`` (Perfetto, about:tracing), ``"speedscope"``, ``"collapsed"``
                (flamegraph.pl, inferno) or ``"html"`` (one file with a flame graph and a timeline).

        Raises:
            ProfilerError: There is no such format; the message lists those that there are.
        """
        return self._native.export(_checked(format))

    def save(self, path: "str | os.PathLike[str]", format: str | None = None) -> None:
        """Writes it to a file.

        Args:
            path: The file, which is replaced.
            format: As of ``export``; None: what the path's suffix says, and json, which ``load`` and ``mtaio report``
                read, where it says nothing.

        Raises:
            ProfilerError: There is no such format, or the file cannot be written.
        """
        self._native.save(os.fspath(path), None if format is None else _checked(format))

    @classmethod
    def load(cls, path: "str | os.PathLike[str]") -> "Profile":
        """Reads a profile that was saved.

        Raises:
            ProfilerError: The file cannot be read or is no saved profile; the message says where it is not.
        """
        return cls(NativeProfile.load(os.fspath(path)))

    def diff(self, other: "Profile") -> ProfileDiff:
        """What changed from this profile to ``other``, by name, what changed most first."""
        if not isinstance(other, Profile):
            raise ConfigurationTypeError(f"diff takes a Profile, got {type(other).__name__} {other!r}")
        rows, text = self._native.diff(other._native)
        return ProfileDiff([ProfileDiffRow(*row) for row in rows], text)

    def __len__(self) -> int:
        """How many finished traces it holds."""
        return len(self._native)

    def __bool__(self) -> bool:
        """Always true: an empty profile is a profile."""
        return True

    def __str__(self) -> str:
        """A table by name, and the call tree."""
        return self._native.text()

    def __repr__(self) -> str:
        """How much it holds."""
        return f"<Profile of {len(self)} traces, {self.total_time:.6f} s>"

    def _repr_html_(self) -> str:
        return self._native.notebook()


def _checked(format: object) -> str:
    if not isinstance(format, str):
        raise ConfigurationTypeError(f"format must be a str, got {type(format).__name__} {format!r}")
    return format


def stack_text(frames: list[tuple[CodeType, int]]) -> str:
    """Frames, outermost first, as ``traceback.format_stack`` writes them. Called by the native half."""
    summaries = []
    for code, instruction in frames:
        if not code.co_filename.startswith(_PACKAGE):
            line = _line(code, instruction)
            summaries.append(traceback.FrameSummary(code.co_filename, line, code.co_name, lookup_line=False))
    return "".join(traceback.StackSummary.from_list(summaries).format())


def _line(code: CodeType, instruction: int) -> int | None:
    """The line of an instruction (PEP 626)."""
    for start, end, line in code.co_lines():
        if start <= instruction < end:
            return line
    return code.co_firstlineno
