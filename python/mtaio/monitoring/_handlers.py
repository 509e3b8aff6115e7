"""Calling the user's handlers so that none of them can hurt anybody."""

import asyncio
import functools
import inspect
import logging
from collections.abc import Callable, Hashable
from typing import Any

from . import _loop
from ._destinations import LoopDestination
from ._errors import ConfigurationTypeError
from ._plain import PlainCall, PlainCalls, is_async
from ._waiting import Call, Waiting

logger = logging.getLogger("mtaio.monitoring")

#: Calls of one handler that may be under way at once.
CALLS_AT_ONCE = 64
#: After a call that was cancelled, the next that waits begins so much later.
AFTER_CANCELLED_SECONDS = 0.1
#: Failures of one handler that are logged at once, and seconds until there may be one more. All are counted.
LINES = 20
SECONDS_A_LINE = 3.0

Handler = Callable[..., Any]


def is_cancelled() -> bool:
    """Whether somebody has cancelled the task that asks."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def is_fault(error: BaseException) -> bool:
    """Whether an exception is the doing of the code that raised it, and not the end of its task or program.

    A CancelledError is, where nobody cancelled this task: it comes of something else that was awaited.
    """
    if isinstance(error, asyncio.CancelledError):
        return not is_cancelled()
    return not isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit))


def name_of(handler: Handler) -> str:
    """What the log calls it. Without what a partial or an object holds, which may be a secret."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    if isinstance(handler, LoopDestination):
        return type(handler.target).__qualname__
    name = getattr(handler, "__qualname__", None)
    return name if isinstance(name, str) else type(handler).__qualname__


