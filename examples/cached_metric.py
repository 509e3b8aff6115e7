"""A metric that is dear to compute, at most once a second: the reference's ``OptimizedMonitor``.

python examples/cached_metric.py
"""

import asyncio
import time

from mtaio.monitoring import ResourceMonitor


class OptimizedMonitor(ResourceMonitor):
    """Reads seldom, and reads a metric anew only when the last reading is a second old."""

    def __init__(self) -> None:
        """Samples every five seconds."""
        super().__init__(interval=5.0)
        self._metrics_cache: dict[str, tuple[float, float]] = {}
        self.readings = 0

    async def get_metric(self, name: str) -> float:
        """The value, from the cache if it is fresh."""
        if name in self._metrics_cache:
            value, read_at = self._metrics_cache[name]
            if time.monotonic() - read_at < 1.0:
                return value
        value = await self._collect_metric(name)
        self.readings += 1
        self._metrics_cache[name] = (value, time.monotonic())
        return value


async def main() -> None:
    """Asks often."""
    async with OptimizedMonitor() as monitor:
        begun = time.monotonic()
        asked = 0
        while time.monotonic() - begun < 1.2:
            await monitor.get_metric("memory_usage")
            asked += 1
            await asyncio.sleep(0.01)
        value = await monitor.get_metric("memory_usage")
        print(f"asked {asked} times, read {monitor.readings} times: {value:.1f} % in use")


if __name__ == "__main__":
    asyncio.run(main())
