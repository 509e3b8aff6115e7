"""A small async service under load, watched live, here and on a page of its own. Ctrl-C ends it. (`make run`)

A thumbnail service: clients send requests over loopback TCP, four workers serve them from a queue. Every fifteen
seconds a crowd comes for five: the queue grows, an alert fires, and clears when the crowd has gone.
"""

import asyncio
import logging
import random
import signal
import sys
import time

from mtaio.monitoring import ResourceMonitor, live_view

logger = logging.getLogger("thumbnails")

WORKERS = 4
CLIENTS = 6
CROWD = 60
CROWD_EVERY_SECONDS = 15.0
CROWD_STAYS_SECONDS = 5.0


class ThumbnailService:
    """Reads a line, makes a "thumbnail" of it, writes a line."""

    def __init__(self, monitor: ResourceMonitor) -> None:
        """A service that records what it does in ``monitor``."""
        self.monitor = monitor
        self.queue: asyncio.Queue[tuple[bytes, asyncio.Future[bytes]]] = asyncio.Queue()
        self.address: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        """Serves until cancelled."""
        server = await asyncio.start_server(self.handle, "127.0.0.1", 0)
        self.address.set_result(server.sockets[0].getsockname())
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(WORKERS):
                    tasks.create_task(self.work())
        finally:
            # Not `async with server`, which from 3.12 on waits for connections that no worker serves any more.
            server.close()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while line := await reader.readline():
                started = time.perf_counter()
                done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
                self.queue.put_nowait((line, done))
                self.monitor.record("queue_depth", self.queue.qsize())
                writer.write(await done)
                await writer.drain()
                await self.monitor.record_metric("request_duration", time.perf_counter() - started)
        except (ConnectionError, asyncio.CancelledError):
            # The client left, or the service ends: neither is an error of this connection's.
            pass
        finally:
            writer.close()

    async def work(self) -> None:
        """One worker: some waiting, as for a disk, and some computing."""
        while True:
            line, done = await self.queue.get()
            await asyncio.sleep(random.expovariate(1 / 0.008))
            checksum = sum(line * 200) % 65_536
            self.monitor.record("queue_depth", self.queue.qsize())
            done.set_result(b"%d\n" % checksum)


async def client(address: tuple[str, int], pause: float) -> None:
    """Asks again and again, thinking a little in between."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        while True:
            writer.write(b"picture %d\n" % random.randrange(10_000))
            if not await reader.readline():
                return
            await asyncio.sleep(random.expovariate(1 / pause))
    except ConnectionError:
        # The service has ended.
        pass
    finally:
        writer.close()


async def load(address: tuple[str, int]) -> None:
    """A few clients all the time, and now and then a crowd."""
    async with asyncio.TaskGroup() as regulars:
        for _ in range(CLIENTS):
            regulars.create_task(client(address, 0.02))
        while True:
            await asyncio.sleep(CROWD_EVERY_SECONDS - CROWD_STAYS_SECONDS)
            crowd = [asyncio.create_task(client(address, 0.02)) for _ in range(CROWD)]
            await asyncio.sleep(CROWD_STAYS_SECONDS)
            for member in crowd:
                member.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)


async def main() -> None:
    """Runs service, load and live view until a signal comes."""
    monitor = ResourceMonitor(interval=1.0)
    monitor.set_threshold("cpu_usage", 90.0, clear=80.0, for_seconds=3.0)
    monitor.set_threshold("memory_usage", 90.0)
    monitor.set_threshold("queue_depth", 20, clear=5)
    monitor.set_threshold("request_duration", 2.0)

    @monitor.on_threshold_exceeded
    async def shed_load(metric: str, value: float, threshold: float) -> None:
        # A real service would refuse work here, or ask for another worker.
        monitor.record("overload", value / threshold)
        logger.info("%s: shedding load", metric)

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    service = ThumbnailService(monitor)
    serving = asyncio.create_task(service.serve())
    loading = asyncio.create_task(load(await service.address))
    async with monitor:
        # A port that is free, on the loopback: for whoever sits at this machine.
        server = monitor.serve()
        print(f"page: {server.url}", file=sys.stderr, flush=True)
        # The address comes first: a narrow terminal cuts the end off.
        with live_view(monitor, title=f"{server.url.removeprefix('http://')} thumbnail service"):
            await ended.wait()
            for task in (loading, serving):
                task.cancel()
            await asyncio.gather(loading, serving, return_exceptions=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(main())
    sys.exit(0)
