"""Clients that mean harm: each is refused as it should be, and the service that is watched notices nothing of them."""

import asyncio
import json
import math
import subprocess
import sys
import time
from pathlib import Path

import prometheus_client
import pytest
from deadline import run, soon
from hostile import CONNECTIONS, asked, refusals
from mtaio.monitoring import ResourceMonitor

pytestmark = pytest.mark.once

TOKEN = "a-token-of-enough-letters"
SERIES = 5_000
SERIES_OF_A_METRIC = 1_000

#: How often the service serves itself, and how long it is watched.
PERIOD = 0.005
QUIET_SECONDS = 2.0
STORM_SECONDS = 9.0

#: What an answer may take longer, at worst but for one in a hundred, for what else goes on on two processors.
SLACK_SECONDS = 0.03

#: What the server may hold for its clients: 64 MiB of answers and 256 heads, and what the allocator keeps of it.
MOST_MEMORY = 96 << 20

HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


class Service:
    """A service on the loop: it answers its own client, and says how long each answer took from when it was due."""

    def __init__(self) -> None:
        """Not asked yet."""
        self.most_memory = 0
        self._answered = asyncio.Event()

    async def __aenter__(self) -> "Service":
        """It listens."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self._client = await asyncio.open_connection(*self._server.sockets[0].getsockname())
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """It ends."""
        self._client[1].close()
        await self._client[1].wait_closed()
        await self._answered.wait()
        self._server.close()
        await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()
        await writer.wait_closed()
        self._answered.set()

    async def latencies(self, seconds: float) -> list[float]:
        """Of one request a period."""
        reader, writer = self._client
        begin = time.perf_counter()
        due, taken = begin, []
        while due < begin + seconds:
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            writer.write(b"request\n")
            assert await reader.readline() == b"request\n"
            taken.append(time.perf_counter() - due)
            self.most_memory = max(self.most_memory, resident())
            # One that was late is not asked again for what it missed.
            due = max(due + PERIOD, time.perf_counter() - PERIOD)
        return taken


def worst(latencies: list[float]) -> float:
    """But for one in a hundred."""
    return sorted(latencies)[math.ceil(0.99 * len(latencies)) - 1]


class Storm:
    """The attack, from a process of its own."""

    def __init__(self, port: int, seconds: float) -> None:
        """It begins."""
        script = Path(__file__).with_name("hostile.py")
        command = [sys.executable, script, str(port), TOKEN, str(seconds)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def end(self) -> dict[str, int]:
        """What it has to say, when it is over."""
        out, _ = self._process.communicate(timeout=20)
        assert self._process.returncode == 0
        told: dict[str, int] = json.loads(out)
        return told

    def kill(self) -> None:
        """Whatever it is at."""
        self._process.kill()
        self._process.communicate()


def recorded() -> ResourceMonitor:
    """A monitor whose scrape is no trifle."""
    monitor = ResourceMonitor(interval=0.1)
    for metric in range(SERIES // SERIES_OF_A_METRIC):
        gauge = monitor.gauge(f"metric{metric}", help="What it is.")
        for number in range(SERIES_OF_A_METRIC):
            gauge.labels(route=f"/api/v1/things/{number}").set(number * 1.1)
    return monitor


async def on_the_loop(service: Service) -> list[float]:
    """What the service takes where the same series are told by the loop itself, again and again."""
    registry = prometheus_client.CollectorRegistry()
    for metric in range(SERIES // SERIES_OF_A_METRIC):
        gauge = prometheus_client.Gauge(f"metric{metric}", "What it is.", ["route"], registry=registry)
        for number in range(SERIES_OF_A_METRIC):
            gauge.labels(f"/api/v1/things/{number}").set(number * 1.1)

    async def scrape_on() -> None:
        while True:
            prometheus_client.generate_latest(registry)
            await asyncio.sleep(0.005)

    scraping = asyncio.create_task(scrape_on())
    latencies = await service.latencies(QUIET_SECONDS)
    scraping.cancel()
    await asyncio.gather(scraping, return_exceptions=True)
    return latencies


def test_each_is_refused_with_the_right_status() -> None:
    with recorded().serve(token=TOKEN) as server:
        for what, (request, expected) in refusals(TOKEN).items():
            status, answer = asked(server.port, request)
            assert status in expected, f"{what}: {status}, {answer[:200]!r}"
            # Nothing that was asked for is told, neither of ours nor of the machine's.
            # And the head that is refused is not repeated to who looks at the answer.
            assert not [part for part in (b"metric0", b"root:", b"evil", TOKEN.encode()) if part in answer], what
        assert asked(server.port, HEALTHZ)[1].endswith(b"ok\n")


def test_the_service_is_undisturbed_by_a_storm_and_by_its_end() -> None:
    async def main() -> None:
        async with recorded() as monitor, Service() as service:
            with monitor.serve(token=TOKEN) as server:
                await service.latencies(0.5)
                quiet = worst(await service.latencies(QUIET_SECONDS))
                before = resident()
                service.most_memory = 0
                storm = await asyncio.to_thread(Storm, server.port, STORM_SECONDS)
                try:
                    stormy = worst(await service.latencies(STORM_SECONDS - 1.0))
                    told = await asyncio.to_thread(storm.end)
                finally:
                    storm.kill()
                grown = service.most_memory - before
                began = time.perf_counter()
                soon(lambda: asked(server.port, HEALTHZ)[1].endswith(b"ok\n"), 5.0)
                took = time.perf_counter() - began
                refused = server.refused_connections
            theirs = worst(await on_the_loop(service))
        figures = (
            f"p99 {quiet * 1e3:.1f} ms alone, {stormy * 1e3:.1f} ms in the storm, {theirs * 1e3:.1f} ms beside one "
            f"on the loop; {grown / (1 << 20):.1f} MiB; {told}; {refused} refused; /healthz after {took * 1e3:.0f} ms"
        )
        print(figures)
        # It was one: every sort of it took place, and there were more than there is room for.
        assert told["opened"] == told["wanted"], figures
        assert told["wanted"] == CONNECTIONS or told["wanted"] >= 3_000, f"{figures}: the limit of descriptors is low"
        assert refused > told["opened"] // 2, figures
        assert min(told["dripped"], told["let go"], told["deaf"]) >= 50, figures
        # And nobody else noticed, as somebody would if it were served on the loop.
        assert stormy < 2 * quiet + SLACK_SECONDS, figures
        assert theirs > 2 * stormy, figures
        assert grown < MOST_MEMORY, figures
        assert monitor.health().panics == 0

    run(main(), 50.0)


def test_stop_ends_it_in_the_midst_of_a_storm() -> None:
    async def main() -> None:
        async with Service() as service:
            quiet = worst(await service.latencies(QUIET_SECONDS))
            monitor = recorded()
            await monitor.start()
            server = monitor.serve(token=TOKEN)
            storm = await asyncio.to_thread(Storm, server.port, STORM_SECONDS)
            try:
                soon(lambda: server.refused_connections > 100)
                watched = asyncio.create_task(service.latencies(1.5))
                began = time.perf_counter()
                await monitor.stop()
                took = time.perf_counter() - began
                assert server.is_closed
                assert asked(server.port, HEALTHZ)[1] == b"", "nothing listens"
                slowest = worst(await watched)
            finally:
                storm.kill()
            assert took < 2.0, f"stop() took {took:.2f} s"
            assert slowest < 2 * quiet + SLACK_SECONDS, f"{quiet} s alone, {slowest} s while it was stopped"

    run(main(), 40.0)
