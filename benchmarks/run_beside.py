"""What `mtaio run` takes from programs: the same ones, under the same load, run by `python` and by it."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.paired import Batch, Result, medians, pair
from benchmarks.service import REQUESTS, Pair, Service, neighbours, on_core

GENERATIONS = 4
ROUNDS = 60
COMMAND = ("-m", "mtaio.monitoring", "run", "--quiet")
PROGRAM = ("-m", "benchmarks.beside_app")
AT_MOST = 1.03


def generation(kind: str, *options: str) -> list[Pair]:
    """A service under `mtaio run` and beside it as it is, round by round.

    The two alone: each finds the processor's caches as the other left them. One that came by more often, beside others,
    would find more of its own there.
    """
    with contextlib.ExitStack() as stack:
        with on_core(1):
            plain = Service(kind, stack, PROGRAM)
            beside = Service(kind, stack, (*COMMAND, *options, *PROGRAM))
        stack.enter_context(on_core(0))
        for service in (plain, beside):
            service.under_load(REQUESTS)
        return [neighbours(beside, plain, turn, REQUESTS) for turn in range(ROUNDS)]


def script(*command: str) -> Batch:
    """Processor seconds of the script's jobs, as it says itself."""
    arguments = [sys.executable, *command, *PROGRAM, "jobs"]

    def batch(_once: int) -> float:
        with on_core(1):
            ended = subprocess.run(arguments, capture_output=True, check=True, timeout=60)
        return float(ended.stdout)

    return batch


def run() -> Iterator[Result]:
    """Beside the same programs run by `python`."""
    with tempfile.TemporaryDirectory() as folder:
        rows = {
            ("uvloop", "a FastAPI service on uvloop", AT_MOST): (),
            ("uvloop", "the same with --serve", AT_MOST): ("--serve",),
            ("uvloop", "the same with --profile", 1.1): ("--profile", f"{folder}/run.json"),
            ("asyncio", "the service on asyncio's loop", AT_MOST): (),
            ("aiohttp", "an aiohttp server", AT_MOST): (),
        }
        pairs: dict[tuple[str, str, float], list[Pair]] = {row: [] for row in rows}
        for _ in range(GENERATIONS):
            for row, options in rows.items():
                pairs[row] += generation(row[0], *options)
    for (_, what, target), found in pairs.items():
        cost, plain, ratio = medians((ours.cost, without.cost) for ours, without in found)
        yield Result("run", f"processor time a request, {what}", cost, "under `python`", plain, ratio, target, "µs")
    cost, plain, ratio = pair(script(*COMMAND), script(), count=1)
    what = "processor time of 4000 jobs, 12,000 tasks, of a script"
    yield Result("run", what, cost * 1e3, "under `python`", plain * 1e3, ratio, AT_MOST, "ms")
