"""``ResourceMonitor``: the native monitor on an asyncio loop.

Long because it is one class, and half of it is what its methods' users read.
"""

import asyncio
import contextlib
import inspect
import logging
import os
import weakref
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, overload

from . import _loop
from ._configured import Configured
from ._destinations import DestinationHealth, LoopDestination
from ._errors import ConfigurationTypeError, MonitoringError, UnknownMetricError
from ._handlers import Handler, Handlers, HandlerTasks, is_cancelled, is_fault
from ._metrics import Metrics
from ._pressure import PressureTriggerHealth
from ._readings import system_stats
from ._server import Serving
from ._stats import MonitorHealth, SectionHealth, SystemStats
from ._telling import Telling

logger = logging.getLogger("mtaio.monitoring")

#: How long ``stop()`` waits for handlers and for the sampling thread.
STOP_BUDGET_SECONDS = 5.0
#: A ``collect_metrics`` that raises is started again after this long, twice as long each time.
BACK_OFF_SECONDS = (1.0, 60.0)
#: Samples made into dataclasses between two steps of the loop: about 2 ms.
HISTORY_SLICE = 500

H = TypeVar("H", bound=Callable[..., Any])
T = TypeVar("T")


class Shown(Generic[T]):
    """An attribute that shows a value of the native half, and gives way to a subclass's own of the same name.

    A property would not: `self.interval = 5` in a subclass's `__init__` would raise.
    """

    def __init__(self, native: str, doc: str) -> None:
        """Shows the native attribute of that name."""
        self._native = native
        self.__doc__ = doc

    @overload
    def __get__(self, monitor: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(self, monitor: object, owner: type | None = None) -> T: ...

    def __get__(self, monitor: object | None, owner: type | None = None) -> Self | T:
        """The value."""
        if monitor is None:
            return self
        value: T = getattr(monitor, self._native)
        return value


class ResourceMonitor(Configured, Telling, Metrics, Serving):
    """Watches the machine and recorded values, and tells handlers when a limit is crossed.

    Sampling runs on one native thread, off the GIL and off the loop, and keeps its cadence while the loop is
    blocked. The monitor can be made at import time: it binds to a loop at ``start()``, and after ``stop()``
    it can be started under another one. Subclasses call ``super().__init__()``; one that defines
    ``async def collect_metrics(self)`` has it run as a task from ``start()`` to ``stop()``. Names that begin
    with ``_mtaio_`` are the monitor's own.

    Example:
        >>> import asyncio
        >>> async def main() -> None:
        ...     async with ResourceMonitor(interval=0.1) as monitor:
        ...         stats = await monitor.get_current_stats()
        ...         print(stats.memory.total == stats.memory.used + stats.memory.available)
        >>> asyncio.run(main())
        True
    """

    interval = Shown[float]("_mtaio_interval", "Seconds between two samples.")
    history_size = Shown[int]("_mtaio_history_size", "How many samples are kept.")
    scope = Shown[str]("_mtaio_scope", 'What cpu_usage and memory_usage are shares of: "auto" or "host".')
    is_running = Shown[bool]("_mtaio_is_running", "Whether it samples.")

    def __init__(
        self,
        interval: float = 1.0,
        history_size: int = 3600,
        *,
        scope: str = "auto",
        zfs_arc_available: bool = True,
        series_expiry_seconds: float = 3600.0,
        window_memory_bytes: int = 64 * 1024 * 1024,
        handler_timeout: float | None = 30.0,
    ) -> None:
        """Makes a monitor that does not run yet.

        Args:
            interval: Seconds between two samples, 0.001 to 86 400.
            history_size: How many samples to keep, 1 to 10 000 000 (about 1200 bytes each).
            scope: What ``cpu_usage`` and ``memory_usage`` are shares of: "auto", what this process may use;
                "host", the machine.
            zfs_arc_available: Whether what the cache of ZFS gives back counts as available memory, as other caches
                do. If not, ``memory_usage`` is what the kernel makes of it, for which that cache is used memory.
            series_expiry_seconds: How long a series with labels stays that nobody records to and nobody holds a
                handle of, 1 to 3.2e9.
            window_memory_bytes: How much memory may be taken by what recorded metrics did in each sample, of which
                ``query`` makes windows, 0 to 2**40. Most samples of most series take 60 to 200 bytes.
            handler_timeout: Seconds that one call of a handler may take before it is cancelled and counted: above 0,
                up to a day; None for as long as it likes.

        Raises:
            ConfigurationError: An argument outside its range.
        """
        self._mtaio_configure(
            interval,
            history_size,
            scope,
            zfs_arc_available,
            series_expiry_seconds,
            window_memory_bytes,
            handler_timeout,
        )
        self._mtaio_tasks = HandlerTasks(self._mtaio_handler_timeout, _teller(self))
        self._mtaio_exceeded = Handlers("on_threshold_exceeded", self._mtaio_tasks)
        self._mtaio_cleared = Handlers("on_threshold_cleared", self._mtaio_tasks)
        self._mtaio_alerted = Handlers("on_alert", self._mtaio_tasks)
        self._mtaio_init_destinations(self._mtaio_tasks)
        self._mtaio_servers = set()
        #: By the number of the rule.
        self._mtaio_pressed: dict[int, Handlers] = {}
        self._mtaio_loop: asyncio.AbstractEventLoop | None = None
        self._mtaio_doorbell: _loop.Doorbell | None = None
        self._mtaio_collector: asyncio.Task[None] | None = None
        self._mtaio_collect_metrics_errors = 0
        _monitors[id(self)] = self

    def __repr__(self) -> str:
        """Its settings and whether it runs."""
        try:
            state = "running" if self._mtaio_is_running else "stopped"
        except MonitoringError:
            # A debugger must be able to show it.
            return f"<{type(self).__name__} not initialised>"
        return (
            f"<{type(self).__name__} interval={self._mtaio_interval:g} "
            f"history_size={self._mtaio_history_size} scope={self._mtaio_scope!r} {state}>"
        )

    async def start(self) -> None:
        """Starts sampling, and binds handlers to the running loop. Does nothing where it runs already.

        Raises:
            MonitoringError: There is no running loop, or the monitor runs on another one.
        """
        loop = self._mtaio_running_loop("start")
        if self._mtaio_is_running and self._mtaio_doorbell is not None:
            if self._mtaio_doorbell.loop is loop:
                return
            if not self._mtaio_doorbell.loop.is_closed():
                raise MonitoringError(
                    "the monitor runs on another event loop: await its stop() there before starting it here"
                )
            # The other loop ended without stop(): the monitor moves here, and goes on.
            self._mtaio_detach()
        collect = getattr(self, "collect_metrics", None)
        if collect is not None and not inspect.iscoroutinefunction(collect):
            raise ConfigurationTypeError(
                f"collect_metrics must be an async def without arguments, got {type(collect).__name__} {collect!r}"
            )
        self._mtaio_loop = loop
        try:
            self._mtaio_doorbell = _loop.Doorbell(loop, self._mtaio_open_doorbell(), self._mtaio_drain_here)
            self._mtaio_start()
        except BaseException:
            self._mtaio_close_doorbell()
            self._mtaio_detach()
            raise
        # Alerts that were held for want of a loop.
        self._mtaio_drain_here()
        if collect is not None:
            # Among the handlers' calls, so that stop() treats it as one: waited for, told of, cancelled.
            self._mtaio_collector = self._mtaio_tasks.spawn(
                loop, self._mtaio_keep_collecting(collect), f"mtaio {type(self).__name__}.collect_metrics"
            )

    async def stop(self) -> None:
        """Stops sampling, and waits for handlers and destinations, 5 seconds at most. Nothing of it runs afterwards.

        Does nothing where it does not run. Handlers that outlast the budget are cancelled, or left to their threads;
        what destinations have not sent by then is dropped and counted, and a call of theirs that hangs ends with its
        own time-out. A handler and ``collect_metrics`` may call it: they go on after it.

        Raises:
            MonitoringError: The monitor runs on a loop that runs in another thread.
        """
        self._mtaio_require_initialised()
        loop = self._mtaio_running_loop("stop")
        doorbell = self._mtaio_doorbell
        if doorbell is not None and doorbell.loop is not loop and doorbell.loop.is_running():
            raise MonitoringError("the monitor runs on another event loop: await its stop() there")
        deadline = _loop.now() + STOP_BUDGET_SECONDS
        own = asyncio.current_task()
        stopping = self._mtaio_tasks.stopping
        self._mtaio_request_stop()
        collector, self._mtaio_collector = self._mtaio_collector, None
        self._mtaio_detach()
        if collector is not None and not (
            collector is own or collector in stopping or collector.get_loop().is_closed()
        ):
            collector.cancel()
        if own is not None:
            stopping.add(own)
        try:
            # A sample takes less than a millisecond, so this ends at once; unless somebody starts it
            # meanwhile.
            while not self._mtaio_wait_stopped(0.0) and not self._mtaio_is_running:
                if _loop.now() >= deadline:
                    break
                await asyncio.sleep(0.001)
            # What the last sample had to tell is told.
            self._mtaio_deliver()
            while self._mtaio_has_news() and not self._mtaio_is_flooded() and not self._mtaio_is_running:
                if _loop.now() >= deadline:
                    break
                await asyncio.sleep(0.001)
            if not self._mtaio_is_running:
                # Who has enough to do hears the rest when the monitor is started again.
                self._mtaio_end_telling()
            # Beside the handlers, within the same time.
            self._mtaio_close_destinations(max(0.0, deadline - _loop.now()))
            left = max(0.0, deadline - _loop.now())
            await self._mtaio_tasks.settle(left, self._mtaio_forget_waiting, lambda: self._mtaio_is_running)
            while not self._mtaio_destinations_have_ended() and not self._mtaio_is_running:
                if _loop.now() >= deadline:
                    break
                await asyncio.sleep(0.001)
        finally:
            if not self._mtaio_is_running:
                self._mtaio_abandon_destinations()
            stopping.discard(own)

    async def __aenter__(self) -> Self:
        """Starts it."""
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops it."""
        await self.stop()

    def on_threshold_exceeded(self, handler: H) -> H:
        """Decorator: calls ``handler(metric, value, threshold)`` when a threshold is crossed.

        Each call is a task of its own: one that raises is logged and counted, a slow one delays nobody and is
        cancelled after ``handler_timeout``, and at most 64 calls of one handler are under way at once. Beyond
        them, the newest state of each alert waits for room; calls that are not made are counted. A plain ``def`` is
        called on a thread of the handler's own, one call after the other, so that it may block; a thread cannot be
        cancelled, so one that takes longer than ``handler_timeout`` is counted, and later calls wait for it.

        Args:
            handler: async def, which runs on the loop and must not block it; or def, which runs on a thread.

        Raises:
            ConfigurationTypeError: The handler cannot be called.
        """
        self._mtaio_require_initialised()
        self._mtaio_exceeded.add(handler)
        return handler

    def on_threshold_cleared(self, handler: H) -> H:
        """Decorator: calls ``handler(metric, value, threshold)`` when one that fired is good again."""
        self._mtaio_require_initialised()
        self._mtaio_cleared.add(handler)
        return handler

    def on_alert(self, handler: H) -> H:
        """Decorator: calls ``handler(alert)`` for thresholds that fire and clear, and for ``alert()``."""
        self._mtaio_require_initialised()
        self._mtaio_alerted.add(handler)
        return handler

    def on_pressure(
        self, resource: str, *, some: float | None = None, full: float | None = None, window: float = 2.0
    ) -> Callable[[H], H]:
        """Decorator: calls ``handler(event)`` when tasks stand still for want of a resource.

        The kernel wakes the monitor, once a window at most while it lasts, however long the monitor's
        interval is. It is the pressure of this process's own cgroup, where it has one (a container), else of
        the machine. Where the kernel does not let itself be asked, the share is computed at each sample over
        the window; the log says so once, and ``health().pressure_triggers`` why. Handlers are protected as
        those of thresholds are, and ``remove_handler`` takes them away.

        Args:
            resource: "cpu", "memory", "io" or "irq".
            some: The share of the window, above 0 and up to 1, for which at least one task must wait.
            full: Instead of it, the share for which all tasks that are not idle must wait at once.
            window: Seconds, 0.5 to 10. Without CAP_SYS_RESOURCE the kernel takes multiples of 2 s, so it is
                rounded up to one.

        Raises:
            ConfigurationError: A resource of another name, both shares or neither, a number outside its range.

        Example:
            >>> from mtaio.monitoring import PressureEvent
            >>> monitor = ResourceMonitor()
            >>> @monitor.on_pressure("memory", some=0.15, window=2.0)
            ... async def give_back(event: PressureEvent) -> None:
            ...     print(f"tasks of the {event.scope} wait for memory: emptying the caches")
        """
        # At once, and not when there is a handler.
        self._mtaio_pressure_rule(resource, some, full, window, False)

        def add(handler: H) -> H:
            Handlers.check("on_pressure", handler)
            number = self._mtaio_pressure_rule(resource, some, full, window, True)
            if number not in self._mtaio_pressed:
                self._mtaio_pressed[number] = Handlers("on_pressure", self._mtaio_tasks)
            self._mtaio_pressed[number].add(handler)
            return handler

        return add

    def remove_handler(self, handler: Handler) -> bool:
        """Takes a handler away from wherever it was added, and says whether it was anywhere."""
        self._mtaio_require_initialised()
        found = any([of.remove(handler) for of in self._mtaio_all_handlers()])
        for number, handlers in list(self._mtaio_pressed.items()):
            if not handlers:
                # Nobody listens any more: the kernel need not watch.
                del self._mtaio_pressed[number]
                self._mtaio_remove_pressure_rule(number)
        return found

    async def alert(self, metric: str | None = None, value: float | None = None, message: str | None = None) -> None:
        """Raises an alert of the program's own: ``alert(message)`` or ``alert(metric, value, message)``.

        It goes to the ``on_alert`` handlers; without one, to the ``mtaio.monitoring`` logger.

        Args:
            metric: The metric; or, alone, the message.
            value: Its value.
            message: One sentence for a person.
        """
        if message is None:
            if metric is None or value is not None:
                given = "nothing" if metric is None and value is None else "a value without a message"
                raise ConfigurationTypeError(f"alert takes (message) or (metric, value, message), got {given}")
            self._mtaio_raise(None, None, str(metric))
        else:
            self._mtaio_raise(metric, value, str(message))
        self._mtaio_deliver()
        await _loop.let_tasks_begin()

    async def get_current_stats(self) -> SystemStats:
        """A reading of this moment.

        Shares and rates cover the time since the newest earlier reading at least 0.1 s old. Where there is
        none yet, this waits for one: 0.1 s at most, once.
        """
        while isinstance(reading := self._mtaio_read(), float):  # noqa: ASYNC110 - it must pass
            await asyncio.sleep(reading)
        return system_stats(reading)

    async def get_history(self, start_time: float | None = None, end_time: float | None = None) -> list[SystemStats]:
        """Samples from ``start_time`` to ``end_time``, oldest first.

        Args:
            start_time: Seconds since the epoch, inclusive; from the beginning by default.
            end_time: Seconds since the epoch, inclusive; to the end by default.
        """
        rows = self._mtaio_history(start_time, end_time)
        history: list[SystemStats] = []
        for start in range(0, len(rows), HISTORY_SLICE):
            if start:
                # A long history must not hold up the loop.
                await asyncio.sleep(0)
            history += [system_stats(row) for row in rows.slice(start, start + HISTORY_SLICE)]
        return history

    async def record_metric(self, name: str, value: float, labels: Mapping[str, str | int] | None = None) -> None:
        """Records a value, and checks its threshold at once, whether the monitor was started or not.

        Returns when the handlers that this set off have been started; an ``async def`` that does not suspend has
        finished.

        Args:
            name: The metric. It cannot be one that the monitor measures itself.
            value: Anything with ``__float__`` or ``__index__``. NaN and infinities are dropped and counted.
            labels: What tells the series apart from others of the metric: ``{"route": "/x"}``.

        Raises:
            TypeError: The name is no string, the value no number, or a label's value no string and no number.
            ConfigurationError: The name is empty, or a built-in one.
        """
        if self._mtaio_record(name, value, labels):
            self._mtaio_deliver()
            await _loop.let_tasks_begin()

    async def record_metrics(self, metrics: Mapping[str, float]) -> None:
        """Records several values: ``{name: value}``. See ``record_metric``."""
        if not isinstance(metrics, Mapping):
            raise ConfigurationTypeError(
                f"metrics must be a mapping of names to values, got {type(metrics).__name__} {metrics!r}"
            )
        told = False
        try:
            for name, value in metrics.items():
                told |= self._mtaio_record(name, value)
        finally:
            if told:
                self._mtaio_deliver()
        if told:
            await _loop.let_tasks_begin()

    async def get_metric(self, name: str) -> float:
        """The latest value of a metric: of the newest sample for a built-in one, else the one recorded last.

        Raises:
            UnknownMetricError: It has no value; the message lists the known names. It is a KeyError.
        """
        if not self._mtaio_is_built_in(name):
            return self._mtaio_latest(name)
        if self._mtaio_is_running:
            # Before the first sample, and where this one did not measure it, there is only a fresh reading.
            with contextlib.suppress(UnknownMetricError):
                return self._mtaio_latest(name)
        return await ResourceMonitor._collect_metric(self, name)

    async def _collect_metric(self, name: str) -> float:
        """A fresh reading of a metric: what a subclass's ``get_metric`` calls when its cache is stale."""
        if not self._mtaio_is_built_in(name):
            return self._mtaio_latest(name)
        while isinstance(reading := self._mtaio_read_metric(name), tuple):  # noqa: ASYNC110
            await asyncio.sleep(reading[0])
        if reading is None:
            raise UnknownMetricError(
                f"the metric {name!r} has no value in this reading: there was nothing to measure, "
                "or its file could not be read (see health())"
            )
        return reading

    def health(self) -> MonitorHealth:
        """How the monitor itself is doing: what it missed, dropped and could not read."""
        *fields, sections, triggers, instances, expired, blocks, delayed, destinations = self._mtaio_health()
        fields += [
            [SectionHealth(*section) for section in sections],
            self._mtaio_tasks.errors,
            self._mtaio_tasks.dropped,
            self._mtaio_collect_metrics_errors,
            [PressureTriggerHealth(*trigger) for trigger in triggers],
            instances,
            expired,
            blocks,
            delayed,
            self._mtaio_destinations_health([(number, DestinationHealth(*one)) for number, one in destinations]),
        ]
        return MonitorHealth(*fields)

    def _mtaio_require_initialised(self) -> None:
        """Raises the native half's error, which says what to do, instead of an AttributeError of ours."""
        _ = self._mtaio_is_running

    def _mtaio_all_handlers(self) -> list[Handlers]:
        of_alerts = [self._mtaio_exceeded, self._mtaio_cleared, self._mtaio_alerted, self._mtaio_on_loop]
        return [*of_alerts, *self._mtaio_pressed.values()]

    def _mtaio_forget_waiting(self) -> None:
        for handlers in self._mtaio_all_handlers():
            handlers.forget_waiting()

    def _mtaio_running_loop(self, asked: str) -> asyncio.AbstractEventLoop:
        loop = _loop.running_loop()
        if loop is None:
            raise MonitoringError(
                f"{asked}() needs a running event loop: await it inside a coroutine, "
                "for example one given to asyncio.run()"
            )
        return loop

    def _mtaio_detach(self) -> None:
        """Leaves the loop."""
        doorbell, self._mtaio_doorbell = self._mtaio_doorbell, None
        if doorbell is not None:
            self._mtaio_close_doorbell()
            doorbell.close()

    async def _mtaio_keep_collecting(self, collect: Callable[[], Any]) -> None:
        """Runs a subclass's ``collect_metrics``, and starts it again when it raises."""
        shortest, longest = BACK_OFF_SECONDS
        delay = shortest
        while True:
            started = _loop.now()
            try:
                await collect()
            except BaseException as error:
                if not is_fault(error):
                    raise
                if _loop.now() - started > longest:
                    delay = shortest
                self._mtaio_collect_metrics_errors += 1
                logger.exception("collect_metrics raised; sampling goes on, and it starts again in %g s", delay)
                if is_cancelled():
                    # It raised instead of heeding stop(): it is not to start again.
                    return
            else:
                return
            await asyncio.sleep(delay)
            delay = min(2 * delay, longest)

    def _mtaio_forget_parent(self) -> None:
        """In the child of a fork: stopped, startable, nothing of the parent's kept."""
        self._mtaio_after_fork()
        doorbell, self._mtaio_doorbell = self._mtaio_doorbell, None
        if doorbell is not None:
            doorbell.abandon()
        self._mtaio_loop = None
        self._mtaio_drains_later = self._mtaio_called_on = None
        self._mtaio_drains = self._mtaio_drains_again = False
        self._mtaio_collector = None
        self._mtaio_servers = set()
        self._mtaio_tasks.forget()
        self._mtaio_tasks.errors = self._mtaio_tasks.dropped = self._mtaio_collect_metrics_errors = 0
        for handlers in self._mtaio_all_handlers():
            handlers.forget_calls()
        for _, added in self._mtaio_destinations:
            if isinstance(added, LoopDestination):
                added.forget()


def _teller(monitor: ResourceMonitor) -> Callable[[int, int], None]:
    """What tells the native half of the calls of handlers, and does not keep the monitor alive for it."""
    found = weakref.ref(monitor)

    def tell(errors: int, dropped: int) -> None:
        living = found()
        if living is not None:
            living._mtaio_tell_handlers(errors, dropped)

    return tell


#: For the child of a fork to find them; by id, since a subclass may have an equality of its own.
_monitors: "weakref.WeakValueDictionary[int, ResourceMonitor]" = weakref.WeakValueDictionary()


def _forget_parents() -> None:
    for monitor in list(_monitors.values()):
        monitor._mtaio_forget_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents)
