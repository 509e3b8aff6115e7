"""Calling the user's handlers so that none of them can hurt anybody."""

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

from . import _loop
from ._errors import ConfigurationTypeError

logger = logging.getLogger("mtaio.monitoring")

#: Calls of one handler that may be under way at once.
CALLS_AT_ONCE = 64

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

    def call(self, loop: asyncio.AbstractEventLoop, *arguments: object) -> None:
        """Starts a call of every handler on ``loop``, the running one."""
        for entry in self._entries:
            if not entry.has_room():
                self._tasks.dropped += 1
                if not entry.warned:
                    entry.warned = True
                    logger.warning(
                        "the %s handler %s has %d calls under way; further ones are dropped and counted",
                        self._kind,
                        entry.name,
                        CALLS_AT_ONCE,
                    )
                continue
            task = self._tasks.spawn(loop, self._run(entry, arguments), f"mtaio {self._kind} {entry.name}")
            entry.calls.add(task)
            task.add_done_callback(entry.calls.discard)

    async def _run(self, entry: "_Entry", arguments: tuple[object, ...]) -> None:
        try:
            result = entry.handler(*arguments)
            if inspect.isawaitable(result):
                await result
        except BaseException as error:
            if not is_fault(error):
                raise
            self._tasks.errors += 1
            logger.exception("the %s handler %s raised; sampling goes on", self._kind, entry.name)

    def forget_calls(self) -> None:
        """In the child of a fork: the calls under way are the parent's."""
        for entry in self._entries:
            entry.calls.clear()


class _Entry:
    """A handler and the calls of it that are under way."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.name: str = getattr(handler, "__qualname__", None) or repr(handler)
        # Tasks and not a count: a task that is cancelled before its first step, or whose loop is closed under
        # it, never gets to count itself down.
        self.calls: set[asyncio.Task[None]] = set()
        self.warned = False

    def has_room(self) -> bool:
        """Whether one more call may be under way."""
        if len(self.calls) >= CALLS_AT_ONCE:
            self.calls = {task for task in self.calls if not task.done() and not task.get_loop().is_closed()}
        return len(self.calls) < CALLS_AT_ONCE


class HandlerTasks:
    """The calls of handlers that are under way, and what went wrong with earlier ones."""

    def __init__(self) -> None:
        """No call yet."""
        self.errors = 0
        self.dropped = 0
        #: Tasks inside stop(), which a call may be: nobody waits for those, or two of them would for each
        #: other.
        self.stopping: set[asyncio.Task[Any]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, loop: asyncio.AbstractEventLoop, coroutine: Any, name: str) -> "asyncio.Task[None]":
        """Starts a call."""
        task = _loop.spawn(loop, coroutine, name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def settle(self, budget_seconds: float) -> None:
        """Waits for the calls under way and what they set off; what outlasts the budget is cancelled."""
        deadline = _loop.now() + budget_seconds * 0.9
        try:
            while (late := self._under_way()) and (left := deadline - _loop.now()) > 0:
                await asyncio.wait(late, timeout=left)
        except asyncio.CancelledError:
            for task in self._under_way():
                task.cancel()
            raise
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