class Handlers:
    """The handlers of one kind of event, each call in a task of its own."""

    def __init__(self, kind: str, tasks: "HandlerTasks") -> None:
        """Handlers whose calls are counted and kept in ``tasks``; ``kind`` is for messages."""
        self._kind = kind
        self._tasks = tasks
        self._entries: list[_Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    @staticmethod
    def check(kind: str, handler: object) -> None:
        """Raises where it cannot be called."""
        if not callable(handler):
            raise ConfigurationTypeError(
                f"{kind} takes a handler that can be called (async def or def), "
                f"got {type(handler).__name__} {handler!r}"
            )

    def add(self, handler: Handler) -> None:
        """Adds a handler. The same one again changes nothing."""
        self.check(self._kind, handler)
        if all(entry.handler != handler for entry in self._entries):
            self._entries.append(_Entry(handler))

    def remove(self, handler: Handler) -> bool:
        """Removes a handler, and says whether it was there."""
        left = [entry for entry in self._entries if entry.handler != handler]
        found = len(left) < len(self._entries)
        self._entries = left
        return found

    def least_waiting(self) -> int:
        """Calls that wait for the handler that has the fewest."""
        return min((len(entry.waiting) for entry in self._entries), default=0)

    def unfinished(self, handler: Handler) -> int:
        """Calls of a handler that are under way or wait for room."""
        return sum(
            len(entry.waiting) + len([task for task in entry.calls if not task.done()])
            for entry in self._entries
            if entry.handler == handler
        )

    def call(self, loop: asyncio.AbstractEventLoop, instance: Hashable, state: str, *arguments: object) -> None:
        """Starts a call of every handler on ``loop``, the running one, or has it wait for room.

        Of one ``instance`` two calls wait at most: the newest, and before it the newest of the other ``state``, so
        that whoever is told that something is over has been told that it began. None is an instance of its own.
        """
        for entry in self._entries:
            if not entry.waiting and entry.has_room(loop):
                self._start(loop, entry, arguments, False)
                continue
            # What waits is counted until it is called.
            self._tasks.dropped += 1
            entry.waiting.push(Call(instance, state, arguments))
            self._start_waiting(loop, entry)
            if entry.waiting and not entry.warned:
                entry.warned = True
                logger.warning(
                    "the %s handler %s has %d calls under way; of further ones the newest state of each alert "
                    "waits, and the others are dropped and counted",
                    self._kind,
                    entry.name,
                    CALLS_AT_ONCE,
                )

    def _start_waiting(self, loop: asyncio.AbstractEventLoop, entry: "_Entry") -> None:
        while entry.waiting and entry.has_room(loop):
            self._start(loop, entry, entry.waiting.pop().arguments, True)

    def _start(
        self, loop: asyncio.AbstractEventLoop, entry: "_Entry", arguments: tuple[object, ...], waited: bool
    ) -> None:
        task = self._tasks.spawn(loop, self._run(entry, arguments, waited), f"mtaio {self._kind} {entry.name}")
        entry.calls.add(task)
        task.add_done_callback(functools.partial(self._ended, entry))

    def _ended(self, entry: "_Entry", task: "asyncio.Task[None]") -> None:
        entry.calls.discard(task)
        if not entry.waiting or entry not in self._entries:
            return
        loop = task.get_loop()
        if task.cancelled():
            # By a handler that cancels itself, or by the end of the loop, after which nobody is to be called any more:
            # by then that has passed.
            _loop.later(loop, AFTER_CANCELLED_SECONDS, functools.partial(self._start_waiting, loop, entry))
        else:
            self._start_waiting(loop, entry)

    async def _run(self, entry: "_Entry", arguments: tuple[object, ...], waited: bool) -> None:
        # Here and not where the task is made, which may never begin.
        self._tasks.dropped -= waited
        limit = asyncio.timeout(None)

        def begins() -> None:
            if self._tasks.timeout is not None:
                limit.reschedule(_loop.now() + self._tasks.timeout)

        try:
            async with limit:
                if entry.thread is None:
                    begins()
                    result = entry.handler(*arguments)
                else:
                    call = PlainCall(functools.partial(entry.handler, *arguments), begins)
                    entry.thread.add(call)
                    result = await call.outcome()
                if inspect.isawaitable(result):
                    await result
            if limit.expired():
                # It was cancelled, and went on nevertheless.
                self._late(entry, "was cancelled, which it did not heed")
        except BaseException as error:
            if not is_fault(error):
                raise
            if isinstance(error, TimeoutError) and limit.expired():
                left = "is left to its thread, where later calls wait for it"
                self._late(entry, "was cancelled" if entry.thread is None else left)
                return
            self._tasks.errors += 1
            if entry.may_log():
                logger.exception("the %s handler %s raised; sampling goes on", self._kind, entry.name)

    def _late(self, entry: "_Entry", and_so: str) -> None:
        self._tasks.errors += 1
        if entry.may_log():
            logger.error(
                "the %s handler %s has not ended within %g s (handler_timeout) and %s; sampling goes on",
                self._kind,
                entry.name,
                self._tasks.timeout,
                and_so,
            )

    def outdate(self, instance: Hashable) -> None:
        """What waits to be told of an instance is no longer so: those calls will not be made. They stay counted."""
        for entry in self._entries:
            entry.waiting.outdate(instance)

    def forget_waiting(self) -> None:
        """The calls that wait for room will not be made. They stay counted."""
        for entry in self._entries:
            entry.waiting.clear()

    def forget_calls(self) -> None:
        """In the child of a fork: the calls under way are the parent's."""
        self.forget_waiting()
        for entry in self._entries:
            entry.calls.clear()
            if entry.thread is not None:
                entry.thread = PlainCalls()


class _Entry:
    """A handler, the calls of it that are under way and those that wait for room."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.name = name_of(handler)
        # Tasks and not a count: a task that is cancelled before its first step, or whose loop is closed under
        # it, never gets to count itself down.
        self.calls: set[asyncio.Task[None]] = set()
        #: Where those were looked through that ended without a word.
        self.loop: asyncio.AbstractEventLoop | None = None
        self.waiting = Waiting()
        self.warned = False
        #: Failures that may be logged at once, and when there was one more.
        self.lines = float(LINES)
        self.lines_at: float | None = None
        #: For a plain function.
        self.thread = None if is_async(handler) else PlainCalls()

    def may_log(self) -> bool:
        """Whether a failure may be logged: in a storm each of them has the same to say."""
        now = _loop.now()
        self.lines = min(LINES, self.lines + max(0.0, now - (self.lines_at or now)) / SECONDS_A_LINE)
        self.lines_at = now
        if self.lines < 1.0:
            return False
        self.lines -= 1.0
        return True

    def has_room(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether one more call may be under way, on the running loop."""
        # A thread makes one call after the other.
        room = CALLS_AT_ONCE if self.thread is None else 1
        if len(self.calls) >= room and self.loop is not loop:
            # Those of a loop that ended under them may never end. Once a loop, for in a storm it is asked often.
            self.calls = {task for task in self.calls if not task.done() and task.get_loop() is loop}
            self.loop = loop
        return len(self.calls) < room


class HandlerTasks:
    """The calls of handlers that are under way, and what went wrong with earlier ones."""

    def __init__(self, timeout: float | None, told: Callable[[int, int], None]) -> None:
        """No call yet; one may take so many seconds, or as long as it likes.

        ``told`` is called with what ``errors`` and ``dropped`` are by now, when either has changed.
        """
        self.timeout = timeout
        self._told = told
        self._errors = 0
        self._dropped = 0
        #: Tasks inside stop(), which a call may be: nobody waits for those, or two of them would for each
        #: other.
        self.stopping: set[asyncio.Task[Any]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def errors(self) -> int:
        """Calls that raised, took too long or were cancelled."""
        return self._errors

    @errors.setter
    def errors(self, count: int) -> None:
        self._errors = count
        self._told(count, self._dropped)

    @property
    def dropped(self) -> int:
        """Calls that were not made, and those that wait for room and may still be."""
        return self._dropped

    @dropped.setter
    def dropped(self, count: int) -> None:
        self._dropped = count
        self._told(self._errors, count)

    def spawn(self, loop: asyncio.AbstractEventLoop, coroutine: Any, name: str) -> "asyncio.Task[None]":
        """Starts a call."""
        task = _loop.spawn(loop, coroutine, name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def settle(
        self, budget_seconds: float, forget_waiting: Callable[[], None], is_over: Callable[[], bool]
    ) -> None:
        """Waits for the calls under way and what they set off; what outlasts the budget is cancelled or forgotten.

        Where it ``is_over``, because somebody has begun anew, the calls are that one's.
        """
        deadline = _loop.now() + budget_seconds * 0.9
        try:
            while (late := self._under_way()) and (left := deadline - _loop.now()) > 0:
                await asyncio.wait(late, timeout=min(left, 0.1))
                if is_over():
                    return
        except asyncio.CancelledError:
            for task in self._under_way():
                task.cancel()
            raise
        forget_waiting()
        for task in late:
            self.errors += 1
            logger.warning("%s did not end within the budget of stop() and is cancelled", task.get_name())
            task.cancel()
        if late:
            # One that does not heed the cancellation is left behind; nothing waits for it.
            await asyncio.wait(late, timeout=budget_seconds * 0.1)

    def _under_way(self) -> "set[asyncio.Task[None]]":
        loop = asyncio.get_running_loop()
        waited_for = self._tasks - self.stopping
        return {task for task in waited_for if not task.done() and task.get_loop() is loop}

    def forget(self) -> None:
        """In the child of a fork: the calls are the parent's."""
        self._tasks.clear()
        self.stopping.clear()
