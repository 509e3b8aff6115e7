"""What it costs to watch the requests of a FastAPI application, in processor time, beside what others take for that.

Without a server: it would cost more than all that is compared, and the same for each of them.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from benchmarks.paired import Result, medians

ROUNDS = 60
REQUESTS = 50
WARM = 300


def application(**options: Any) -> FastAPI:
    """One route, which does nothing."""
    app = FastAPI(**options)

    @app.get("/items/{item}")
    async def item(item: int) -> dict[str, int]:
        return {"item": item}

    return app


def ours() -> FastAPI:
    """A trace, the duration and the number under way."""
    from mtaio.monitoring import MonitoringMiddleware, Profiler, ResourceMonitor

    app = application()
    app.add_middleware(MonitoringMiddleware, monitor=ResourceMonitor(), profiler=Profiler())
    return app


def prometheus() -> FastAPI:
    """The metrics alone."""
    from prometheus_client import CollectorRegistry
    from prometheus_fastapi_instrumentator import Instrumentator

    app = application()
    Instrumentator(registry=CollectorRegistry(), should_instrument_requests_inprogress=True).instrument(app)
    return app


def opentelemetry() -> FastAPI:
    """FastAPI's own telemetry with the OpenTelemetry SDK: a span and the metrics, which nobody exports."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from benchmarks.peers import Counting, opentelemetry_provider

    metrics = MeterProvider([InMemoryMetricReader()])
    spans = opentelemetry_provider(Counting())
    telemetry = {"tracer_provider": spans, "meter_provider": metrics, "operation_spans": False, "logs": False}
    return application(telemetry=telemetry)


def scope() -> dict[str, Any]:
    """A request as uvicorn gives it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/items/7",
        "raw_path": b"/items/7",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"example.org"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80),
    }


async def receive() -> dict[str, Any]:
    """No body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def answered(app: FastAPI, count: int) -> float:
    """Microseconds of processor time a request."""
    status = []

    async def send(message: dict[str, Any]) -> None:
        status.append(message.get("status", 200))

    started = time.thread_time()
    for _ in range(count):
        await app(scope(), receive, send)
    spent = time.thread_time() - started
    if status != [200] * (2 * count):
        raise AssertionError(f"answers of {set(status)}")
    return 1e6 * spent / count


async def measured() -> dict[str, list[tuple[float, float]]]:
    """Each beside the application without, round by round."""
    plain = application()
    others = {"ours": ours(), "prometheus": prometheus(), "opentelemetry": opentelemetry()}
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in others}
    for app in (plain, *others.values()):
        await answered(app, WARM)
    for turn in range(ROUNDS):
        for name, app in others.items():
            pair = [await answered(one, REQUESTS) for one in ((app, plain) if turn % 2 else (plain, app))]
            rows[name].append((pair[0], pair[1]) if turn % 2 else (pair[1], pair[0]))
    return rows


def run() -> Iterator[Result]:
    """What each of them adds."""
    rows = asyncio.run(measured())
    cost, plain, ratio = medians(rows["ours"])
    what = "processor time of a FastAPI request, traced and measured"
    yield Result("requests", what, cost, "the same without", plain, ratio, 1.5, "µs")

    def added(name: str) -> float:
        with_it, without, _ = medians(rows[name])
        return with_it - without

    ours_added = added("ours")
    for name, peer in (
        ("prometheus", "prometheus-fastapi-instrumentator (metrics alone)"),
        ("opentelemetry", "FastAPI's own with the OpenTelemetry SDK"),
    ):
        theirs = added(name)
        yield Result("requests", "what that adds", ours_added, peer, theirs, ours_added / theirs, 1.0, "µs")
