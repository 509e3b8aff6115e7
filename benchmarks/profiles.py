"""T5: what finished traces take while they are held, and what a million of them can be asked.

Each measurement is a process of its own, `python -m benchmarks.profiles WHAT COUNT`, since memory is that of a process.
"""

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psutil
from mtaio.monitoring import Profiler

from benchmarks.paired import Result

MILLION = 1_000_000
AT_ONCE = 100_000
NAMES = [f"operation {number}" for number in range(10)]


async def hold_ours(count: int) -> object:
    """So many finished traces, held by a profiler."""
    profiler = Profiler(max_traces=MILLION)
    for number in range(count):
        async with profiler.trace_context(NAMES[number % 10]):
            # Not all of the same length, which would be easy to sort.
            sum(range(number & 63))
    return profiler


async def hold_upstream(count: int) -> object:
    """The same in mtaio 0.1.0."""
    from benchmarks.peers import upstream_profiler

    upstream = upstream_profiler()
    if upstream is None:
        raise LookupError("mtaio 0.1.0 is not laid out")
    profiler = upstream.Profiler()
    for number in range(count):
        async with profiler.trace_context(NAMES[number % 10]):
            sum(range(number & 63))
    return profiler


async def hold_opentelemetry(count: int) -> object:
    """The same in the SDK's own exporter that keeps spans in memory."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    provider, held = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(held))
    tracer = provider.get_tracer("benchmarks")
    for number in range(count):
        with tracer.start_as_current_span(NAMES[number % 10]):
            sum(range(number & 63))
    return provider, held


async def hold_viztracer(count: int) -> object:
    """The same in VizTracer's buffer, whose slots are there from the beginning."""
    from benchmarks.peers import quiet_viztracer

    tracer = quiet_viztracer()
    for number in range(count):
        with tracer.log_event(NAMES[number % 10]):
            sum(range(number & 63))
    return tracer


HOLDERS: dict[str, Callable[[int], Awaitable[object]]] = {
    "ours": hold_ours,
    "mtaio 0.1.0": hold_upstream,
    "OpenTelemetry SDK": hold_opentelemetry,
    "viztracer": hold_viztracer,
}
# As many as take a few seconds at most.
COUNTS = {"ours": MILLION, "mtaio 0.1.0": 200_000, "OpenTelemetry SDK": 20_000, "viztracer": 200_000}


def resident_bytes() -> int:
    """Memory of this process, that of Rust included."""
    return psutil.Process().memory_info().rss


async def resident_with(who: str, count: int) -> int:
    """Memory of a process that holds so many traces. The first hundred bring in whatever is made once."""
    first = await HOLDERS[who](100)
    held = await HOLDERS[who](count)
    answer = resident_bytes()
    del first, held
    return answer


