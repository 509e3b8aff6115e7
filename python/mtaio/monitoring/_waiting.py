"""Calls that wait for room."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace
from typing import NamedTuple

from ._alert import Alert

#: Calls of one handler that wait for room at most: two states of each of 100 000 instances. As many as 1 000 thresholds
#: on 100 series each have; each takes about 1 KB then.
LARGEST = 200_000
#: Messages among them, which no newer one makes old.
MESSAGES = 4096


class Call(NamedTuple):
    """A call that waits for room.

    Attributes:
        instance: What it tells of, so that a newer one makes it old; None where nothing does.
        state: What it tells of it.
        arguments: What the handler is called with.
    """

    instance: Hashable
    state: str
    arguments: tuple[object, ...]

    def inheriting(self, older: "Call") -> "Call":
        """With what an older one, in whose place it is told, has to say about how it began."""
        now, before = self.arguments[0], older.arguments[0]
        if not isinstance(now, Alert) or not isinstance(before, Alert):
            return self
        if now.state != "firing" or now.evidence is not None or before.evidence is None:
            return self
        # A copy: other handlers hear of the newer one with nothing before it.
        return self._replace(arguments=(replace(now, evidence=before.evidence),))


class Waiting:
    """A queue in which the newest state of an instance takes the place of older ones.

    Of one instance two wait at most: the newest, and before it the newest of the other state, so that whoever is
    told that something is over has been told that it began. The native half has the same one (``coalesced.rs``).
    """

    def __init__(self) -> None:
        """Nothing waits."""
        #: By when they came.
        self._calls: OrderedDict[int, Call] = OrderedDict()
        self._next = 0
        #: Those that are nobody's state.
        self._messages: OrderedDict[int, None] = OrderedDict()
        #: Of each instance, the newest and the one before it.
        self._newest: dict[Hashable, tuple[int, int | None]] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def push(self, call: Call) -> None:
        """Adds one, which may cost another one its place."""
        other = None
        newest = None if call.instance is None else self._newest.get(call.instance)
        if newest is not None:
            at, before = newest
            if self._calls[at].state == call.state:
                self._calls[at] = call.inheriting(self._calls[at])
                return
            if before is not None:
                del self._calls[before]
            other = at
        at, self._next = self._next, self._next + 1
        if call.instance is not None:
            self._newest[call.instance] = (at, other)
        else:
            if len(self._messages) >= MESSAGES:
                del self._calls[self._messages.popitem(last=False)[0]]
            self._messages[at] = None
        if len(self._calls) >= LARGEST:
            self.pop()
        self._calls[at] = call

    def pop(self) -> Call:
        """Takes the one that has waited longest."""
        at, call = self._calls.popitem(last=False)
        self._messages.pop(at, None)
        newest = None if call.instance is None else self._newest.get(call.instance)
        if newest is not None:
            if newest[0] == at:
                del self._newest[call.instance]
            else:
                self._newest[call.instance] = (newest[0], None)
        return call

    def outdate(self, instance: Hashable) -> None:
        """Takes away what waits to be told of an instance."""
        for at in self._newest.pop(instance, ()):
            if at is not None:
                del self._calls[at]

    def clear(self) -> None:
        """Takes everything away."""
        self._calls.clear()
        self._messages.clear()
        self._newest.clear()
