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

The metrics that it measures by itself: ``mtaio metrics``, or ``catalogue()``.
"""

from ._alert import Alert
from ._catalogue import MetricDescription, catalogue
from ._errors import (
    ConfigurationError,
    ConfigurationTypeError,
    MonitoringError,
    UnknownMetricError,
)
from ._live import live_view
from ._monitor import ResourceMonitor
from ._native import version as _version
from ._stats import CPUStats, IOStats, MemoryStats, MonitorHealth, SectionHealth, SystemStats

__all__ = [
    "Alert",
    "CPUStats",
    "ConfigurationError",
    "ConfigurationTypeError",
    "IOStats",
    "MemoryStats",
    "MetricDescription",
    "MonitorHealth",
    "MonitoringError",
    "ResourceMonitor",
    "SectionHealth",
    "SystemStats",
    "UnknownMetricError",
    "catalogue",
    "live_view",
]

__version__ = _version()
