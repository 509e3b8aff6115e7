"""Holding that sampling goes on while something else goes wrong."""

import contextlib
import time
from collections.abc import AsyncIterator

from deadline import eventually
from mtaio.monitoring import ResourceMonitor


@contextlib.asynccontextmanager
async def undisturbed(monitor: ResourceMonitor) -> AsyncIterator[None]:
    """Holds that samples were taken all the while, save those that are counted as missed.

    The two deadlines at the edges of the block belong to it or not.
    """
    async with monitor:
        await eventually(lambda: monitor.health().samples > 0)
        before, begun = monitor.health(), time.monotonic()
        yield
        after, elapsed = monitor.health(), time.monotonic() - begun
        ticks = after.samples + after.missed_ticks - before.samples - before.missed_ticks
        # A tick that is late on a busy machine is counted only when it comes.
        late = (after.largest_late_seconds + 0.05) / monitor.interval
        assert elapsed / monitor.interval - late - 2 <= ticks <= elapsed / monitor.interval + 2
        assert after.panics == 0
