"""Timing two things fairly on a noisy machine: in turn, many times, and the ratio taken pair by pair."""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass

ROUNDS = 40


@dataclass
class Result:
    """One row of the table.

    Attributes:
        target: Its number in the targets, e.g. "T6".
        what: What of ours was measured.
        ours: Its cost, in ``unit``.
        peer: What it was held against.
        peers: That one's cost.
        ratio: Median of the ratios of the pairs; None where the target is absolute.
        limit: What the ratio (or, without one, ``ours``) must not exceed.
        unit: Of both costs.
        at_least: Whether the limit is one that must be reached, as of requests a second.
    """

    target: str
    what: str
    ours: float
    peer: str
    peers: float | None
    ratio: float | None
    limit: float
    unit: str = "ns"
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the target is reached."""
        measured = self.ours if self.ratio is None else self.ratio
        return measured >= self.limit if self.at_least else measured <= self.limit


Batch = Callable[[int], float]
After = Callable[[], Awaitable[object]]


def of_call(call: Callable[[], object]) -> Batch:
    """A batch of plain calls; the loop's own cost is part of both sides."""

    def batch(count: int) -> float:
        started = time.perf_counter_ns()
        for _ in range(count):
            call()
        return (time.perf_counter_ns() - started) / count

    return batch


def of_await(call: Callable[[], Awaitable[object]]) -> Batch:
    """A batch of awaits inside one task of a running loop."""

    async def awaits(count: int) -> float:
        started = time.perf_counter_ns()
        for _ in range(count):
            await call()
        return (time.perf_counter_ns() - started) / count

    runner = asyncio.Runner()

    def batch(count: int) -> float:
        return runner.run(awaits(count))

    return batch


def of_task(passes: Callable[[int], Coroutine[object, object, None]], after: After | None = None) -> Batch:
    """A batch of so many passes inside one task, for what no call can hold: an ``async with``.

    ``after`` is awaited when the time has been taken, for what must not pile up from batch to batch.
    """

    async def timed(count: int) -> float:
        started = time.perf_counter_ns()
        await passes(count)
        cost = (time.perf_counter_ns() - started) / count
        if after is not None:
            await after()
        return cost

    runner = asyncio.Runner()

    def batch(count: int) -> float:
        return runner.run(timed(count))

    return batch


def in_turn(*sides: tuple[Batch, int]) -> list[tuple[float, ...]]:
    """The cost of every side, round by round. Every other round goes backwards: nobody always follows the same one."""
    for batch, count in sides:
        batch(count)
    taken: list[tuple[float, ...]] = []
    gc.collect()
    gc.disable()
    try:
        for turn in range(ROUNDS):
            order = sides if turn % 2 == 0 else sides[::-1]
            costs = [batch(count) for batch, count in order]
            taken.append(tuple(costs if turn % 2 == 0 else costs[::-1]))
    finally:
        gc.enable()
    return taken


def pair(ours: Batch, peer: Batch, *, count: int, peer_count: int | None = None) -> tuple[float, float, float]:
    """Median cost of each, and the median of the ratios of neighbouring batches."""
    return medians(in_turn((ours, count), (peer, peer_count or count)))


def medians(pairs: Iterable[tuple[float, float]]) -> tuple[float, float, float]:
    """Median of our costs, of the peer's, and of the ratios pair by pair."""
    pairs = list(pairs)
    return (
        statistics.median(cost for cost, _ in pairs),
        statistics.median(other for _, other in pairs),
        statistics.median(cost / other for cost, other in pairs),
    )