async def ask(count: int) -> dict[str, float]:
    """Milliseconds of what can be asked of so many traces. Each question finds a profile that was asked nothing."""
    profiler = await hold_ours(count)
    taken: dict[str, list[float]] = {}

    @contextlib.contextmanager
    def timed(what: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        taken.setdefault(what, []).append(1e3 * (time.perf_counter() - started))

    for _ in range(5):
        with timed("profile"):
            profile = await profiler.get_profile()
        with timed("metrics"):
            metrics = profile.get_metrics()
        with timed("metrics of a name"):
            of_name = profile.get_metrics(NAMES[3])
        if metrics.call_count != count or of_name.call_count != count // 10:
            raise AssertionError(f"metrics of {metrics.call_count} and {of_name.call_count} traces, not of {count}")
    for _ in range(3):
        profile = await profiler.get_profile()
        with timed("chrome-trace"):
            text = profile.export("chrome-trace")
        if text.count('"ph"') < count:
            raise AssertionError(f"an export of {len(text)} characters cannot have {count} traces in it")
        del text
    return {what: statistics.median(times) for what, times in taken.items()}


async def ask_upstream(count: int) -> dict[str, float]:
    """The same of mtaio 0.1.0."""
    profiler = await hold_upstream(count)
    profile = await profiler.get_profile()
    started = time.perf_counter()
    profile.get_metrics()
    answered = time.perf_counter()
    await profiler.export_profile("chrome-trace")
    exported = time.perf_counter()
    return {"metrics": 1e3 * (answered - started), "chrome-trace": 1e3 * (exported - answered)}


async def open_at_once(count: int) -> int:
    """How many of so many flows, all open at once, miss a trace or have one with a wrong parent."""
    profiler = Profiler(max_traces=3 * count)
    waiting, all_open, go_on = 0, asyncio.Event(), asyncio.Event()

    async def flow(number: int) -> None:
        nonlocal waiting
        async with profiler.trace_context("outer", {"flow": number}):
            waiting += 1
            if waiting == count:
                all_open.set()
            await go_on.wait()
            async with profiler.trace_context("inner", {"flow": number}):
                await asyncio.sleep(0)

    flows = [asyncio.create_task(flow(number)) for number in range(count)]
    await all_open.wait()
    still_open = (await profiler.get_profile()).open_traces
    go_on.set()
    await asyncio.gather(*flows)
    traces = (await profiler.get_profile()).traces
    outer = {trace.metadata["flow"]: trace.trace_id for trace in traces if trace.name == "outer"}
    right = {
        trace.metadata["flow"]
        for trace in traces
        if trace.name == "inner" and trace.parent_id == outer.get(trace.metadata["flow"], -1)
    }
    return count - len(right) + abs(count - len(still_open)) + abs(2 * count - len(traces))


ANSWERS: dict[str, Callable[[int], Awaitable[object]]] = {
    "ask": ask,
    "ask upstream": ask_upstream,
    "open": open_at_once,
}


def measured(what: str, count: int) -> object:
    """One measurement, made in a process of its own."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.profiles", what, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(answer.stdout)


def bytes_each(who: str) -> float:
    """What one trace adds to the memory of the process that holds it."""
    return (measured(who, COUNTS[who]) - measured(who, 0)) / COUNTS[who]


def run() -> Iterator[Result]:
    """Most of these are absolute; the others stand beside them."""
    has_upstream = Path(".venv/peers/mtaio").is_dir()
    ours = bytes_each("ours")
    yield Result("T5", "a finished trace, held", ours, "–", None, None, 100, "bytes")
    for who in HOLDERS:
        if who != "ours" and (has_upstream or who != "mtaio 0.1.0"):
            theirs = bytes_each(who)
            yield Result("T5", "a finished trace, held", ours, who, theirs, ours / theirs, 1.0, "bytes")
    wrong = measured("open", AT_ONCE)
    yield Result("T5", f"lost or misplaced, of {AT_ONCE:,} open at once", wrong, "–", None, None, 0, "")
    times = measured("ask", MILLION)
    for what, key, limit in [
        (f"get_metrics() (after {times['profile']:.3g} ms of get_profile())", "metrics", 50.0),
        ("get_metrics(name)", "metrics of a name", 50.0),
        ('export("chrome-trace")', "chrome-trace", 2000.0),
    ]:
        yield Result("T5", f"{what}, of {MILLION:,}", times[key], "–", None, None, limit, "ms")
    if has_upstream:
        others = measured("ask upstream", MILLION // 10)
        for what, key in [("get_metrics()", "metrics"), ('export("chrome-trace")', "chrome-trace")]:
            ours, theirs = times[key], 10 * others[key]
            peer = "mtaio 0.1.0, of a tenth, by ten"
            yield Result("T5", f"{what}, of {MILLION:,}", ours, peer, theirs, ours / theirs, 1.0, "ms")


if __name__ == "__main__":
    asked, number = sys.argv[1], int(sys.argv[2])
    print(json.dumps(asyncio.run(ANSWERS[asked](number) if asked in ANSWERS else resident_with(asked, number))))
