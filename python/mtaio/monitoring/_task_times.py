"""How many tasks of each name a program makes, and how long some of them take, as `_loop.time_tasks` finds."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: So many tasks of a name are timed, and then one in so many: each multiple of that. A callback at a task's end costs a
#: loop several microseconds, which a small task does not take itself.
FIRST_TIMED = 100
THEN_ONE_IN = 64
#: Names that are told apart.
MOST_NAMES = 2_000

OTHER = "(other coroutines)"


class TasksOfName:
    """The tasks of one name: how many there were, and seconds of those that were timed."""

    __slots__ = ("calls", "longest", "timed", "timed_next", "total")

    def __init__(self) -> None:
        """None yet."""
        self.calls = self.timed = 0
        #: The number of the task that is timed next.
        self.timed_next = 1
        self.longest = self.total = 0.0

    def begin(self, begun: float, clock: Callable[[], float]) -> Callable[[object], None]:
        """A task is timed, which began then; gives what to call when it ends."""
        calls = self.calls
        self.timed_next = calls + 1 if calls < FIRST_TIMED else calls + THEN_ONE_IN - calls % THEN_ONE_IN

        def end(_task: object) -> None:
            took = clock() - begun
            self.timed += 1
            self.total += took
            # A comparison, since a call lets another thread write in between.
            if took > self.longest:
                self.longest = took

        return end


class ByName(dict[str, T]):
    """By the qualified names of coroutines. A name that is none, or one too many, is among the others."""

    def __init__(self, make: Callable[[str], T]) -> None:
        """Made for each name when it is first asked for."""
        self._make = make

    def __missing__(self, name: object) -> T:
        """That of a name that is new."""
        known = name if isinstance(name, str) and len(self) < MOST_NAMES else OTHER
        return self[known] if known in self else self.setdefault(known, self._make(known))


class TaskTimes(ByName[TasksOfName]):
    """The tasks of each name."""

    def __init__(self) -> None:
        """None yet."""
        super().__init__(lambda _name: TasksOfName())
