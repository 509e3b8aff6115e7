"""What `mtaio run` takes from a service: the same one, under the same load, run by `python` and by it."""

import contextlib
from collections.abc import Iterator

from benchmarks.paired import Result, medians
from benchmarks.service import GENERATIONS, REQUESTS, Pair, Service, neighbours, on_core

ROUNDS = 60
BESIDE = ("-m", "mtaio.monitoring", "run", "--quiet", "-m", "benchmarks.service_app")


def generation() -> list[Pair]:
    """Beside the service as it is, round by round."""
    with contextlib.ExitStack() as stack:
        with on_core(1):
            plain = Service("plain", stack)
            beside = Service("plain", stack, BESIDE)
        stack.enter_context(on_core(0))
        for service in (plain, beside):
            service.under_load(REQUESTS)
        return [neighbours(beside, plain, turn, REQUESTS) for turn in range(ROUNDS)]


def run() -> Iterator[Result]:
    """Beside the same service run by `python`."""
    rows = [row for _ in range(GENERATIONS) for row in generation()]
    rate, plain, ratio = medians((ours.rate, without.rate) for ours, without in rows)
    what = "requests a second of a FastAPI service under `mtaio run`"
    yield Result("run", what, rate, "the same under `python`", plain, ratio, 0.97, "/s", at_least=True)
    cost, plain, ratio = medians((ours.cost, without.cost) for ours, without in rows)
    yield Result("run", "its processor time a request", cost, "the same", plain, ratio, round(1 / 0.97, 2), "µs")
