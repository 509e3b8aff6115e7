"""Seeing inside async services.

``ResourceMonitor`` samples the machine on a native thread, keeps a history, holds values against thresholds
and tells async handlers::

    from mtaio.monitoring import ResourceMonitor

    monitor = ResourceMonitor(interval=1.0)

    @monitor.on_threshold_exceeded
    async def handle_alert(metric: str, value: float, threshold: float) -> None:
        print(f"{metric}: {value} > {threshold}")

    monitor.set_threshold("cpu_usage", 80.0)
    await monitor.start()

``Profiler`` traces operations, exactly and under any concurrency::

    from mtaio.monitoring import Profiler

    profiler = Profiler()

    @profiler.trace
    async def fetch(url: str) -> bytes: ...

    async with profiler.trace_context("startup"):
        ...

    print(await profiler.get_profile())

The metrics that it measures by itself: ``mtaio metrics``, or ``catalogue()``.
"""

from ._alert import Alert
from ._asgi import MonitoringMiddleware
from ._catalogue import MetricDescription, catalogue
from ._destinations import Alertmanager, DestinationHealth, Webhook
from ._devices import (
    CoreStats,
    DiskStats,
    FilesystemStats,
    HostStats,
    InterfaceStats,
    NetworkStats,
    SpaceStats,
)
from ._diagnosis import Diagnosis, diagnose
from ._errors import (
    ConfigurationError,
    ConfigurationTypeError,
    MonitoringError,
    ProfilerError,
    UnknownMetricError,
)
from ._evidence import Evidence, ProcessEvidence, TraceEvidence
from ._live import live_view
from ._metrics import MetricSummary
from ._monitor import ResourceMonitor
from ._native import Counter, Gauge, Histogram
from ._native import version as _version
from ._pressure import Pressure, PressureEvent, PressureStats, PressureTriggerHealth
from ._processes import ContainerStats, MonitorStats, ProcessStats, TreeStats
from ._profile import Profile, ProfileDiff, ProfileMetrics, ProfileTask, ProfileTrace
from ._profiler import Profiler
from ._server import Server
from ._stats import CPUStats, IOStats, MemoryStats, MonitorHealth, SectionHealth, SystemStats
from ._thresholds import Silence

__all__ = [
    "Alert",
    "Alertmanager",
    "CPUStats",
    "ConfigurationError",
    "ConfigurationTypeError",
    "ContainerStats",
    "CoreStats",
    "Counter",
    "DestinationHealth",
    "Diagnosis",
    "DiskStats",
    "Evidence",
    "FilesystemStats",
    "Gauge",
    "Histogram",
    "HostStats",
    "IOStats",
    "InterfaceStats",
    "MemoryStats",
    "MetricDescription",
    "MetricSummary",
    "MonitorHealth",
    "MonitorStats",
    "MonitoringError",
    "MonitoringMiddleware",
    "NetworkStats",
    "Pressure",
    "PressureEvent",
    "PressureStats",
    "PressureTriggerHealth",
    "ProcessEvidence",
    "ProcessStats",
    "Profile",
    "ProfileDiff",
    "ProfileMetrics",
    "ProfileTask",
    "ProfileTrace",
    "Profiler",
    "ProfilerError",
    "ResourceMonitor",
    "SectionHealth",
    "Server",
    "Silence",
    "SpaceStats",
    "SystemStats",
    "TraceEvidence",
    "TreeStats",
    "UnknownMetricError",
    "Webhook",
    "catalogue",
    "diagnose",
    "live_view",
]

__version__ = _version()
