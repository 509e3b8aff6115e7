"""Timing two things fairly on a noisy machine: in turn, many times, and the ratio taken pair by pair."""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable
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
    """

    target: str
    what: str
    ours: float
    peer: str
    peers: float | None
    ratio: float | None
    limit: float
    unit: str = "ns"

    @property
    def is_met(self) -> bool:
        """Whether the target is reached."""
        return (self.ours if self.ratio is None else self.ratio) <= self.limit


Batch = Callable[[int], float]


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


def pair(ours: Batch, peer: Batch, *, count: int, peer_count: int | None = None) -> tuple[float, float, float]:
    """Median cost of each, and the median of the ratios of neighbouring batches."""
    peer_count = peer_count or count
    ours(count)
    peer(peer_count)
    costs, peers = [], []
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            costs.append(ours(count))
            peers.append(peer(peer_count))
    finally:
        gc.enable()
    ratio = statistics.median(cost / other for cost, other in zip(costs, peers, strict=True))
    return statistics.median(costs), statistics.median(peers), ratio
