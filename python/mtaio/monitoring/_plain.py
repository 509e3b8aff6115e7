"""Plain functions as handlers: called on a thread, since they may block and the event loop may not."""

import asyncio
import contextvars
import functools
import inspect
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from . import _loop

#: So many calls wait for the thread before it is looked whether they are still wanted.
MANY = 64

Outcome = tuple[Any, BaseException | None]


def is_async(handler: Callable[..., Any]) -> bool:
    """Whether calling it does no more than to make a coroutine: ``async def``, in whatever disguise."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)


class PlainCall:
    """One call of a plain function, on a thread, for a task that waits for it."""

    def __init__(self, function: Callable[[], Any], on_begin: Callable[[], None]) -> None:
        """For the running loop, with the context of the task; ``on_begin`` is called on the loop when it begins."""
        self._function = function
        self._on_begin = on_begin
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._outcome: asyncio.Future[Outcome] = self._loop.create_future()
        #: Whether somebody still waits for it.
        self.is_wanted = True

    async def outcome(self) -> Any:
        """What the function gives, or raises."""
        try:
            result, error = await self._outcome
        finally:
            self.is_wanted = False
        if error is not None:
            try:
                raise error
            finally:
                # A traceback that holds its own exception would keep both until the next collection.
                del error
        return result

    def run(self) -> None:
        """On the thread."""
        if not self.is_wanted or not _loop.call_on(self._loop, self._begin):
            return
        try:
            outcome: Outcome = (self._context.run(self._function), None)
        except BaseException as error:
            outcome = (None, error)
        _loop.call_on(self._loop, functools.partial(self._end, outcome))

    def _begin(self) -> None:
        if not self._outcome.done():
            self._on_begin()

    def _end(self, outcome: Outcome) -> None:
        if not self._outcome.done():
            self._outcome.set_result(outcome)


class PlainCalls:
    """The calls of one plain function: one after the other, in order, on a thread that is there while there are some.

    A thread of its own, so that one that hangs delays no other handler, and not the loop's executor, whose end a
    program waits for. It is a daemon: nobody waits for it when the program ends.
    """

    def __init__(self) -> None:
        """No call yet."""
        self._lock = threading.Lock()
        self._waiting: deque[PlainCall] = deque()
        self._is_running = False

    def add(self, call: PlainCall) -> None:
        """Has it made when those before it have ended.

        Raises:
            RuntimeError: The system gives no thread.
        """
        with self._lock:
            if len(self._waiting) >= MANY:
                # Those that stop() gave up on while one hangs.
                self._waiting = deque(other for other in self._waiting if other.is_wanted)
            self._waiting.append(call)
            if not self._is_running:
                try:
                    threading.Thread(target=self._run, name="mtaio-handler", daemon=True).start()
                except RuntimeError:
                    self._waiting.pop()
                    raise
                self._is_running = True

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._is_running = False
                    return
                call = self._waiting.popleft()
            call.run()
            # Nothing of it is to live on while this thread waits for the lock.
            del call
