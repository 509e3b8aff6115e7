"""The small service of T9: `python -m benchmarks.service_app plain|ours|opentelemetry` serves until its input ends.

One handler, written three times: without tracing, with ours and with the OpenTelemetry SDK. It makes 11 traces, seven
of them by decorated functions and four by blocks, and records one value.
"""

import asyncio
import contextlib
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace

import uvicorn
from fastapi import FastAPI, Header, HTTPException

TOKENS = {"secret": {"user": 7, "name": "Ada"}}
ORDERS = {12: {"customer": 7, "items": [("apple", 3), ("bread", 1), ("cheese", 2), ("dates", 12)]}}
PRICES = {"apple": 0.4, "bread": 3.2, "cheese": 8.75, "dates": 0.15}
CUSTOMERS = {7: {"name": "Ada", "discount": 0.1, "city": "London"}}

Decorator = Callable[[Callable[..., Awaitable[object]]], Callable[..., Awaitable[object]]]


def steps(traced: Decorator) -> SimpleNamespace:
    """What the handler awaits. The sleeps stand for a database that has answered already."""

    @traced
    async def authenticate(token: str) -> dict:
        if token not in TOKENS:
            raise HTTPException(401)
        return TOKENS[token]

    @traced
    async def load_order(number: int) -> dict:
        await asyncio.sleep(0)
        if number not in ORDERS:
            raise HTTPException(404)
        return ORDERS[number]

    @traced
    async def load_customer(number: int) -> dict:
        await asyncio.sleep(0)
        return CUSTOMERS[number]

    @traced
    async def price(item: str, amount: int) -> dict:
        each = PRICES[item]
        return {"item": item, "amount": amount, "each": each, "sum": round(amount * each, 2)}

    return SimpleNamespace(authenticate=authenticate, load_order=load_order, load_customer=load_customer, price=price)


def discounted(lines: list[dict], customer: dict) -> float:
    """What is to be paid."""
    return round(sum(line["sum"] for line in lines) * (1.0 - customer["discount"]), 2)


def answer(number: int, user: dict, customer: dict, lines: list[dict], total: float) -> dict:
    """What is sent back as JSON."""
    return {
        "order": number,
        "by": user["name"],
        "customer": {"name": customer["name"], "city": customer["city"]},
        "lines": lines,
        "total": total,
    }


def plain() -> FastAPI:
    """The service without tracing."""
    app, step = FastAPI(), steps(lambda function: function)

    @app.get("/orders/{number}")
    async def order(number: int, authorization: str = Header()) -> dict:
        user = await step.authenticate(authorization)
        found = await step.load_order(number)
        lines = []
        for item, amount in found["items"]:
            lines.append(await step.price(item, amount))
        customer = await step.load_customer(found["customer"])
        total = discounted(lines, customer)
        return answer(number, user, customer, lines, total)

    @app.get("/observed")
    async def observed() -> dict:
        return {"traces": 0, "records": 0}

    return app


def ours() -> FastAPI:
    """The same, watched by a Profiler and a running ResourceMonitor."""
    from mtaio.monitoring import Profiler, ResourceMonitor

    profiler, monitor = Profiler(), ResourceMonitor()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with monitor:
            yield

    app, step = FastAPI(lifespan=lifespan), steps(profiler.trace)

    @app.get("/orders/{number}")
    async def order(number: int, authorization: str = Header()) -> dict:
        started = time.perf_counter()
        async with profiler.trace_context("order"):
            user = await step.authenticate(authorization)
            found = await step.load_order(number)
            lines = []
            async with profiler.trace_context("lines"):
                for item, amount in found["items"]:
                    lines.append(await step.price(item, amount))
            customer = await step.load_customer(found["customer"])
            async with profiler.trace_context("total"):
                total = discounted(lines, customer)
            async with profiler.trace_context("answer"):
                result = answer(number, user, customer, lines, total)
        monitor.record("order_seconds", time.perf_counter() - started)
        return result

    @app.get("/observed")
    async def observed() -> dict:
        latest = await monitor.get_metric("order_seconds")
        return {"traces": (await profiler.get_profile()).get_metrics().call_count, "records": int(latest > 0)}

    return app


def opentelemetry() -> FastAPI:
    """The same, watched by the OpenTelemetry SDK."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from benchmarks.peers import Counting, opentelemetry_provider

    exporter, reader = Counting(), InMemoryMetricReader()
    provider = opentelemetry_provider(exporter)
    tracer = provider.get_tracer("orders")
    seconds = MeterProvider([reader]).get_meter("orders").create_histogram("order_seconds")
    app = FastAPI()
    step = steps(lambda function: tracer.start_as_current_span(function.__qualname__)(function))

    @app.get("/orders/{number}")
    async def order(number: int, authorization: str = Header()) -> dict:
        started = time.perf_counter()
        with tracer.start_as_current_span("order"):
            user = await step.authenticate(authorization)
            found = await step.load_order(number)
            lines = []
            with tracer.start_as_current_span("lines"):
                for item, amount in found["items"]:
                    lines.append(await step.price(item, amount))
            customer = await step.load_customer(found["customer"])
            with tracer.start_as_current_span("total"):
                total = discounted(lines, customer)
            with tracer.start_as_current_span("answer"):
                result = answer(number, user, customer, lines, total)
        seconds.record(time.perf_counter() - started)
        return result

    @app.get("/observed")
    async def observed() -> dict:
        provider.force_flush()
        return {"traces": exporter.spans, "records": int(reader.get_metrics_data() is not None)}

    return app


def serve(app: FastAPI, loop: str = "auto") -> None:
    """Serves on a port that the system gives, told on the first line of output, until the input ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, loop=loop, log_level="warning", access_log=False, timeout_keep_alive=60)
    )

    def end_with_input() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    threading.Thread(target=end_with_input, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    serve({"plain": plain, "ours": ours, "opentelemetry": opentelemetry}[sys.argv[1]]())
