"""T1 to T4: what a trace costs the code that it watches."""

import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine

from mtaio.monitoring import Profiler
from opentelemetry.trace import Tracer

from benchmarks.paired import Batch, Result, in_turn, medians, of_task, pair
from benchmarks.peers import Counting, Empty, opentelemetry_provider, quiet_logfire, quiet_viztracer, upstream_profiler

COUNT = 5_000
DEPTH = 20
NAPS = 10

Work = Callable[[int], Awaitable[object]]
Passes = Callable[[int], Coroutine[object, object, None]]


async def empty(count: int) -> None:
    """The yardstick: an `async with` of an empty class."""
    for _ in range(count):
        async with Empty():
            pass


def blocks(profiler: Profiler) -> Passes:
    """Blocks of one profiler: ours, or that of mtaio 0.1.0, which is spelled the same."""

    async def passes(count: int) -> None:
        for _ in range(count):
            async with profiler.trace_context("op"):
                pass

    return passes


def calls(work: Work, argument: int) -> Passes:
    """Awaited calls of one coroutine function."""

    async def passes(count: int) -> None:
        for _ in range(count):
            await work(argument)

    return passes


async def echo(value: int) -> int:
    """A coroutine that does not suspend."""
    return value


async def nap(count: int) -> None:
    """A coroutine that suspends so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


def passed_through(work: Work) -> Work:
    """What a decorator in Python costs at least."""

    async def wrapper(*args: int, **kwargs: int) -> object:
        return await work(*args, **kwargs)

    return wrapper


class Peers:
    """The other profilers, made once for all the rows."""

    def __init__(self) -> None:
        self.provider = opentelemetry_provider(Counting())
        self.tracer: Tracer = self.provider.get_tracer("benchmarks")
        self.logfire = quiet_logfire()
        self.viztracer = quiet_viztracer()
        upstream = upstream_profiler()
        self.upstream: type[Profiler] | None = upstream and upstream.Profiler

    async def flush(self) -> None:
        """Takes what the SDK holds back out of the next batch."""
        self.provider.force_flush()

    def blocks(self) -> dict[str, tuple[Batch, int]]:
        """A batch of blocks for each of them, and how many passes make one."""

        async def opentelemetry_passes(count: int) -> None:
            for _ in range(count):
                with self.tracer.start_as_current_span("op"):
                    pass

        async def logfire_passes(count: int) -> None:
            for _ in range(count):
                with self.logfire.span("op"):
                    pass

        async def viztracer_passes(count: int) -> None:
            for _ in range(count):
                with self.viztracer.log_event("op"):
                    pass

        found: dict[str, tuple[Batch, int]] = {
            "viztracer log_event": (of_task(viztracer_passes), COUNT // 5),
            "OpenTelemetry SDK": (of_task(opentelemetry_passes, self.flush), COUNT // 20),
            "logfire": (of_task(logfire_passes), COUNT // 50),
        }
        if self.upstream is not None:
            profiler = self.upstream()
            found = {"mtaio 0.1.0": (of_task(blocks(profiler), profiler.reset), COUNT // 5)} | found
        return found

    def decorated(self) -> dict[str, tuple[Batch, int]]:
        """A batch of calls of `echo`, decorated by each of them."""
        found: dict[str, tuple[Batch, int]] = {
            "OpenTelemetry SDK": (
                of_task(calls(self.tracer.start_as_current_span("op")(echo), 1), self.flush),
                COUNT // 20,
            ),
            "logfire": (of_task(calls(self.logfire.instrument("op")(echo), 1)), COUNT // 50),
        }
        if self.upstream is not None:
            profiler = self.upstream()
            batch = of_task(calls(profiler.trace(echo), 1), profiler.reset)
            found = {"mtaio 0.1.0": (batch, COUNT // 5)} | found
        return found


def row(target: str, what: str, measured: tuple[float, float, float], peer: str, limit: float) -> Result:
    """One row from what `pair` or `medians` gave."""
    cost, other, ratio = measured
    return Result(target, what, cost, peer, other, ratio, limit)


def block_rows(peers: Peers) -> list[Result]:
    """T1, as long as all traces are held, and when for each new one an old one is let go."""
    profiler = Profiler()
    held = of_task(blocks(profiler), profiler.reset)
    full = of_task(blocks(Profiler()))
    full(150_000)
    what = "async with trace_context()"
    return [
        row("T1", what, pair(held, of_task(empty), count=COUNT), "an empty class", 0.8),
        row("T1", f"{what}, max_traces reached", pair(full, of_task(empty), count=COUNT), "an empty class", 0.8),
        *(
            row("T1", what, pair(held, batch, count=COUNT, peer_count=count), name, 1.0)
            for name, (batch, count) in peers.blocks().items()
        ),
    ]


def call_rows(peers: Peers) -> list[Result]:
    """T2: what the decorator adds, to a call and to each time that it suspends."""
    profiler = Profiler()
    bare = of_task(calls(echo, 1))
    ours = of_task(calls(profiler.trace(echo), 1), profiler.reset)
    wrapper = of_task(calls(passed_through(echo), 1))
    rows = []
    for name, (batch, count), limit in [
        ("what a pass-through wrapper adds", (wrapper, 2 * COUNT), 1.5),
        *((f"what {name} adds", side, 1.0) for name, side in peers.decorated().items()),
    ]:
        rounds = in_turn((bare, 2 * COUNT), (ours, 2 * COUNT), (batch, count))
        measured = medians((cost - base, other - base) for base, cost, other in rounds)
        rows.append(row("T2", "@profiler.trace adds to a call", measured, name, limit))
    traced = profiler.trace(nap)
    count = COUNT // 20
    rounds = in_turn(
        (of_task(calls(nap, 0)), COUNT),
        (of_task(calls(traced, 0), profiler.reset), COUNT),
        (of_task(calls(nap, NAPS)), count),
        (of_task(calls(traced, NAPS), profiler.reset), count),
    )
    measured = medians(
        (((traced_naps - naps) - (traced_call - call)) / NAPS, (naps - call) / NAPS)
        for call, traced_call, naps, traced_naps in rounds
    )
    rows.insert(1, row("T2", "and to each suspend and resume", measured, "await asyncio.sleep(0)", 0.15))
    return rows


def disabled_rows() -> list[Result]:
    """T3: a profiler that is switched off."""
    disabled = Profiler(enabled=False)
    called = pair(of_task(calls(disabled.trace(echo), 1)), of_task(calls(echo, 1)), count=4 * COUNT)
    block = pair(of_task(blocks(disabled)), of_task(empty), count=COUNT)
    return [
        # The very same function: the three hundredths are the machine's.
        row("T3", "a call, decorated by a disabled profiler", called, "undecorated", 1.03),
        row("T3", "trace_context() of a disabled profiler", block, "an empty class", 0.5),
    ]


def descended(passes: Passes) -> Passes:
    """Passes that are made with as many frames on the stack, theirs included, as the target says."""

    async def descend(count: int) -> None:
        depth, frame = 1, sys._getframe()
        while frame := frame.f_back:
            depth += 1
        if depth >= DEPTH:
            raise RuntimeError(f"the benchmark itself stands on {depth} frames already; it was to be {DEPTH}")
        await (passes(count) if depth == DEPTH - 1 else descend(count))

    return descend


def stack_rows(peers: Peers) -> list[Result]:
    """T4: what it costs to remember where a trace was begun."""

    async def extracted(count: int) -> None:
        for _ in range(count):
            traceback.extract_stack()

    default, collecting = Profiler(), Profiler(collect_stack_trace=True)
    sides = [
        (of_task(descended(blocks(default)), default.reset), COUNT),
        (of_task(descended(blocks(collecting)), collecting.reset), COUNT),
    ]
    rounds = in_turn(*sides, (of_task(descended(extracted)), COUNT // 50))
    measured = medians((cost - base, other) for base, cost, other in rounds)
    what = f"collect_stack_trace adds, {DEPTH} deep"
    rows = [row("T4", what, measured, "traceback.extract_stack()", 0.05)]
    if peers.upstream is not None:
        without, collects = peers.upstream(), peers.upstream(collect_stack_trace=True)
        rounds = in_turn(
            *sides,
            (of_task(descended(blocks(without)), without.reset), COUNT // 20),
            (of_task(descended(blocks(collects)), collects.reset), COUNT // 20),
        )
        measured = medians((cost - base, other - others) for base, cost, others, other in rounds)
        rows.append(row("T4", what, measured, "what it adds to mtaio 0.1.0", 1.0))
    return rows


def run() -> list[Result]:
    """Beside what the targets name, and beside what users have today."""
    peers = Peers()
    rows = [*block_rows(peers), *call_rows(peers), *disabled_rows(), *stack_rows(peers)]
    peers.provider.shutdown()
    return rows
