"""A web application that watches itself: the reference's ``WebAppMonitor`` around every request of a FastAPI app.

python examples/web_app.py [--port 8000]     until Ctrl-C; needs fastapi and uvicorn
curl http://127.0.0.1:8000/price/7           one that works; /price/0 is one that fails
curl http://127.0.0.1:8000/health            what the monitor and the profiler make of it
"""

import argparse
import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from mtaio.monitoring import Alert, Profiler, ResourceMonitor

logger = logging.getLogger("uvicorn.error")


class WebAppMonitor:
    """Times every request, counts those that fail, and keeps a trace of each."""

    def __init__(self) -> None:
        """A monitor that complains when more than a tenth of the requests of ten seconds fail."""
        self.monitor = ResourceMonitor(interval=0.5)
        self.profiler = Profiler()
        # Declared, they are 0 until something happens: no errors yet is a value too.
        self.monitor.histogram("request_duration", unit="s", help="How long a request took.")
        self.monitor.counter("request_error", unit="{request}", help="Requests that failed.")
        failures = "request_error:sum / request_duration:count"
        self.monitor.set_threshold(failures, 0.1, clear=0.05, window_seconds=10.0)
        self.monitor.on_alert(self.tell)

    async def tell(self, alert: Alert) -> None:
        """Where a service would page somebody."""
        logger.warning("%s: %s", alert.state, alert.message)

    async def monitor_request(self, request: Request, process: Callable[[Request], Awaitable[Response]]) -> Response:
        """As the reference has it, with the time of the requests that fail, too: an error rate wants both."""
        async with self.profiler.trace_context("http_request", {"path": request.url.path}):
            start_time = time.perf_counter()
            try:
                response = await process(request)
            except Exception:
                await self.monitor.record_metric("request_error", 1.0)
                raise
            finally:
                await self.monitor.record_metric("request_duration", time.perf_counter() - start_time)
            if response.status_code >= 500:
                await self.monitor.record_metric("request_error", 1.0)
            return response


watch = WebAppMonitor()


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """The monitor lives as long as the application."""
    async with watch.monitor:
        yield


app = FastAPI(lifespan=lifespan)
app.middleware("http")(watch.monitor_request)


@app.get("/price/{article}")
async def price(article: int) -> dict[str, float]:
    """A look into a warehouse that takes two milliseconds, and knows nothing of article 0."""
    async with watch.profiler.trace_context("warehouse"):
        await asyncio.sleep(0.002)
    if article == 0:
        raise HTTPException(503, "the warehouse does not answer")
    return {"price": 3.5 * article}


@app.get("/health")
async def health() -> dict[str, float | int | None]:
    """What happened in the newest minute."""
    query = watch.monitor.query
    profile = await watch.profiler.get_profile()
    return {
        "requests": int(query("request_duration:count", window_seconds=60) or 0),
        "errors": int(query("request_error:sum", window_seconds=60) or 0),
        "p99_seconds": query("request_duration:p99", window_seconds=60),
        "traces": profile.get_metrics("http_request").call_count,
        "warehouse_share": profile.get_metrics("warehouse").total_time / (profile.total_time or 1.0),
    }


def main() -> None:
    """Serves until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one (default: 8000)")
    arguments = parser.parse_args()
    uvicorn.run(app, host="127.0.0.1", port=arguments.port, log_level="info", access_log=False)


if __name__ == "__main__":
    main()
