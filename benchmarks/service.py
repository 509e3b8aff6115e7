"""T9: how many requests a second a service under load still answers when it is watched."""

import contextlib
import json
import os
import selectors
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.paired import Result, medians

# A process has its luck with addresses and caches, of a per cent or two: each service is started several times.
GENERATIONS = 4
ROUNDS = 120
REQUESTS = 100
CONNECTIONS = 16
TRACES = 11
REQUEST = b"GET /orders/12 HTTP/1.1\r\nHost: service\r\nAccept: */*\r\nAuthorization: secret\r\n\r\n"
OK = b"HTTP/1.1 200 "


class Load(NamedTuple):
    """One round of one service: requests a second, and microseconds of its processor time for each."""

    rate: float
    cost: float


class Service:
    """One service in a process of its own, and the connections that are kept open to it.

    Every answer has the same length, so the client counts bytes where others parse: it is to cost little, on two cores.
    """

    def __init__(
        self, kind: str, stack: contextlib.ExitStack, program: tuple[str, ...] = ("-m", "benchmarks.service_app")
    ) -> None:
        self.kind = kind
        self.process = process = subprocess.Popen(
            [sys.executable, *program, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # logfire, which stands beside us in other benchmarks, plugs itself into pydantic.
            env=os.environ | {"PYTHONHASHSEED": "0", "PYDANTIC_DISABLE_PLUGINS": "__all__"},
        )
        stack.callback(self._end, process)
        self.port = int(process.stdout.readline())
        self.selector = selectors.DefaultSelector()
        stack.callback(self.selector.close)
        self.connections = []
        for _ in range(CONNECTIONS):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", self.port), timeout=10))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections.append(connection)
            self.selector.register(connection, selectors.EVENT_READ)
        self.length = self._length_of_answer()

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _length_of_answer(self) -> int:
        connection = self.connections[0]
        connection.sendall(REQUEST)
        text = b""
        while True:
            text += connection.recv(65536)
            head, found, body = text.partition(b"\r\n\r\n")
            if not found:
                continue
            if not head.startswith(OK):
                raise AssertionError(f"{self.kind} answered {head!r}")
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            if len(body) == int(fields[b"content-length"]):
                return len(text)

    def get(self, path: str, **headers: str) -> object:
        """One answer, read by a client that knows HTTP."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def processor_seconds(self) -> float:
        """Processor time of all its threads until now, from the scheduler's own nanoseconds."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def under_load(self, count: int) -> Load:
        """So many requests, one under way on each connection at any time."""
        before = self.processor_seconds()
        missing = dict.fromkeys(self.connections, self.length)
        sent, answered = len(self.connections), 0
        started = time.perf_counter()
        for connection in self.connections:
            connection.send(REQUEST)
        while answered < count:
            ready = self.selector.select(10)
            if not ready:
                raise TimeoutError(f"{self.kind} answers no more")
            for key, _ in ready:
                connection = key.fileobj
                part = connection.recv(65536)
                if missing[connection] == self.length and not part.startswith(OK):
                    raise AssertionError(f"{self.kind} answered {part!r}")
                missing[connection] -= len(part)
                if missing[connection] == 0:
                    answered += 1
                    missing[connection] = self.length
                    if sent < count:
                        sent += 1
                        connection.send(REQUEST)
        elapsed = time.perf_counter() - started
        return Load(count / elapsed, 1e6 * (self.processor_seconds() - before) / count)


def check(services: list[Service]) -> None:
    """All answer the same, and observe what the target says."""
    answers = [service.get("/orders/12", Authorization="secret") for service in services]
    if any(answer != answers[0] for answer in answers):
        raise AssertionError(f"the services do not answer the same: {answers}")
    for service in services:
        expected = {"plain": (0, 0)}.get(service.kind, (2 * TRACES, 1))
        observed = service.get("/observed")
        if (observed["traces"], observed["records"]) != expected:
            raise AssertionError(f"{service.kind} observed {observed} in two requests")


@contextlib.contextmanager
def on_core(number: int) -> Iterator[None]:
    """Keeps this process, and those that it starts, on one core, where there are two and a call for it."""
    if not hasattr(os, "sched_setaffinity") or len(cores := sorted(os.sched_getaffinity(0))) < 2:
        yield
        return
    os.sched_setaffinity(0, {cores[number]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


Pair = tuple[Load, Load]


def neighbours(one: Service, other: Service, turn: int, count: int) -> Pair:
    """Two services under the same load, one right after the other, in both orders by turns."""
    if turn % 2 == 0:
        return one.under_load(count), other.under_load(count)
    second = other.under_load(count)
    return one.under_load(count), second


def generation() -> tuple[list[Pair], list[Pair]]:
    """Ours beside the service without tracing, round by round; and in every tenth round, OpenTelemetry beside it."""
    with contextlib.ExitStack() as stack:
        with on_core(1):
            services = [Service(kind, stack) for kind in ("plain", "ours", "opentelemetry")]
        check(services)
        stack.enter_context(on_core(0))
        for service in services:
            service.under_load(REQUESTS)
        plain, ours, opentelemetry = services
        watched, others = [], []
        for turn in range(ROUNDS):
            watched.append(neighbours(ours, plain, turn, REQUESTS))
            if turn % 10 == 0:
                others.append(neighbours(opentelemetry, plain, turn // 10, REQUESTS))
        return watched, others


def run() -> Iterator[Result]:
    """Beside the same service without tracing, and with the SDK that others would use."""
    generations = [generation() for _ in range(GENERATIONS)]
    watched = [row for ours, _ in generations for row in ours]
    others = [row for _, theirs in generations for row in theirs]
    what = f"requests a second, {TRACES} traces and 1 record each"

    rate, plain, ratio = medians((ours.rate, without.rate) for ours, without in watched)
    yield Result("T9", what, rate, "the same without", plain, ratio, 0.97, "/s", at_least=True)

    theirs, _, left = medians((theirs.rate, without.rate) for theirs, without in others)
    peer = f"OpenTelemetry SDK ({left:.2f} of the same without)"
    yield Result("T9", what, rate, peer, theirs, ratio / left, 1.0, "/s", at_least=True)

    # The service has a core to itself and is never idle, so this says the same again, and says it too where other
    # programs take some of that core.
    cost, plain, ratio = medians((ours.cost, without.cost) for ours, without in watched)
    what = "its processor time a request"
    yield Result("T9", what, cost, "the same without", plain, ratio, round(1 / 0.97, 2), "µs")
