"""What `mtaio run` takes from a service: the same one, under the same load, run by `python` and by it."""

import contextlib
import tempfile
from collections.abc import Iterator

from benchmarks.paired import Result, medians
from benchmarks.service import GENERATIONS, REQUESTS, Pair, Service, neighbours, on_core

ROUNDS = 60
COMMAND = ("-m", "mtaio.monitoring", "run", "--quiet")
SERVICE = ("-m", "benchmarks.service_app")


def generation() -> dict[str, list[Pair]]:
    """Each beside the service as it is, round by round; the one that writes a profile in every fourth."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        with on_core(1):
            plain = Service("plain", stack)
            beside = Service("plain", stack, (*COMMAND, *SERVICE))
            served = Service("plain", stack, (*COMMAND, "--serve", *SERVICE))
            profiled = Service("plain", stack, (*COMMAND, "--profile", f"{folder}/run.json", *SERVICE))
        stack.enter_context(on_core(0))
        for service in (plain, beside, served, profiled):
            service.under_load(REQUESTS)
        rows: dict[str, list[Pair]] = {"run": [], "serve": [], "profile": []}
        for turn in range(ROUNDS):
            rows["run"].append(neighbours(beside, plain, turn, REQUESTS))
            rows["serve"].append(neighbours(served, plain, turn, REQUESTS))
            if turn % 4 == 0:
                rows["profile"].append(neighbours(profiled, plain, turn // 4, REQUESTS))
        return rows


def run() -> Iterator[Result]:
    """Beside the same service run by `python`."""
    generations = [generation() for _ in range(GENERATIONS)]
    rows = {name: [row for one in generations for row in one[name]] for name in generations[0]}
    rate, plain, ratio = medians((ours.rate, without.rate) for ours, without in rows["run"])
    what = "requests a second of a FastAPI service under `mtaio run`"
    yield Result("run", what, rate, "the same under `python`", plain, ratio, 0.97, "/s", at_least=True)
    words = {
        "run": ("its processor time a request", round(1 / 0.97, 2)),
        "serve": ("the same with --serve", round(1 / 0.97, 2)),
        "profile": ("the same with --profile", 1.15),
    }
    for name, (what, target) in words.items():
        cost, plain, ratio = medians((ours.cost, without.cost) for ours, without in rows[name])
        yield Result("run", what, cost, "the same", plain, ratio, target, "µs")
