"""Alerts reach a real Alertmanager, whatever it does meanwhile; what does not is counted, and nobody waits for it."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alertmanager import Alertmanager as Server
from alertmanager import Receiver, Way, alertmanager, longest, timed
from deadline import eventually, run, soon
from mtaio.monitoring import Alertmanager, DestinationHealth, ResourceMonitor

pytestmark = pytest.mark.once


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Iterator[tuple[Server, Receiver]]:
    with alertmanager(tmp_path) as started:
        yield started


def watched(url: str, timeout: float = 2.0) -> ResourceMonitor:
    """A monitor with a threshold on what the test records, that tells an Alertmanager."""
    monitor = ResourceMonitor(interval=0.05)
    monitor.set_threshold("queue", 10.0, critical=100.0, annotations={"runbook": "https://wiki.example.org/queue"})
    destination = Alertmanager(url, labels={"service": "shop"}, resend_seconds=0.5, timeout_seconds=timeout)
    monitor.add_destination(destination)
    return monitor


def health(monitor: ResourceMonitor) -> DestinationHealth:
    """Of the one destination."""
    (one,) = monitor.health().destinations
    return one


def test_what_fires_and_what_is_over_arrive(server: tuple[Server, Receiver]) -> None:
    manager, receiver = server

    async def main() -> None:
        monitor = watched(manager.url)
        async with monitor:
            await monitor.record_metric("queue", 11.0)
            await eventually(lambda: receiver.alerts() == [("queue", "firing")])
            (alert,) = manager.alerts()
            assert alert["labels"] == {"alertname": "queue", "service": "shop", "severity": "warning"}
            assert alert["annotations"] == {
                "message": "queue 11 is above its threshold of 10",
                "runbook": "https://wiki.example.org/queue",
                "threshold": "10",
                "value": "11",
            }
            # It is sent again, so that it goes on.
            before = alert["endsAt"]
            await eventually(lambda: manager.alerts()[0]["endsAt"] > before)
            await monitor.record_metric("queue", 5.0)
            await eventually(lambda: receiver.alerts() == [("queue", "firing"), ("queue", "resolved")])
            await monitor.alert("the disk is on fire")
            await eventually(lambda: ("message", "firing") in receiver.alerts())
            # It ends by itself, after four times the half second.
            await eventually(lambda: ("message", "resolved") in receiver.alerts())
        assert (health(monitor).sent, health(monitor).failed, health(monitor).dropped) == (3, 0, 0)
        assert health(monitor).address == manager.url

    run(main(), seconds=40)


def test_while_it_is_away_its_alerts_wait(server: tuple[Server, Receiver]) -> None:
    manager, receiver = server

    async def main() -> None:
        monitor = watched(manager.url)
        async with monitor:
            await monitor.record_metric("queue", 11.0)
            await eventually(lambda: receiver.alerts() == [("queue", "firing")])
            manager.stop()
            await monitor.record_metric("queue", 101.0)
            await eventually(lambda: health(monitor).failed > 0)
            assert health(monitor).waiting == 1
            assert "refused" in (health(monitor).last_error or "")
            await asyncio.to_thread(manager.start)
            await eventually(lambda: health(monitor).sent == 2)
            await eventually(lambda: receiver.alerts().count(("queue", "firing")) >= 2)
            severities = {alert["labels"]["severity"] for alert in manager.alerts()}
            assert "critical" in severities
            await monitor.record_metric("queue", 5.0)
            await eventually(lambda: manager.alerts() == [])
        one = health(monitor)
        assert (one.sent, one.dropped, one.waiting) == (3, 0, 0)

    run(main(), seconds=50)


def test_slow_hanging_and_broken_it_delays_nobody_and_what_is_lost_is_counted(server: tuple[Server, Receiver]) -> None:
    manager, receiver = server

    async def main(way: Way) -> None:
        monitor = watched(way.url)
        told = 0
        records: list[float] = []
        turns: list[float] = []
        over = asyncio.Event()

        async def turn() -> None:
            while not over.is_set():
                begun = time.perf_counter()
                await asyncio.sleep(0.01)
                turns.append(time.perf_counter() - begun - 0.01)

        async with monitor:
            samples = monitor.health().samples
            turning = asyncio.create_task(turn())
            for mode in ("slow", "hangs", "500"):
                way.mode = mode
                calls = way.calls
                for index in range(50):
                    for value in (11.0 + index, 5.0):
                        records.append(timed(lambda value=value: monitor.record("queue", value)))
                        told += 1
                    await asyncio.sleep(0.01)
                await eventually(lambda calls=calls: way.calls > calls)
                one = health(monitor)
                assert one.sent + one.dropped + one.waiting == told
            monitor.record("queue", 12.0)
            told += 1
            way.mode = "through"
            await eventually(lambda: health(monitor).waiting == 0)
            await eventually(lambda: bool(receiver.alerts()) and receiver.alerts()[-1] == ("queue", "firing"))
            over.set()
            await turning
            assert monitor.health().samples > samples + 10
        one = health(monitor)
        assert one.sent + one.dropped == told
        assert one.sent > 0
        assert one.failed > 0
        # A machine that others use takes the processor away now and then; a call that waits for the way takes seconds.
        assert sorted(records)[len(records) // 2] < 0.001
        assert longest(records) < 0.5
        assert longest(turns) < 0.5

    with Way(manager.port) as way:
        run(main(way), seconds=50)


def test_stop_gives_it_what_is_left_of_the_time(server: tuple[Server, Receiver]) -> None:
    manager, receiver = server

    async def main(way: Way) -> None:
        monitor = watched(way.url, timeout=30.0)
        await monitor.start()
        way.mode = "slow"
        await monitor.record_metric("queue", 11.0)
        await monitor.stop()
        assert (health(monitor).sent, health(monitor).waiting) == (1, 0), "a second is time enough"
        await eventually(lambda: receiver.alerts() == [("queue", "firing")])
        await monitor.start()
        way.mode = "hangs"
        calls = way.calls
        await monitor.record_metric("queue", 5.0)
        await eventually(lambda: way.calls > calls)
        await monitor.record_metric("queue", 12.0)
        begun = time.monotonic()
        await monitor.stop()
        assert 4.0 < time.monotonic() - begun < 7.0
        one = health(monitor)
        assert (one.sent, one.dropped + one.waiting) == (1, 2), "the call that hangs is counted when it ends"
        way.mode = "through"
        await eventually(lambda: health(monitor).waiting == 0)

    with Way(manager.port) as way:
        run(main(way), seconds=40)


def test_a_blocked_loop_does_not_keep_alerts_back(server: tuple[Server, Receiver]) -> None:
    manager, receiver = server

    async def main() -> None:
        async with watched(manager.url) as monitor:
            monitor.record("queue", 11.0)
            # Blocks the loop on purpose; the receiver is a thread of this process.
            soon(lambda: receiver.alerts() == [("queue", "firing")])

    run(main(), seconds=40)
