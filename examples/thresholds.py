"""Thresholds for a service: the reference's ``configure_thresholds``, and what it can grow into.

python examples/thresholds.py
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mtaio.monitoring import Alert, ResourceMonitor


def configure_thresholds(monitor: ResourceMonitor) -> None:
    """As the reference has it."""
    # System resources
    monitor.set_threshold("cpu_usage", 80.0)
    monitor.set_threshold("memory_usage", 90.0)
    # Application metrics
    monitor.set_threshold("error_rate", 5.0)
    monitor.set_threshold("response_time", 1.0)


def configure_more(monitor: ResourceMonitor) -> None:
    """What people who are woken by it come to want."""
    # Two levels, and good again at 50.
    monitor.set_threshold("queue_depth", 100.0, critical=500.0, clear=50.0)
    # Each route by itself, over the newest minute.
    monitor.set_threshold("response_time:p99 by (route)", 0.5, window_seconds=60.0)
    # What the container is denied.
    monitor.set_threshold("container_cpu_throttled_periods_percent", 25.0, for_seconds=30.0)


@asynccontextmanager
async def monitoring() -> AsyncIterator[ResourceMonitor]:
    """As the reference has it: started, and stopped whatever happens."""
    monitor = ResourceMonitor(interval=0.1)
    try:
        await monitor.start()
        yield monitor
    finally:
        await monitor.stop()


async def main() -> None:
    """Crosses some of them, and comes back."""
    async with monitoring() as monitor:
        configure_thresholds(monitor)
        configure_more(monitor)

        @monitor.on_alert
        async def tell(alert: Alert) -> None:
            print(f"{alert.state:8} {alert.level:8} {alert.message}", flush=True)

        await monitor.record_metrics({"error_rate": 7.5, "response_time": 0.2, "queue_depth": 140})
        await monitor.record_metrics({"error_rate": 0.5, "queue_depth": 700})
        await monitor.record_metric("queue_depth", 10)
        for _ in range(50):
            await monitor.record_metric("response_time", 0.1, labels={"route": "/cart"})
            await monitor.record_metric("response_time", 0.8, labels={"route": "/pay"})
        # Expressions are looked at with each sample.
        await asyncio.sleep(0.3)


if __name__ == "__main__":
    asyncio.run(main())
