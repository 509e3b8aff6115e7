"""The peers of the profiler, each set up as its own documents say, with whatever it tells going nowhere."""

import importlib
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import logfire
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from viztracer import VizTracer

UPSTREAM = Path(".venv/peers/mtaio")


class Empty:
    """What nobody undercuts in Python: a context manager that does nothing."""

    async def __aenter__(self) -> "Empty":
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        pass


class Counting(SpanExporter):
    """An exporter that counts what it throws away."""

    def __init__(self) -> None:
        self.spans = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Throws them away."""
        self.spans += len(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Has nothing to end."""


def opentelemetry_provider(exporter: SpanExporter) -> TracerProvider:
    """The SDK with the processor that its documents advise for services."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def quiet_logfire() -> logfire.Logfire:
    """Logfire that sends nothing and prints nothing, apart from the global one."""
    return logfire.configure(local=True, send_to_logfire=False, console=False, inspect_arguments=False)


def quiet_viztracer() -> VizTracer:
    """VizTracer for blocks only, the cheapest that it has: without the hook that would slow down every call here."""
    tracer = VizTracer(verbose=0, register_global=False)
    # It sets the hook when it is made, not when it is started.
    sys.setprofile(None)
    threading.setprofile(None)
    return tracer


def upstream_profiler() -> ModuleType | None:
    """The profiler module of mtaio 0.1.0; None where it is not laid out.

    It owns the same module names as ours, so ours step aside while it is imported, and come back.
    """
    if not UPSTREAM.is_dir():
        return None

    def step_aside() -> dict[str, ModuleType]:
        names = [name for name in sys.modules if name.partition(".")[0] == "mtaio"]
        return {name: sys.modules.pop(name) for name in names}

    ours, place = step_aside(), str(UPSTREAM.resolve())
    sys.path.insert(0, place)
    try:
        return importlib.import_module("mtaio.monitoring.profiler")
    finally:
        sys.path.remove(place)
        step_aside()
        sys.modules.update(ours)
