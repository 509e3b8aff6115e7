"""``mtaio run``: a program, unchanged, with a monitor beside it, and a profiler where it is asked for one.

Whoever runs a program so must not be able to tell by what it does: what is attached takes no part in its loops but a
timer, a task factory and a callback at the end of some tasks, and raises nothing. In the child of a fork nothing is
left of it but the factory of a loop that was there before.
"""

import atexit
import contextlib
import os
import signal
import sys
import weakref
from collections import deque
from collections.abc import Coroutine
from types import FrameType
from typing import Any

from . import _loop
from ._alert import Alert
from ._errors import MonitoringError
from ._monitor import ResourceMonitor
from ._profile import Profile
from ._profiler import Profiler
from ._program import die_of, raise_as_interpreter
from ._run_options import HELP, USAGE, Options
from ._task_times import MOST_NAMES, OTHER, ByName, TaskTimes

#: What a metric of ours counts.
DELAY = "event_loop_delay"
#: Rows of the summary.
MOST_ROWS = 5
#: Alerts that the summary shows, the newest ones.
MOST_ALERTS = 10
#: How long destinations may take at the end.
DESTINATIONS_SECONDS = 2.0
#: Signals that end a program which does not handle them, and leave it time for a summary.
FATAL = tuple(number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None)


def main(arguments: list[str]) -> int:
    """Runs a program, and ends as it ends."""
    try:
        options = Options(arguments)
        if options.is_help:
            print(HELP, end="")
            return 0
        options.check()
    except ValueError as error:
        print(f"mtaio run: {error}\n\n{USAGE}", end="", file=sys.stderr)
        return 2
    program = options.program
    assert program is not None
    missing = program.missing()
    if missing is not None:
        print(f"mtaio run: {missing}", file=sys.stderr)
        return 2
    try:
        beside = Beside(options)
        beside.serve()
    except (MonitoringError, ValueError) as error:
        print(f"mtaio run: {error}", file=sys.stderr)
        return 2
    beside.begin()
    raised: BaseException | None = None
    try:
        program.execute()
    except BaseException as error:
        raised = error
    # Not within the handler, where whatever a hook raises would be said to have happened during the handling of this.
    if raised is not None:
        beside.ending = _ending(raised)
        raise_as_interpreter(raised)
    return 0


def _ending(error: BaseException) -> str:
    if not isinstance(error, SystemExit):
        return f"raised {type(error).__qualname__}"
    code = error.code
    if code is None or isinstance(code, int):
        return f"ended with {code or 0}"
    return "ended with 1"


class Quiet(ResourceMonitor):
    """A monitor that tells nobody: its alerts wait for whoever gathers them."""

    def _mtaio_deliver(self) -> None:
        """Not even the log, which is the program's."""


