"""More events than anybody can take: what is lost is counted, to the last one (issue 2, "It must show" 4)."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from deadline import Told, eventually, run
from mtaio.monitoring import ResourceMonitor
from undisturbed import undisturbed

THREADS = 8
RECORDS = 10_000
#: Events that wait for a loop at most.
ROOM = 4096


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A handler that raises thousands of times is logged each time; the log is another test's business."""
    logger = logging.getLogger("mtaio.monitoring")
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(logging.NOTSET)


class Crowd:
    """Three handlers for whatever a threshold says: one that counts, one that hangs, one that raises."""

    def __init__(self, monitor: ResourceMonitor) -> None:
        self.monitor = monitor
        self.told = 0
        self.hanging = 0
        self.go_on = asyncio.Event()
        for decorator in (monitor.on_threshold_exceeded, monitor.on_threshold_cleared):
            decorator(self.counts)
            decorator(self.hangs)
            decorator(self.raises)

    async def counts(self, _metric: str, _value: float, _threshold: float) -> None:
        self.told += 1

    async def hangs(self, *_arguments: Any) -> None:
        self.hanging += 1
        await self.go_on.wait()

    async def raises(self, *_arguments: Any) -> None:
        raise LookupError

    def events(self) -> float:
        """Events accounted for: their calls were made or counted as not made, or they count as lost."""
        health = self.monitor.health()
        calls = self.told + self.hanging + health.handler_errors + health.dropped_calls
        return health.dropped_events + calls / 3


@pytest.mark.parametrize("started", [False, True], ids=["stopped", "running"])
def test_ten_thousand_records_from_eight_threads(started: bool) -> None:
    async def main() -> None:
        monitor = ResourceMonitor(interval=0.001)
        crowd = Crowd(monitor)
        errors: list[BaseException] = []
        for index in range(THREADS):
            monitor.set_threshold(f"queue_{index}", 10.0)
            # A threshold without a value for three intervals would make an event of its own.
            monitor.record(f"queue_{index}", 9.0)
        monitor.set_threshold("shared", 0.5)

        def record(index: int) -> None:
            try:
                for _ in range(RECORDS // THREADS // 2):
                    monitor.record(f"queue_{index}", 11.0)
                    monitor.record(f"queue_{index}", 9.0)
                monitor.record("everybody", float(index))
            except BaseException as error:
                errors.append(error)

        async with undisturbed(monitor) if started else contextlib.nullcontext():
            # A monitor that was never started learns from this which loop to tell things on.
            await monitor.record_metrics({"shared": 1.0})
            threads = [threading.Thread(target=record, args=(index,)) for index in range(THREADS)]
            for thread in threads:
                thread.start()
            await eventually(lambda: not any(thread.is_alive() for thread in threads))
            await eventually(lambda: crowd.events() == RECORDS + 1)
            # Nothing comes after: each event was accounted for once.
            await asyncio.sleep(0.05)
            assert crowd.events() == RECORDS + 1
            assert errors == [], "no exception in the caller"
            # Each of the two kinds has a limit of its own; one of "shared" has room in the first only.
            assert 64 < crowd.hanging <= 128
            assert crowd.told > 0
            assert 0 <= await monitor.get_metric("everybody") < THREADS
            crowd.go_on.set()
            await monitor.stop()

    run(main(), seconds=40)


def test_while_the_loop_is_blocked_the_oldest_events_go_and_are_counted() -> None:
    async def main() -> None:
        monitor, told, cleared = ResourceMonitor(interval=0.01), Told(), Told()
        monitor.on_threshold_exceeded(told)
        monitor.on_threshold_cleared(cleared)
        monitor.set_threshold("queue", 10.0)
        async with monitor:

            def storm() -> None:
                for index in range(RECORDS):
                    monitor.record("queue", 11.0 + index)
                    monitor.record("queue", 9.0)

            thread = threading.Thread(target=storm)
            thread.start()
            # Blocks the loop on purpose.
            thread.join()
            assert monitor.health().dropped_events == 2 * RECORDS - ROOM
            # Bit by bit, so that other tasks have their turn; each is told, waits or is counted.
            await eventually(lambda: len(told.calls) + len(cleared.calls) + monitor.health().dropped_calls == ROOM)
            # Of what was kept, the oldest were told first.
            assert told.calls[0] == ("queue", 11.0 + RECORDS - ROOM / 2, 10.0)
            await monitor.record_metric("queue", 99.0)
            # When those have been told of what came before.
            await eventually(lambda: told.calls[-1] == ("queue", 99.0, 10.0))

    run(main())


def test_one_that_flaps_while_the_loop_is_blocked_costs_no_other_its_alert() -> None:
    async def main() -> None:
        monitor, told = ResourceMonitor(interval=0.01), Told()
        monitor.on_alert(told)
        for index in range(100):
            monitor.set_threshold(f"steady_{index}", 10.0)
        monitor.set_threshold("queue", 10.0)
        async with monitor:

            def storm() -> None:
                for index in range(100):
                    monitor.record(f"steady_{index}", 11.0)
                for _ in range(RECORDS):
                    monitor.record("queue", 11.0)
                    monitor.record("queue", 9.0)

            thread = threading.Thread(target=storm)
            thread.start()
            # Blocks the loop on purpose.
            thread.join()
            assert monitor.health().dropped_events == 2 * RECORDS + 100 - ROOM
            firing = {f"steady_{index}" for index in range(100)}
            await eventually(lambda: firing <= {alert.metric for alert in told.calls})
            await eventually(lambda: (told.calls[-1].metric, told.calls[-1].state) == ("queue", "resolved"))

    run(main())
