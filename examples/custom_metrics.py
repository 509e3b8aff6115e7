"""A monitor of your own: the reference's ``ApplicationMonitor``, which collects what only the application knows.

python examples/custom_metrics.py [--requests 400]
"""

import argparse
import asyncio
import random
from dataclasses import dataclass

from mtaio.monitoring import Alert, ResourceMonitor


@dataclass
class CustomMetrics:
    """What the application counts by itself."""

    request_count: int = 0
    error_count: int = 0
    average_response_time: float = 0.0


class ApplicationMonitor(ResourceMonitor):
    """Its ``collect_metrics`` runs from ``start()`` to ``stop()``, and again should it raise."""

    def __init__(self) -> None:
        """Samples ten times a second, so that there is something to see soon."""
        super().__init__(interval=0.1)
        self.metrics = CustomMetrics()
        self.alerted = False

    def count(self, seconds: float, failed: bool) -> None:
        """One request is over."""
        metrics = self.metrics
        metrics.request_count += 1
        metrics.error_count += failed
        metrics.average_response_time += (seconds - metrics.average_response_time) / metrics.request_count

    async def collect_metrics(self) -> None:
        """Hands the numbers over, and raises an alert that no threshold could."""
        while True:
            await self.record_metrics(
                {
                    "request_count": self.metrics.request_count,
                    "error_count": self.metrics.error_count,
                    "average_response_time": self.metrics.average_response_time,
                }
            )
            if self.metrics.error_count > 100 and not self.alerted:
                self.alerted = True
                await self.alert("the error rate is high")
            await asyncio.sleep(0.05)


async def main(requests: int) -> None:
    """An application whose requests fail in one of three cases."""
    monitor = ApplicationMonitor()

    @monitor.on_alert
    async def tell(alert: Alert) -> None:
        print(f"alert: {alert.message}", flush=True)

    async with monitor:
        for _ in range(requests):
            seconds = random.expovariate(500.0)
            await asyncio.sleep(seconds)
            monitor.count(seconds, failed=random.random() < 1 / 3)
        await asyncio.sleep(0.2)
        print(f"{await monitor.get_metric('request_count'):.0f} requests")
        print(f"{await monitor.get_metric('error_count'):.0f} errors")
        print(f"{1000 * await monitor.get_metric('average_response_time'):.1f} ms on average")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=400, help="how many (default: 400)")
    asyncio.run(main(parser.parse_args().requests))
