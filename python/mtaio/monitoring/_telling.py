"""How what there is to tell comes to the handlers."""

import asyncio
import functools
import logging
import math

from . import _loop
from ._gathering import Gathering
from ._handlers import Handlers
from ._pressure import PressureEvent
from ._sending import Sending

logger = logging.getLogger("mtaio.monitoring")

#: Alerts told between two steps of the loop: about 10 ms.
EVENTS_AT_ONCE = 256
#: Where so many calls wait for every handler, further alerts wait for a handler that has less to do; it is looked
#: again after this long. With what is told at once still less than a handler keeps of messages.
WAITING_ENOUGH = 2048
FLOODED_SECONDS = 0.02


class Telling(Sending, Gathering):
    """What ``ResourceMonitor`` does with alerts and messages of its native half."""

    _mtaio_exceeded: Handlers
    _mtaio_cleared: Handlers
    _mtaio_alerted: Handlers
    #: By the number of their rule.
    _mtaio_pressed: dict[int, Handlers]
    _mtaio_loop: asyncio.AbstractEventLoop | None
    _mtaio_doorbell: _loop.Doorbell | None
    #: Where it is to go on telling, after other tasks have had their turn.
    _mtaio_drains_later: asyncio.AbstractEventLoop | None = None
    #: Where it was called from another thread, and has not begun.
    _mtaio_called_on: asyncio.AbstractEventLoop | None = None
    #: It is at it, and was asked meanwhile.
    _mtaio_drains = False
    _mtaio_drains_again = False
    #: Counts how often telling was ended.
    _mtaio_run = 0

    def _mtaio_deliver_if_stopped(self) -> None:
        """While the monitor runs, its bell has been rung already."""
        if self._mtaio_doorbell is None:
            self._mtaio_deliver()

    def _mtaio_deliver(self) -> None:
        """Has the handlers told what there is to tell, on the monitor's loop.

        From whatever thread; where no loop is known yet, it is held until one is.
        """
        running = _loop.running_loop()
        bound = self._mtaio_loop
        if bound is None or bound.is_closed():
            bound = running
        elif running is not None and self._mtaio_doorbell is None and not bound.is_running():
            # Nothing ties it to a loop that has ended and was never closed.
            bound = running
        self._mtaio_loop = bound
        if bound is None:
            return
        if bound is running:
            self._mtaio_drain_here()
        elif bound is not self._mtaio_called_on:
            # Once, however often it is asked while that loop is busy.
            self._mtaio_called_on = bound
            if not _loop.call_on(bound, self._mtaio_drain_called):
                self._mtaio_called_on = None

    def _mtaio_drain_here(self) -> None:
        """Starts the handlers of what there is to tell, on the running loop; where there is much, of the rest later."""
        loop = _loop.running_loop()
        if loop is None or loop is self._mtaio_drains_later:
            return
        if self._mtaio_drains:
            # A handler that a loop with eager tasks runs at once, or one of the log: the older alerts come first.
            self._mtaio_drains_again = True
            return
        self._mtaio_drains = True
        try:
            self._mtaio_tell_some(loop)
        finally:
            self._mtaio_drains = False
            if self._mtaio_drains_again:
                self._mtaio_drains_again = False
                self._mtaio_drain_soon(loop, 0.0)

    def _mtaio_is_flooded(self) -> bool:
        """Whether every handler has enough to do."""
        of_alerts = (self._mtaio_exceeded, self._mtaio_cleared, self._mtaio_alerted, self._mtaio_on_loop)
        least = min((handlers.least_waiting() for handlers in of_alerts if handlers), default=0)
        return least >= WAITING_ENOUGH

    def _mtaio_tell_some(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._mtaio_is_flooded():
            # The native half keeps what waits in less room, and makes old what newer states replace.
            self._mtaio_drain_soon(loop, FLOODED_SECONDS)
            return
        events = self._mtaio_drain(EVENTS_AT_ONCE)
        if len(events) == EVENTS_AT_ONCE:
            # The rest of a storm waits until other tasks have had their turn.
            self._mtaio_drain_soon(loop, 0.0)
        for kind, payload in events:
            if kind == "log":
                logger.warning("%s", payload)
                continue
            if kind == "pressure":
                number, fields = payload
                if number in self._mtaio_pressed:
                    self._mtaio_pressed[number].call(loop, number, "", PressureEvent(*fields))
                continue
            alert = self._mtaio_alert(payload)
            instance = alert._instance()
            listeners = {"exceeded": self._mtaio_exceeded, "cleared": self._mtaio_cleared}.get(kind)
            if not self._mtaio_alerted and not listeners and not self._mtaio_on_loop:
                logger.warning("%s: %s", alert.state, alert.message)
            if listeners is not None:
                # Who hears of beginnings alone need not hear of one that is over by now, and the other way round.
                other = self._mtaio_cleared if listeners is self._mtaio_exceeded else self._mtaio_exceeded
                other.outdate(instance)
            if listeners:
                # A number also where there is none: handlers print it.
                value = math.nan if alert.value is None else alert.value
                listeners.call(loop, instance, alert.state, alert.metric, value, alert.threshold)
            self._mtaio_alerted.call(loop, instance, alert.state, alert)
            self._mtaio_tell_loop_destinations(loop, alert)

    def _mtaio_drain_soon(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        if self._mtaio_drains_later is not loop:
            self._mtaio_drains_later = loop
            _loop.later(loop, seconds, functools.partial(self._mtaio_drain_more, self._mtaio_run))

    def _mtaio_drain_more(self, run: int) -> None:
        # What a run of the monitor has left to do ends with it; what there is to tell waits for the next.
        if run == self._mtaio_run:
            self._mtaio_drains_later = None
            self._mtaio_drain_here()

    def _mtaio_drain_called(self) -> None:
        # First: what is recorded from now on may come too late for this one.
        self._mtaio_called_on = None
        # The monitor may have gone to another loop meanwhile.
        self._mtaio_deliver()

    def _mtaio_end_telling(self) -> None:
        """Nothing more is told of what waits now, unless somebody begins anew."""
        self._mtaio_run += 1
        self._mtaio_drains_later = None
