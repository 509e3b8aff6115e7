"""``Profiler``: traces of operations, exact under any concurrency."""

import functools
import inspect
import logging
import os
import weakref
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from ._errors import ConfigurationError, ConfigurationTypeError
from ._native import ProfilerBase, Trace
from ._profile import Profile

_Function = TypeVar("_Function", bound=Callable[..., Any])

#: What ``memory`` may be.
_MEMORY = ("rss", None)
_MOST_TRACES = 100_000_000

_LOGGER = logging.getLogger("mtaio.monitoring")


class Profiler(ProfilerBase):
    """Records traces of operations: decorated functions, blocks, and whatever is started and ended by hand.

    The parent of a trace is the innermost open trace of the same logical flow, whatever else runs meanwhile: tasks,
    threads and generators each see their own. A trace costs less than an empty ``async with``.

    >>> import asyncio
    >>> profiler = Profiler()
    >>> @profiler.trace
    ... async def query(table: str) -> int:
    ...     await asyncio.sleep(0.01)
    ...     return 42
    >>> async def main() -> None:
    ...     async with profiler.trace_context("request", metadata={"path": "/"}):
    ...         await query("users")
    ...     profile = await profiler.get_profile()
    ...     request, inner = profile.traces
    ...     print(inner.name, inner.parent_id == request.trace_id, inner.wait_time > inner.run_time)
    >>> asyncio.run(main())
    query True True

    Args:
        enabled: Whether it records. A disabled one gives decorated functions back as they are.
        trace_async_tasks: Whether tasks that are spawned inside a trace are recorded, in ``profile.tasks``. A task
            factory is laid over the running loop's own for that.
        collect_stack_trace: Whether each trace keeps where it began. The text is made when it is read.
        max_traces: How many finished traces are held one by one, the newest; the metrics count all of them.
        memory: ``"rss"``: each trace tells the resident bytes of the process at both ends, at most 10 ms old. None:
            it does not.

    Raises:
        ConfigurationError: ``max_traces`` or ``memory`` is none of what it takes.
        ConfigurationTypeError: One of them has another type.
    """

    _mtaio_enabled = True
    #: Included profilers of which it has been said that they fail.
    _mtaio_told: frozenset[str] = frozenset()

    def __init__(
        self,
        enabled: bool = True,
        trace_async_tasks: bool = True,
        collect_stack_trace: bool = False,
        *,
        max_traces: int = 100_000,
        memory: str | None = "rss",
    ) -> None:
        """See the class."""
        flags = {
            "enabled": enabled,
            "trace_async_tasks": trace_async_tasks,
            "collect_stack_trace": collect_stack_trace,
        }
        for flag, given in flags.items():
            if not isinstance(given, bool):
                raise ConfigurationTypeError(f"{flag} must be True or False, got {type(given).__name__} {given!r}")
        if isinstance(max_traces, bool) or not hasattr(max_traces, "__index__"):
            raise ConfigurationTypeError(f"max_traces must be a whole number, got {max_traces!r}")
        if not 1 <= max_traces.__index__() <= _MOST_TRACES:
            raise ConfigurationError(f"max_traces must be from 1 to {_MOST_TRACES:_}, got {max_traces!r}")
        if memory not in _MEMORY:
            kind = ConfigurationError if isinstance(memory, str) else ConfigurationTypeError
            raise kind(f"memory must be 'rss' or None, got {memory!r}")
        self._mtaio_enabled = enabled
        self._mtaio_configure(enabled, trace_async_tasks, collect_stack_trace, max_traces.__index__(), memory == "rss")
        _PROFILERS.add(self)

    @property
    def enabled(self) -> bool:
        """Whether it records."""
        return self._mtaio_enabled

    @overload
    def trace(self, func: _Function) -> _Function: ...

    @overload
    def trace(self, func: None = None, *, name: str | None = None) -> Callable[[_Function], _Function]: ...

    def trace(self, func: Any = None, *, name: str | None = None) -> Any:
        """Traces every call of a function: ``@profiler.trace`` or ``@profiler.trace(name="…")``.

        Takes coroutine functions, functions, generators, async generators, methods, and the objects that
        ``classmethod`` and ``staticmethod`` make. What comes back passes for the function: to ``inspect``,
        ``functools`` and ``pickle``, in tracebacks, as a method.

        A coroutine's trace begins when it first runs and ends when it returns, raises, is cancelled or is closed; one
        that is never awaited leaves none. A generator's trace is innermost only while its own body runs.

        Args:
            func: The function.
            name: The name of its traces; its qualified name where none is given.

        Raises:
            ConfigurationTypeError: ``func`` cannot be traced, or ``name`` is no str.
        """
        if name is not None and not isinstance(name, str):
            raise ConfigurationTypeError(f"name must be a str, got {type(name).__name__} {name!r}")
        if func is None:
            return functools.partial(self.trace, name=name)
        if isinstance(func, (classmethod, staticmethod)):
            inner: Any = self.trace(func.__func__, name=name)  # type: ignore[call-overload]
            return type(func)(inner)
        if isinstance(func, property):
            raise ConfigurationTypeError("trace takes the function of a property: put @profiler.trace below @property")
        if isinstance(func, type) or not callable(func):
            raise ConfigurationTypeError(
                f"trace takes a function, a method or a callable object, got {type(func).__name__} {func!r}; "
                "trace the methods of a class one by one"
            )
        if not self._mtaio_enabled:
            return func
        return self._mtaio_trace(func, name or _name_of(func), _kind_of(func))

    async def start_trace(self, name: str, metadata: Mapping[str, Any] | None = None) -> Trace:
        """Begins a trace that ``end_trace`` ends, and that is the parent of what begins in this flow meanwhile.

        One that is never ended stays open for as long as something refers to it, and ends as ``"abandoned"``.
        """
        trace = self.trace_context(name, metadata)
        trace.__enter__()
        return trace

    async def end_trace(self, trace: Trace, *, error: BaseException | None = None) -> None:
        """Ends a trace, from whatever task or thread. Ending one twice does nothing.

        Args:
            trace: What ``start_trace`` gave.
            error: What it failed with, if it did.

        Raises:
            ConfigurationTypeError: ``trace`` is none.
        """
        if not isinstance(trace, Trace):
            raise ConfigurationTypeError(f"end_trace takes what start_trace gave, got {type(trace).__name__} {trace!r}")
        trace._end(error)

    def include(self, source: Any) -> None:
        """Takes the traces of a Rust extension into this profiler's timeline.

        The extension publishes its profiler in the attribute ``__mtaio_profiler__`` of its module; ``docs/how-to.md``
        shows the line that does. From then on the profiles of this one hold its traces and tasks as well, each below
        the Python trace that was innermost where it began, and ``reset`` resets both. A trace that begins while the
        extension has let go of the GIL, or on a thread of its own, has a parent only within Rust. ::

            import my_extension

            profiler = Profiler()
            profiler.include(my_extension)

        Including it again does nothing. It is asked when somebody looks, without the GIL: an extension that fails then
        is left out of that profile, which says so in ``profile.missing``, and a warning is logged once. The child of a
        fork does not ask what was included before it, since its locks may be held by threads that are gone.

        Args:
            source: The module, any other object that has the attribute, or what is in that.

        Raises:
            ConfigurationTypeError: ``source`` has no such attribute, or there is no capsule in it.
            ProfilerError: It speaks another version, its profiler is gone, or another ``Profiler`` includes it.
        """
        self._mtaio_include(source)

    def _mtaio_tell(self, failed: list[tuple[str, str]]) -> None:
        for name, reason in failed:
            if name not in self._mtaio_told:
                self._mtaio_told |= {name}
                _LOGGER.warning("the included profiler of %s fails, and is left out: %s", name, reason)

    async def get_profile(self) -> Profile:
        """What has been recorded until now: a consistent snapshot, which later traces do not change."""
        native = self._mtaio_profile()
        self._mtaio_tell(native.missing)
        return Profile(native)

    async def reset(self) -> None:
        """Forgets everything. Traces that are open now are not counted when they end, and are nobody's parent.

        What is included is reset with it.
        """
        self._mtaio_tell(self._mtaio_reset())

    async def export_profile(self, format: str = "json") -> str:
        """The profile of this moment in a format; see ``Profile.export``."""
        return (await self.get_profile()).export(format)

    def __repr__(self) -> str:
        """Whether it records."""
        return f"<Profiler, {'enabled' if self._mtaio_enabled else 'disabled'}>"


def _name_of(func: Any) -> str:
    for candidate in (func, getattr(func, "func", None), type(func)):
        name = getattr(candidate, "__qualname__", None)
        if isinstance(name, str):
            return name
    return repr(func)


def _kind_of(func: Any) -> str:
    """What a call of it gives. A callable object is what its ``__call__`` is."""
    call = func if inspect.isroutine(func) or isinstance(func, functools.partial) else type(func).__call__
    for candidate in (func, call):
        if inspect.iscoroutinefunction(candidate):
            return "coroutine"
        if inspect.isasyncgenfunction(candidate):
            return "async generator"
        if inspect.isgeneratorfunction(candidate):
            return "generator"
    return "function"


#: For the child of a fork to find them.
_PROFILERS: "weakref.WeakSet[Profiler]" = weakref.WeakSet()


def _begin_anew_in_child() -> None:
    for profiler in list(_PROFILERS):
        profiler._mtaio_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew_in_child)
