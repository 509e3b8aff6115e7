"""Everything that depends on how event loops work inside. The rest of the package only awaits."""

import asyncio
import contextlib
import contextvars
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

from ._native import TaskFactory, _forget_loop, _set_asyncio
from ._task_times import OTHER, TaskTimes

#: Seconds on a clock that never goes back, where there may be no loop to ask; and those that the process computed.
seconds = time.perf_counter
processor_seconds = time.process_time

#: How a task ends that was cancelled.
Cancelled = asyncio.CancelledError


def wait_without_loop(is_done: Callable[[], bool], most_seconds: float) -> None:
    """Returns when something is done, or has taken too long. For the end of a program, when no loop runs any more."""
    deadline = seconds() + most_seconds
    while not is_done() and seconds() < deadline:
        time.sleep(0.01)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs in this thread, if there is one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def now() -> float:
    """Seconds on the running loop's own clock, which tests may move."""
    return asyncio.get_running_loop().time()


async def let_tasks_begin() -> None:
    """Returns when every task made before has run until it suspended or ended.

    Loops run what was scheduled in the order in which it was scheduled (asyncio and uvloop both promise it
    for ``call_soon``), and a new task's first step is scheduled when it is made.
    """
    await asyncio.sleep(0)


def call_on(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> bool:
    """Has ``callback`` called on ``loop``, from any thread. False where the loop is closed."""
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        return False
    return True


def later(loop: asyncio.AbstractEventLoop, seconds: float, callback: Callable[[], None]) -> None:
    """Has ``callback`` called on ``loop``, which must be the running one, not before its next step."""
    loop.call_later(seconds, callback)


def spawn(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
    """A task on ``loop``, which must be the running one, that starts at the loop's next step."""
    return loop.create_task(coroutine, name=name)


def watch_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Lays a task factory over the loop's own, so that tasks spawned inside a trace are recorded.

    The public way, which asyncio and uvloop both have. A factory that is set later takes its place.
    """
    former = loop.get_task_factory()
    if not isinstance(former, TaskFactory):
        _set_task_factory(loop, TaskFactory(former, asyncio.tasks, _leave_out_factory))
    # Another loop may come to lie at this one's address.
    weakref.finalize(loop, _forget_loop, id(loop)).atexit = False


def watch_loops(on_begin: Callable[[asyncio.AbstractEventLoop], None]) -> Callable[[], None]:
    """Has ``on_begin`` called with each loop that begins to run, whoever made it; gives what undoes that.

    asyncio's loops and uvloop's both say through ``asyncio._set_running_loop`` that they run, in their threads;
    ``asyncio.Runner`` makes a program's main task before its loop runs, so it is asked too. Nothing is called while a
    loop goes on running.
    """
    say: Any = asyncio._set_running_loop
    make: Any = getattr(asyncio.Runner, "_lazy_init", None)

    def set_running_loop(loop: asyncio.AbstractEventLoop | None) -> None:
        say(loop)
        if loop is not None:
            on_begin(loop)

    def lazy_init(runner: Any) -> None:
        make(runner)
        if runner._loop is not None:
            on_begin(runner._loop)

    changes: list[tuple[Any, str, Any, Any]] = [
        (asyncio, "_set_running_loop", say, set_running_loop),
        (asyncio.events, "_set_running_loop", say, set_running_loop),
    ]
    if make is not None:
        changes.append((asyncio.Runner, "_lazy_init", make, lazy_init))
    for owner, name, _, ours in changes:
        setattr(owner, name, ours)

    def undo() -> None:
        for owner, name, former, ours in changes:
            # What somebody else has put there since stays.
            if owner.__dict__.get(name) is ours:
                setattr(owner, name, former)

    return undo


def wrap_tasks(
    loop: asyncio.AbstractEventLoop, wrap: Callable[[Coroutine[Any, Any, Any]], Coroutine[Any, Any, Any]]
) -> None:
    """Has the coroutine of each task of ``loop`` wrapped, by a task factory laid over the loop's own.

    It records the tasks spawned inside a trace as well, as that of `watch_tasks` does.
    """
    _set_task_factory(loop, TaskFactory(loop.get_task_factory(), asyncio.tasks, _leave_out_factory, wrap))


def time_tasks(loop: asyncio.AbstractEventLoop, times: TaskTimes) -> None:
    """Has each task of ``loop`` counted, and some timed, by a task factory laid over the loop's own.

    The task runs the coroutine that it was given, and nothing of ours is in its context: whatever the task makes would
    inherit that, for as long as the program runs.
    """
    former: Any = loop.get_task_factory()
    # Whoever changes `asyncio.tasks.Task` means these tasks too.
    tasks: Any = asyncio.tasks
    context = contextvars.Context()

    # Written for speed: a program may make 100 000 tasks a second.
    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        try:
            of_name = times[coroutine.__qualname__]
        except Exception:
            # What stands for a coroutine may have no name, or one of its own kind.
            of_name = times[OTHER]
        of_name.calls = calls = of_name.calls + 1
        # Before it is made: an eager task runs while it is, and may have ended then.
        begun = seconds() if calls >= of_name.timed_next else None
        if former is not None:
            task = former(loop, coroutine, **options)
        else:
            task = tasks.Task(coroutine, loop=loop, **options) if options else tasks.Task(coroutine, loop=loop)
            if task._source_traceback:
                _leave_out_factory(task._source_traceback)
        if begun is not None and isinstance(task, asyncio.Future):
            end = of_name.begin(begun, seconds)
            if task.done():
                end(task)
            else:
                task.add_done_callback(end, context=context)
        try:
            return task
        finally:
            # An exception of an eager task leads through this frame to the task, which has the exception.
            del task

    _set_task_factory(loop, factory)


def _leave_out_factory(created: Any) -> None:
    """In debug mode a task knows where it was created: not in a factory of ours, nor in who called it."""
    ours = ("factory", "create_task")
    while created and created[-1].name in ours and created[-1].filename in (__file__, asyncio.base_events.__file__):
        del created[-1]


_NAMES_TASKS_NONE = (3, 13, 0) <= sys.version_info[:3] <= (3, 13, 2)


def _set_task_factory(loop: asyncio.AbstractEventLoop, factory: Any) -> None:
    """Gives a loop a factory, and its tasks their names back.

    CPython 3.13.0 to 3.13.2 name each task that a factory made "None" where the program gave it no name
    (`python/cpython#130033`): there, `create_task` is what it should be.
    """
    loop.set_task_factory(factory)
    kind: Any = type(loop)
    create: Any = asyncio.BaseEventLoop.create_task
    # Asked for on those versions alone: CPython finds attributes of what was once asked for its dict more slowly.
    if not _NAMES_TASKS_NONE or kind.create_task is not create or "create_task" in vars(loop):
        return
    weak = weakref.ref(loop)

    def create_task(coroutine: Any, *, name: Any = None, **options: Any) -> Any:
        loop = weak()
        assert loop is not None
        factory: Any = loop.get_task_factory()
        if name is not None or factory is None or loop.is_closed():
            return create(loop, coroutine, name=name, **options)
        if "context" in options and options["context"] is None:
            del options["context"]
        return factory(loop, coroutine, **options)

    vars(loop)["create_task"] = create_task


class Delay:
    """How late a loop calls back: some ten times a second, for as long as it runs."""

    SECONDS = 0.1

    def __init__(self, loop: asyncio.AbstractEventLoop, tell: Callable[[float], None]) -> None:
        """Tells the seconds by which each call came late."""
        self._loop = weakref.ref(loop)
        self._tell = tell
        # Of the call that counts. A handle kept instead would keep its loop.
        self._turn = 0
        self._due = 0.0
        # What is called in it belongs to no flow of the program. Loops of other threads have their own: while one
        # thread is in a context, no other can be.
        self._context = contextvars.Context()

    def begin(self) -> None:
        """The loop begins to run: the time in which it did not is no delay."""
        loop = self._loop()
        if loop is None:
            return
        self._turn += 1
        self._due = loop.time() + self.SECONDS
        loop.call_at(self._due, self._called, self._turn, context=self._context)

    def _called(self, turn: int) -> None:
        loop = self._loop()
        if loop is None or turn != self._turn or not loop.is_running():
            return
        self._tell(max(0.0, loop.time() - self._due))
        self.begin()


def _say_where_tasks_are() -> None:
    """Tells the native half where to look for the task that runs.

    asyncio (until 3.13) keeps a table, loop → task, and so does uvloop, which runs asyncio's own tasks; looking into
    it takes a third of the time of ``asyncio.current_task()``, which is what is left where there is none.
    """
    table = getattr(sys.modules.get("_asyncio"), "_current_tasks", None)
    _set_asyncio(asyncio._get_running_loop, table, asyncio.current_task)


_say_where_tasks_are()


class Doorbell:
    """Calls back on a loop when a native thread rings, which it does without the GIL.

    The bell is a socket that the loop watches. A loop that cannot watch one (Proactor on Windows) gets a
    thread that does.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, on_ring: Callable[[], None]) -> None:
        """Takes over ``descriptor`` and calls ``on_ring`` on ``loop`` whenever it becomes readable."""
        self.loop = loop
        self._on_ring = on_ring
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        # A program may forget stop(): then the socket goes with the loop and the monitor, without a
        # ResourceWarning.
        weakref.finalize(self, self._socket.close)
        self._watched = True
        try:
            loop.add_reader(self._socket, self._answer)
        except NotImplementedError:
            self._watched = False
            self._socket.setblocking(True)
            threading.Thread(target=self._listen, name="mtaio-doorbell", daemon=True).start()

    def close(self) -> None:
        """Stops listening."""
        if self._watched and not self.loop.is_closed():
            self.loop.remove_reader(self._socket)
        self.abandon()

    def abandon(self) -> None:
        """Closes the socket and leaves the loop alone: it is closed, or belongs to the parent of a fork."""
        if not self._watched:
            # Wakes the thread that listens.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _answer(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._socket.recv(4096)
        self._on_ring()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while self._socket.recv(4096) and call_on(self.loop, self._on_ring):
                pass