class Beside:
    """What runs beside a program."""

    def __init__(self, options: Options) -> None:
        """Nothing runs yet.

        Raises:
            MonitoringError: The configuration cannot be used.
        """
        self._options = options
        self._monitor = Quiet() if options.config is None else Quiet.from_config(options.config)
        # Each task is a trace here, and need not be recorded as a task as well. Without a profile to write there are no
        # traces: what is below one costs more, and below that of a server's main task is all that the server does.
        self._profiler = None if options.profile is None else Profiler(trace_async_tasks=False)
        self._delay = self._monitor.histogram(DELAY, "s", "How late the event loop called back, ten times a second.")
        #: By the name of a coroutine: what traces it, or what times it.
        self._traced: ByName[Any] = ByName(self._tracer)
        self._times = TaskTimes()
        self._loops: weakref.WeakKeyDictionary[Any, _loop.Delay] = weakref.WeakKeyDictionary()
        self._alerts: deque[str] = deque(maxlen=MOST_ALERTS)
        self._told = 0
        self._process = os.getpid()
        self._is_over = False
        self._started, self._used = _loop.seconds(), _loop.processor_seconds()
        #: How the program ended.
        self.ending = "ended with 0"

    def serve(self) -> None:
        """Before all else: where nobody can listen, nothing has begun. The server ends with the monitor.

        Raises:
            MonitoringError: The address is not to be had, or is open to others and has no token.
            ValueError: The token cannot be read.
        """
        place = self._options.place
        if place is None:
            return
        server = self._monitor.serve(place.host, place.port, self._options.token(), self._profiler)
        print(f"page: {server.url}", file=sys.stderr, flush=True)

    def begin(self) -> None:
        """Before the program: what is registered first is called last."""
        atexit.register(self.end)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._leave_child_alone)
        self._stop_watching = _loop.watch_loops(self._begin_loop)
        for number in FATAL:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self._die)
        with contextlib.suppress(MonitoringError):
            # Without a loop of its own: nobody but the summary is told of what it finds.
            self._monitor._mtaio_start()

    def _begin_loop(self, loop: Any) -> None:
        if self._is_over or os.getpid() != self._process:
            return
        with contextlib.suppress(Exception):
            delay = self._loops.get(loop)
            if delay is None:
                delay = self._loops[loop] = _loop.Delay(loop, self._late)
                if self._profiler is None:
                    _loop.time_tasks(loop, self._times)
                else:
                    _loop.wrap_tasks(loop, self._trace)
            if loop.is_running():
                delay.begin()

    def _trace(self, coroutine: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
        """The coroutine of a task, as a trace of its name."""
        traced: Coroutine[Any, Any, Any] = self._traced[getattr(coroutine, "__qualname__", OTHER)](coroutine)
        return traced

    def _tracer(self, name: str) -> Any:
        assert self._profiler is not None
        return self._profiler._mtaio_trace(_itself, name, "coroutine")

    def _late(self, seconds: float) -> None:
        self._delay.record(seconds)
        self._gather_alerts()

    def _gather_alerts(self) -> None:
        for kind, payload in self._monitor._mtaio_drain(256):
            if kind in ("exceeded", "cleared", "alert"):
                alert: Alert = self._monitor._mtaio_alert(payload)
                self._told += 1
                self._alerts.append(f"{alert.state:<8}  {alert.level:<8}  {_printable(alert.message)}")

    def _leave_child_alone(self) -> None:
        """In the child of a fork, which is a program of its own."""
        self._is_over = True
        atexit.unregister(self.end)
        self._stop_watching()
        for number in FATAL:
            if signal.getsignal(number) == self._die:
                signal.signal(number, signal.SIG_DFL)

    def _die(self, number: int, _frame: FrameType | None) -> None:
        """Of a signal that nobody handles."""
        if os.getpid() == self._process:
            self.ending = f"was ended by {signal.Signals(number).name}"
            self.end()
        die_of(number)

    def end(self) -> None:
        """After the program: the profile and the summary, once."""
        if self._is_over or os.getpid() != self._process:
            return
        self._is_over = True
        self._stop_watching()
        seconds, used = _loop.seconds() - self._started, _loop.processor_seconds() - self._used
        told: list[str] = []
        try:
            self._monitor._mtaio_request_stop()
            self._monitor._mtaio_wait_stopped(1.0)
            self._gather_alerts()
            self._let_destinations_send()
            if not self._options.is_quiet:
                told = self._summary(seconds, used)
            if self._profiler is not None and self._options.profile is not None:
                Profile(self._profiler._mtaio_profile()).save(self._options.profile)
                if not self._options.is_quiet:
                    told.append(f"  the profile is in {_printable(self._options.profile)}")
        except Exception as error:
            told.append(f"  {type(error).__name__}: {_printable(str(error))}")
        if told:
            # Past sys.stderr, which is the program's to replace or close.
            with contextlib.suppress(OSError):
                os.write(2, ("\n".join(told) + "\n").encode("utf-8", "backslashreplace"))

    def _let_destinations_send(self) -> None:
        monitor = self._monitor
        monitor._mtaio_close_destinations(DESTINATIONS_SECONDS)
        _loop.wait_without_loop(monitor._mtaio_destinations_have_ended, DESTINATIONS_SECONDS)
        monitor._mtaio_abandon_destinations()

    def _summary(self, seconds: float, used: float) -> list[str]:
        assert self._options.program is not None
        name = _printable(self._options.program.name)
        lines = [f"mtaio: {name} {self.ending} after {_time(seconds)}"]
        share = f", {100 * used / seconds:.0f} % of one" if seconds > 0 else ""
        lines.append(f"  processor   {_time(used)}{share}")
        highest = _highest_memory()
        if highest is not None:
            lines.append(f"  memory      {highest / 2**20:.1f} MiB at most")
        delay = self._monitor.summary(DELAY)
        if delay.count and delay.p50 is not None and delay.p99 is not None and delay.max is not None:
            shown = f"median {_time(delay.p50)}, p99 {_time(delay.p99)}, longest {_time(delay.max)}"
            lines.append(f"  loop delay  {shown}")
        lines += self._slowest()
        if self._told:
            lines.append(f"  alerts      {self._told}, the newest last")
            lines += [f"    {alert}" for alert in self._alerts]
        return lines

    def _slowest(self) -> list[str]:
        """The names whose longest trace took longest: of tasks, and of what the program itself traces."""
        from ._profiler import _PROFILERS

        rows = [
            (tasks.longest, name, tasks.calls, tasks.total / tasks.timed)
            for name, tasks in list(self._times.items())
            if tasks.timed
        ]
        for profiler in list(_PROFILERS):
            if not profiler.enabled:
                continue
            profile = Profile(profiler._mtaio_profile())
            for name in profile._native.names[:MOST_NAMES]:
                of_name = profile.get_metrics(name)
                if of_name.call_count:
                    rows.append((of_name.max_time, name, of_name.call_count, of_name.avg_time))
        rows.sort(reverse=True)
        if not rows:
            return []
        lines = [f"  slowest     {'LONGEST':>9}  {'MEAN':>9}  {'CALLS':>7}  NAME"]
        for longest, name, calls, mean in rows[:MOST_ROWS]:
            lines.append(f"              {_time(longest):>9}  {_time(mean):>9}  {calls:>7}  {_printable(name)}")
        return lines


def _itself(coroutine: Any) -> Any:
    return coroutine


def _printable(text: str) -> str:
    """A text of the program's, without what could do harm in a terminal."""
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text[:200])
    return shown if len(text) <= 200 else f"{shown}…"


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def _highest_memory() -> int | None:
    """The highest resident memory of this process, as the kernel kept it: samples miss what is between them.

    Not ``ru_maxrss``, which on Linux begins with what the process was before it became this program.
    """
    try:
        with open("/proc/self/status", "rb") as status:
            (found,) = [line.split()[1] for line in status if line.startswith(b"VmHWM:")]
            return int(found) * 1024
    except (OSError, ValueError):
        return None
