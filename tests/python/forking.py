"""Children of a fork, and what they find of a monitor that runs in the parent."""

import faulthandler
import os
import pickle
import select
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deadline import Told, eventually, run, sampling_threads
from mtaio.monitoring import ResourceMonitor, UnknownMetricError

#: A child that hangs, even in native code, says where and ends.
CHILD_SECONDS = 20

#: What the children of a fork server and of spawn find when they import this module.
AT_IMPORT = ResourceMonitor(interval=0.01)


def child(function: Callable[[], Any]) -> Any:
    """Forks, calls the function in the child, and gives what it gave; fails if it raised."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        code = 1
        try:
            # The alarm ends a child that hangs in native code too, and shows where. (Not
            # dump_traceback_later: its watchdog is a thread of the parent, for which the child would wait for
            # ever.)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            faulthandler.register(signal.SIGALRM, file=2, chain=True)
            signal.alarm(CHILD_SECONDS)
            os.close(reading)
            try:
                outcome = (function(), None)
            except BaseException:
                outcome = (None, traceback.format_exc())
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(outcome, pipe)
            code = 0
        finally:
            # Not the interpreter's own end, which would run the test session's a second time.
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        ready, _, _ = select.select([pipe], [], [], CHILD_SECONDS + 5)
        said = pipe.read() if ready else b""
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "the child hung, or died: see its traceback in the captured stderr"
    result, error = pickle.loads(said)
    assert error is None, error
    return result


def inherited(monitor: ResourceMonitor) -> dict[str, Any]:
    """Called in a child: what it finds of a monitor of its parent before it does anything with it."""
    found: dict[str, Any] = {
        "running": monitor.is_running,
        "sampling threads": sampling_threads(),
        "settings": (monitor.interval, monitor.history_size),
    }
    health = monitor.health()
    found["samples"] = health.samples
    found["losses"] = (health.dropped_values, health.handler_errors, health.dropped_calls)
    found["history"] = len(run(monitor.get_history()))
    try:
        found["recorded"] = run(monitor.get_metric("queue"))
    except UnknownMetricError:
        found["recorded"] = None
    return found


def life(monitor: ResourceMonitor) -> dict[str, Any]:
    """Called in a child: starts a monitor, has it sample and alert, looks at its numbers, and stops it.

    The monitor has a threshold on `thread_count` that any value crosses.
    """

    async def main() -> dict[str, Any]:
        told = Told()
        monitor.on_threshold_exceeded(told)
        async with monitor:
            await told.wait()
            await eventually(lambda: sampling_threads() == 1)
            begun = time.monotonic()
            while time.monotonic() < begun + 0.15:
                pass
            stats = await monitor.get_current_stats()
            lived = {
                "told": told.calls[0][0],
                "threads": (stats.cpu.thread_count, len(os.listdir("/proc/self/task"))),
                "cores used": stats.cpu.process_cores_used,
                "descriptors": own_descriptors(),
            }
        lived["stopped"] = not monitor.is_running
        return lived

    return run(main(), seconds=CHILD_SECONDS - 5)


def own_descriptors() -> int:
    """Descriptors of this process on files of /proc that are about itself, not about its parent."""
    own = Path("/proc") / str(os.getpid())
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            count += own in descriptor.readlink().parents and descriptor.readlink().name in (
                "stat",
                "schedstat",
            )
        except FileNotFoundError:
            continue
    return count


def check_life(lived: dict[str, Any]) -> None:
    """A monitor that lived in a child was the child's own."""
    assert lived["told"] == "thread_count", "the threshold was kept, and fired anew"
    ours, theirs = lived["threads"]
    assert ours == theirs, "the child's threads, not the parent's"
    assert lived["cores used"] > 0.03, "the child's own time: the parent waits, and uses none"
    assert lived["descriptors"] >= 1, "opened anew"
    assert lived["stopped"]


def put_life_at_import(queue: Any) -> None:
    """The main function of a child of `multiprocessing`: the monitor that this module made at import."""
    try:
        AT_IMPORT.set_threshold("thread_count", 0.0)
        queue.put((AT_IMPORT.is_running, life(AT_IMPORT)))
    except BaseException:
        queue.put(traceback.format_exc())


def put_inherited_life(queue: Any, monitor: ResourceMonitor) -> None:
    """The main function of a forked child of `multiprocessing`: the parent's monitor."""
    try:
        queue.put((inherited(monitor)["running"], life(monitor)))
    except BaseException:
        queue.put(traceback.format_exc())


async def goes_on(monitor: ResourceMonitor) -> None:
    """In the parent: sampling and alerts go on."""
    assert monitor.is_running
    samples = monitor.health().samples
    await eventually(lambda: monitor.health().samples >= samples + 3)
    told = Told()
    monitor.on_threshold_exceeded(told)
    monitor.remove_threshold("host_threads")
    monitor.set_threshold("host_threads", 0.0)
    await told.wait()
    monitor.remove_handler(told)
    monitor.remove_threshold("host_threads")
