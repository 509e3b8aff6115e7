"""Functions as a user writes them, each beside its traced self, at the level of a module so that pickle finds them."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from mtaio.monitoring import Profiler

profiler = Profiler()


def marked(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator of somebody else's, which sets attributes and wraps."""

    @functools.wraps(function)
    def wrapper(*arguments: Any, **keywords: Any) -> Any:
        return function(*arguments, **keywords)

    wrapper.marked = True  # type: ignore[attr-defined]
    return wrapper


async def coroutine(
    first: int, /, second: "str" = "two", *rest: float, third: bool = True, **others: Any
) -> "list[int]":
    """Doc of the coroutine."""
    return [first, second, rest, third, others]  # type: ignore[list-item]


def function(first: int, second: str = "two", *, third: bool = True) -> tuple[Any, ...]:
    """Doc of the function.

    >>> function(1, third=False)
    (1, 'two', False)
    """
    return first, second, third


def generator(count: int) -> Iterator[int]:
    """Doc of the generator."""
    yield from range(count)


async def async_generator(count: int) -> AsyncIterator[int]:
    """Doc of the async generator."""
    for number in range(count):
        yield number


PLAIN = {each.__name__: each for each in (coroutine, function, generator, async_generator)}

coroutine = profiler.trace(coroutine)
function = profiler.trace(function)
generator = profiler.trace(generator)
async_generator = profiler.trace(async_generator)

TRACED = {"coroutine": coroutine, "function": function, "generator": generator, "async_generator": async_generator}


class Account:
    """Every kind of method."""

    def __init__(self, balance: int) -> None:
        """An account."""
        self.balance = balance

    @profiler.trace
    async def pay(self, amount: int) -> int:
        """Pays."""
        self.balance -= amount
        return self.balance

    @profiler.trace
    def look(self) -> int:
        """Looks."""
        return self.balance

    @property
    @profiler.trace
    def doubled(self) -> int:
        """Twice."""
        return 2 * self.balance

    @functools.cached_property
    @profiler.trace
    def tripled(self) -> int:
        """Thrice."""
        return 3 * self.balance

    @classmethod
    @profiler.trace
    async def opened(cls, balance: int) -> "Account":
        """Opens."""
        return cls(balance)

    @profiler.trace
    @classmethod
    def empty(cls) -> "Account":
        """Opens, with nothing."""
        return cls(0)

    @staticmethod
    @profiler.trace
    def rate(years: int) -> float:
        """The rate."""
        return 0.5 * years

    @profiler.trace(name="the rate")
    @staticmethod
    async def async_rate(years: int) -> float:
        """The rate, later."""
        return 0.25 * years

    @profiler.trace
    def add(self, first: int, second: int) -> int:
        """Adds."""
        return self.balance + first + second

    add_one = functools.partialmethod(add, 1)
